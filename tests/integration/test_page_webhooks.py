"""Webhooks on the page of administrators, as the browser sends its forms."""

import html as html_module
import re

import pytest

from preread.keys import Role, create_key
from preread.webhooks.attempts import DeliveryFailure, DeliveryState, Outcome
from preread.webhooks.outbox import settle, take_next
from tests.builders import key_for
from tests.support.web import OURS, client_of, sign_in, with_settings

URL = "https://ris.example/preread"


@pytest.fixture
def database_url(sqlite_url):
    """One kind of database is enough: the steps behind are tested on both."""
    return sqlite_url


@pytest.fixture
def hasty(resources):
    """Resources under settings that give a message up after its first failure."""
    return with_settings(resources, webhook_attempts=1)


@pytest.fixture
def visitor(hasty):
    with client_of(hasty) as client:
        yield client


def made(client, **said):
    form = {"url": URL, "types": ["study.flagged", "alert.raised"], "sites": "", **said}
    return client.post("/webhooks", data=form, headers=OURS)


def only_path(client):
    (path,) = set(re.findall(r'href="(/webhooks/wh_\w+)"', client.get("/sites").text))
    return path


def answered(resources, path, failure, status):
    posting = take_next(resources, path.rsplit("/")[-1])
    settle(resources, posting, Outcome(failure, status))


def test_a_webhook_is_made_tried_stopped_and_deleted_and_its_secret_shown_once(visitor, resources):
    sign_in(visitor, key_for(resources, Role.ADMIN))
    assert "nobody is told" in visitor.get("/sites").text
    answer = made(visitor)
    secret = re.search(r"whsec_[\w+/=]+", html_module.unescape(answer.text))[0]
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    path = only_path(visitor)
    for page in ("/sites", path):
        assert secret not in html_module.unescape(visitor.get(page).text)
    assert "study flagged, alert raised" in visitor.get("/sites").text
    assert visitor.post(f"{path}/ping", headers=OURS).headers["location"] == path
    assert ">test message<" in visitor.get(path).text
    assert visitor.post(f"{path}/disable", headers=OURS).status_code == 303
    refused = visitor.post(f"{path}/ping", headers=OURS)
    assert (refused.status_code, "disabled, so nothing is sent" in refused.text) == (409, True)
    visitor.post(f"{path}/enable", headers=OURS)
    assert "Send a test message" in visitor.get(path).text
    for _ in range(2):  # who presses twice finds it gone, as wanted
        assert visitor.post(f"{path}/delete", headers=OURS).status_code == 303
    assert visitor.get(path).status_code == 404


def test_a_message_that_was_given_up_says_why_and_is_tried_anew(visitor, hasty):
    sign_in(visitor, key_for(hasty, Role.ADMIN))
    made(visitor)
    path = only_path(visitor)
    visitor.post(f"{path}/ping", headers=OURS)
    answered(hasty, path, DeliveryFailure.STATUS, 503)
    listed = visitor.get("/sites").text
    assert "refused: status 503" in listed
    assert re.search(r"</span> 1</b>", listed)
    retry = re.search(r'action="(/webhooks/\w+/messages/\w+/retry)"', visitor.get(path).text)[1]
    assert visitor.post(retry, headers=OURS).headers["location"] == path
    assert "given up" not in visitor.get(path).text
    late = visitor.post(retry, headers=OURS)
    assert (late.status_code, "Only a message that was given up" in late.text) == (409, True)
    answered(hasty, path, None, 204)
    assert "delivered" in visitor.get(path).text
    assert "status 503" not in visitor.get("/sites").text


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"url": "ftp://ris.example/"}, "has to begin with https"),
        ({"url": "https://10.0.0.1/"}, "not public"),
        ({"types": []}, "Not accepted: types"),
        ({"sites": "../x"}, "Not accepted: sites"),
    ],
    ids=["scheme", "private", "no type", "no site"],
)
def test_a_form_that_is_refused_says_why_and_keeps_what_was_filled_in(
    visitor, resources, said, why
):
    sign_in(visitor, key_for(resources, Role.ADMIN))
    answer = made(visitor, **said)
    assert (answer.status_code, why in answer.text) == (422, True)
    assert f'value="{said.get("url", URL)}"' in answer.text
    assert 'value="study.flagged" checked' in answer.text or said.get("types") == []
    assert "nobody is told" in visitor.get("/sites").text


def test_an_administrator_of_one_site_makes_and_sees_webhooks_of_it_alone(visitor, resources):
    sign_in(visitor, key_for(resources, Role.ADMIN))
    made(visitor, sites="south")
    foreign = only_path(visitor)
    sign_in(visitor, create_key(resources, Role.ADMIN, label="North", sites=("north",)))
    assert "nobody is told" in visitor.get("/sites").text
    assert visitor.post(f"{foreign}/delete", headers=OURS).status_code == 303
    for step in ("", "/ping", "/disable", "/enable"):
        method = "POST" if step else "GET"
        assert visitor.request(method, foreign + step, headers=OURS).status_code == 404, step
    for sites in ("", "south", "north, south"):
        answer = made(visitor, sites=sites)
        assert (answer.status_code, "names sites among them" in answer.text) == (422, True)
    assert made(visitor, sites="north").status_code == 200
    with resources.reading() as work:
        assert {tuple(row.sites) for row in work.webhooks.all()} == {("south",), ("north",)}


def test_nobody_but_administrators_and_no_other_page_reaches_webhooks(visitor, resources):
    sign_in(visitor, key_for(resources, Role.ADMIN))
    made(visitor)
    path = only_path(visitor)
    steps = ["/webhooks", *(f"{path}/{s}" for s in ("ping", "disable", "enable", "delete"))]
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert {visitor.post(step, headers=foreign).status_code for step in steps} == {403}
    sign_in(visitor, key_for(resources, Role.COORDINATOR))
    form = {"url": URL, "types": "study.flagged"}
    assert {visitor.post(step, data=form, headers=OURS).status_code for step in steps} == {403}
    assert visitor.get(path).status_code == 403
    with resources.reading() as work:
        (row,) = work.webhooks.all()
        assert row.disabled_at is None
        assert work.webhooks.counts()[DeliveryState.PENDING] == 0
