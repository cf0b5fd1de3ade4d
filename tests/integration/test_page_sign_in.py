"""Signing in to the page and out of it, with a key."""

import pytest

from preread.keys import Role
from tests.builders import key_for
from tests.support.web import OURS, sign_in

HTMX = {"HX-Request": "true"}


@pytest.fixture
def client(visitor, resources):
    sign_in(visitor, key_for(resources))
    return visitor


def test_without_a_session_the_page_asks_for_a_key_and_leads_back(visitor):
    answer = visitor.get("/?flagged=true")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2F%3Fflagged%3Dtrue"
    assert 'value="/?flagged=true"' in visitor.get(answer.headers["location"]).text


def test_the_first_page_keeps_the_address_plain(visitor):
    assert visitor.get("/").headers["location"] == "/sign-in"


def test_a_fragment_without_a_session_sends_the_whole_page_to_the_sign_in(visitor):
    answer = visitor.get("/", headers=HTMX)
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/sign-in"


def test_signing_in_sets_a_cookie_that_scripts_and_other_sites_cannot_use(visitor, resources):
    answer = sign_in(visitor, key_for(resources), next="/?flagged=true")
    assert answer.headers["location"] == "/?flagged=true"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert visitor.get("/").status_code == 200


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "", "/a\nb"]
)
def test_signing_in_leads_to_no_other_site(visitor, resources, target):
    assert sign_in(visitor, key_for(resources), next=target).headers["location"] == "/"


def test_a_wrong_key_is_refused_without_an_echo(visitor):
    answer = visitor.post("/sign-in", data={"key": "pr_wrong"}, headers=OURS)
    assert answer.status_code == 401
    assert "not known" in answer.text
    assert "pr_wrong" not in answer.text


def test_a_sender_cannot_sign_in(visitor, resources):
    key = key_for(resources, Role.SENDER)
    answer = visitor.post("/sign-in", data={"key": key}, headers=OURS)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_another_page_cannot_sign_anybody_in_or_out(client, resources):
    headers = {"Sec-Fetch-Site": "cross-site"}
    key = key_for(resources)
    assert client.post("/sign-in", data={"key": key}, headers=headers).status_code == 403
    assert client.post("/sign-out", headers=headers).status_code == 403
    assert client.get("/").status_code == 200


def test_signing_out_ends_the_session_itself(client):
    stolen = {"Cookie": f"preread_session={client.cookies['preread_session']}"}
    assert client.post("/sign-out", headers=OURS).status_code == 303
    assert client.get("/", headers=stolen).status_code == 303
