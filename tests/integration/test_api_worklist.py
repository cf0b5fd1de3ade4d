"""The worklist over HTTP: order, filters, pages, and answers that need not be repeated."""

import base64
import json

import pytest

from preread.keys import Role
from preread.terms import HemorrhageType, Level, OrderClass
from tests.builders import send_study
from tests.support.seed import every_state, pre_read_of
from tests.support.web import bearer, client_of


@pytest.fixture
def client(resources):
    with client_of(resources) as client:
        client.headers.update(bearer(resources))
        yield client


def ids(answer):
    assert answer.status_code == 200, answer.text
    return [row["study"]["study_id"] for row in answer.json()["studies"]]


def test_a_bleed_rises_above_earlier_routine_studies(client, resources, clock):
    waiting = [send_study(resources, n, order_class=OrderClass.ROUTINE) for n in (1, 2)]
    for _ in waiting:
        pre_read_of(resources)
    clock.forward(60)
    bleeding = send_study(resources, 3, order_class=OrderClass.ROUTINE)
    assert ids(client.get("/v1/worklist")) == [*waiting, bleeding] or waiting != sorted(waiting)
    pre_read_of(resources, Level.CRITICAL, (HemorrhageType.IPH,))

    answer = client.get("/v1/worklist")

    assert ids(answer)[0] == bleeding
    row = answer.json()["studies"][0]
    assert row["position"] == 1
    assert "AI critical" in row["study"]["rank_reason"]


def test_every_row_says_how_far_it_is_and_why_it_stands_there(client, resources):
    made = every_state(resources)
    rows = {row["study"]["study_id"]: row["study"] for row in _rows(client)}
    assert rows[made["failed"]]["ai_state"] == "failed"
    assert rows[made["failed"]]["ai_reason"] == "TIMED_OUT"
    assert rows[made["failed"]]["ai_reason_text"]
    assert rows[made["failed"]]["level"] is None
    assert rows[made["not_assessed"]]["level"] == "not_assessed"
    assert rows[made["not_assessed"]]["ai_reason"] == "NOT_HEAD"
    assert rows[made["queued"]]["level"] is None
    assert made["receiving"] not in rows
    assert all(row["rank_reason"] and row["due_at"] for row in rows.values())


def _rows(client):
    return client.get("/v1/worklist").json()["studies"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("site=south", ["failed"]),
        ("order_class=ROUTINE", ["queued"]),
        ("ai_state=failed", ["failed"]),
        ("ai_state=not_assessed", ["not_assessed"]),
        ("level=indeterminate", ["indeterminate"]),
        ("flagged=true", ["critical", "suspected"]),
        ("finding=IVH", ["critical"]),
        ("receiving=true", ["receiving"]),
        ("read_state=final", []),
        ("flagged=true&finding=SDH", ["suspected"]),
        ("site=nowhere", []),
    ],
)
def test_filters_leave_what_they_name(client, resources, query, expected):
    made = every_state(resources)
    assert ids(client.get(f"/v1/worklist?{query}")) == [made[name] for name in expected]


def test_counts_are_those_of_the_whole_list(client, resources):
    every_state(resources)
    counts = client.get("/v1/worklist?limit=1").json()["counts"]
    assert counts == {
        "waiting": 7,
        "flagged": 2,
        "critical": 1,
        "pending": 1,
        "failed": 1,
        "not_assessed": 1,
        "receiving": 1,
        "claimed": 0,
        "on_hold": 0,
        "reopened": 0,
        "second_requested": 0,
    }


@pytest.mark.parametrize("limit", [1, 3, 50])
def test_pages_together_are_the_list(client, resources, limit):
    every_state(resources)
    whole = ids(client.get("/v1/worklist"))
    url, seen = f"/v1/worklist?limit={limit}", []
    while url is not None:
        answer = client.get(url)
        seen += ids(answer)
        assert len(ids(answer)) <= limit
        link = answer.headers.get("link")
        assert (answer.json()["next_cursor"] is None) == (link is None)
        url = None if link is None else link[1 : link.index(">")]
    assert seen == whole


def encoded(parts):
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "!",
        "abc",
        "ä",
        encoded([]),
        encoded({"lane": 1}),
        encoded([1, 2, 3, 4]),
        encoded([True, 2, 3, "x"]),
        encoded([1, 2**80, 3, "x"]),
        encoded([1, 2.5, 3, "x"]),
        encoded([1, 2, 3, "x\x00"]),
        encoded([1, 2, 3, "x" * 99]),
        base64.urlsafe_b64encode(b"[" * 200).decode(),
    ],
)
def test_a_cursor_that_was_never_given_out_is_refused(client, cursor):
    answer = client.get("/v1/worklist", params={"cursor": cursor})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == "query.cursor"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=" + "9" * 400,
        "limit=1.5",
        "level=worst",
        "site=a%00b",
        "site=" + "a" * 64,
        "receiving=perhaps",
        "orderclass=STAT",
        "cursor=" + "a" * 500,
    ],
)
def test_a_query_that_breaks_the_contract_is_refused(client, query):
    assert client.get(f"/v1/worklist?{query}").status_code == 422


def test_nothing_new_is_said_as_not_modified(client, resources):
    send_study(resources)
    first = client.get("/v1/worklist")
    assert first.headers["etag"].startswith('W/"')
    headers = {"If-None-Match": first.headers["etag"]}
    again = client.get("/v1/worklist", headers=headers)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert client.get("/v1/worklist?limit=3", headers=headers).status_code == 200
    pre_read_of(resources)
    assert client.get("/v1/worklist", headers=headers).status_code == 200


def test_an_etag_of_one_key_says_nothing_to_a_key_of_another_site(client, resources):
    send_study(resources)
    etag = client.get("/v1/worklist").headers["etag"]
    headers = {"If-None-Match": etag, **bearer(resources, Role.READER, "south")}
    assert client.get("/v1/worklist", headers=headers).status_code == 200


def test_a_key_of_one_site_sees_only_its_rows_and_counts(client, resources):
    made = every_state(resources)
    headers = bearer(resources, Role.READER, "south")
    answer = client.get("/v1/worklist", headers=headers)
    assert ids(answer) == [made["failed"]]
    assert answer.json()["counts"]["waiting"] == 1
    assert client.get("/v1/worklist?site=south", headers=headers).status_code == 200
    refused = client.get("/v1/worklist?site=north", headers=headers)
    assert refused.status_code == 403


def test_the_page_names_the_newest_event_it_contains(client, resources):
    send_study(resources)
    with resources.reading() as work:
        newest = work.events.last_seq()
    assert client.get("/v1/worklist").json()["event_seq"] == newest
