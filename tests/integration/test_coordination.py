"""What people decide about a study, over HTTP and with the clock in hand."""

import pytest

from preread.claims import claim_first, claim_study
from preread.coordination import assign_study, pin_study
from preread.db.events import EventKind
from preread.db.worklist import NextQuery
from preread.keys import Role
from preread.terms import OrderClass
from preread.upkeep import let_time_pass
from tests.builders import caller_for, send_study
from tests.support.stored import kinds_of_events, kinds_of_reports, waiting_ids
from tests.support.web import bearer, client_of

WHY = {"reason": "old films are missing"}


@pytest.fixture
def client(resources):
    with client_of(resources) as client:
        client.headers.update(bearer(resources, Role.COORDINATOR))
        yield client


def test_a_hold_stops_the_clock_and_keeps_the_place(client, resources, clock):
    study_id = send_study(resources, order_class=OrderClass.ER)
    clock.forward(60)
    later = send_study(resources, 2, order_class=OrderClass.ER)
    held = client.post(f"/v1/studies/{study_id}/hold", json=WHY).json()["study"]
    assert (held["read_state"], held["hold"]["reason"]) == ("on_hold", WHY["reason"])
    assert waiting_ids(resources) == [later]
    clock.forward(600)
    back = client.post(f"/v1/studies/{study_id}/resume").json()["study"]
    assert (back["read_state"], back["held_s"], back["hold"]) == ("unread", 600, None)
    assert back["due_at"] == "2026-01-01T13:10:00Z"
    assert waiting_ids(resources) == [study_id, later]
    history = client.get(f"/v1/studies/{study_id}/events").json()["events"]
    (event,) = [event for event in history if event["kind"] == "held"]
    assert event["detail"]["reason"] == WHY["reason"]


def test_a_reader_holds_a_colleagues_study_only_with_the_token(client, resources):
    study_id = send_study(resources)
    lease = claim_study(resources, study_id, by=caller_for(resources))
    reader = bearer(resources, Role.READER)
    hold = f"/v1/studies/{study_id}/hold"
    assert client.post(hold, json=WHY, headers=reader).json()["code"] == "claim-not-held"
    with_token = client.post(hold, json={**WHY, "token": lease.token}, headers=reader)
    assert with_token.json()["study"]["claim"] is None


def test_a_pin_puts_a_study_in_front_until_it_ends(client, resources, clock):
    urgent = send_study(resources, order_class=OrderClass.STAT)
    routine = send_study(resources, 2)
    body = {"reason": "surgeon waits", "minutes": 30}
    pinned = client.post(f"/v1/studies/{routine}/pin", json=body).json()["study"]
    assert pinned["pin"] == {"reason": "surgeon waits", "until": "2026-01-01T12:30:00Z"}
    assert waiting_ids(resources) == [routine, urgent]
    assert "pinned by a person" in pinned["rank_reason"]
    clock.forward(1799)
    assert let_time_pass(resources) == 0
    clock.forward(1)
    assert let_time_pass(resources) == 1
    assert waiting_ids(resources) == [urgent, routine]
    assert EventKind.PIN_EXPIRED in kinds_of_events(resources, routine)


def test_a_pin_survives_a_claim_that_is_given_back_and_can_be_taken_off(client, resources):
    study_id, other = send_study(resources), send_study(resources, 2, order_class=OrderClass.STAT)
    by = caller_for(resources, Role.COORDINATOR)
    pin_study(resources, study_id, by=by, reason="surgeon waits", minutes=30)
    lease = claim_study(resources, study_id, by=by)
    client.post(f"/v1/studies/{study_id}/release", json={"token": lease.token})
    assert waiting_ids(resources) == [study_id, other]
    client.post(f"/v1/studies/{study_id}/unpin")
    assert waiting_ids(resources) == [other, study_id]


@pytest.mark.parametrize("minutes", [0, 61])
def test_a_pin_is_short(client, resources, minutes):
    study_id = send_study(resources)
    body = {"reason": "surgeon waits", "minutes": minutes}
    assert client.post(f"/v1/studies/{study_id}/pin", json=body).status_code == 422


def test_an_assigned_study_is_offered_to_nobody_else_for_a_while(client, resources, clock):
    study_id = send_study(resources)
    mine, other = caller_for(resources), caller_for(resources, label="Dr. Other")
    body = {"reader": mine.key_id}
    given = client.post(f"/v1/studies/{study_id}/assign", json=body).json()["study"]
    assert given["assignment"]["to"] == "Dr. Test"
    assert given["on_worklist"]
    assert claim_first(resources, NextQuery(), by=other) is None
    clock.forward(901)
    assert let_time_pass(resources) == 1
    assert EventKind.ASSIGNMENT_EXPIRED in kinds_of_events(resources, study_id)
    assert claim_first(resources, NextQuery(), by=other).study.id == study_id


def test_the_reader_of_an_assignment_gets_it_next(resources):
    study_id = send_study(resources)
    mine = caller_for(resources)
    coordinator = caller_for(resources, Role.COORDINATOR)
    assign_study(resources, study_id, by=coordinator, reader=mine.key_id)
    lease = claim_first(resources, NextQuery(), by=mine)
    assert (lease.study.id, lease.study.handling.assigned_to) == (study_id, None)


def test_only_readers_of_the_site_are_given_its_studies(client, resources):
    study_id = send_study(resources, site="north")
    elsewhere = caller_for(resources, site="south")
    sender = caller_for(resources, Role.SENDER)
    for key_id in (elsewhere.key_id, sender.key_id, "00000000"):
        answer = client.post(f"/v1/studies/{study_id}/assign", json={"reader": key_id})
        assert answer.status_code == 400
    listed = client.get("/v1/readers").json()["readers"]
    assert sender.key_id not in {reader["reader"] for reader in listed}
    claim_study(resources, study_id, by=caller_for(resources, label="Dr. Busy"))
    listed = client.get("/v1/readers").json()["readers"]
    assert [one["claimed"] for one in listed if one["name"] == "Dr. Busy"] == [1]


def test_a_cancelled_study_is_off_until_it_is_reopened_and_stands_where_it_stood(
    client, resources, clock
):
    study_id = send_study(resources)
    clock.forward(60)
    other = send_study(resources, study=2)
    lease = claim_study(resources, study_id, by=caller_for(resources))
    gone = client.post(f"/v1/studies/{study_id}/cancel", json={"reason": "sent twice"})
    assert gone.json()["study"]["read_state"] == "cancelled"
    late = {"status": "final", "token": lease.token}
    assert client.post(f"/v1/studies/{study_id}/report", json=late).status_code == 409
    again = client.post(f"/v1/studies/{study_id}/claim")
    assert (again.status_code, again.json()["allowed"]) == (409, ["reopen"])
    assert waiting_ids(resources) == [other]
    listed = client.get("/v1/worklist?read_state=cancelled").json()["studies"]
    assert [row["study"]["study_id"] for row in listed] == [study_id]
    back = client.post(f"/v1/studies/{study_id}/reopen", json={"reason": "wrong one cancelled"})
    assert (back.json()["study"]["read_state"], back.json()["study"]["on_worklist"]) == (
        "unread",
        True,
    )
    assert waiting_ids(resources) == [study_id, other]


def test_a_reported_study_is_reopened_read_again_and_read_by_a_second_reader(client, resources):
    study_id = send_study(resources)
    here = f"/v1/studies/{study_id}"
    another = bearer(resources, Role.READER)

    def claimed_and_reported(headers=None):
        claim = client.post(f"{here}/claim", headers=headers).json()
        said = {"status": "final", "token": claim["claim"]["token"]}
        client.post(f"{here}/report", json=said, headers=headers)
        return claim["study"]["read_state"]

    assert claimed_and_reported() == "claimed"
    opened = client.post(f"{here}/reopen", json={"reason": "addendum"}).json()["study"]
    assert (opened["read_state"], opened["on_worklist"]) == ("reopened", False)
    assert client.get("/v1/worklist").json()["counts"]["reopened"] == 1
    assert claimed_and_reported() == "claimed"
    asked = client.post(f"{here}/second-read", json={"reason": "subtle"}).json()["study"]
    assert asked["read_state"] == "second_requested"
    assert claimed_and_reported(another) == "claimed_second"
    client.post(f"{here}/second-read", json={"reason": "subtle"})
    withdrawn = client.post(f"{here}/second-read/withdraw", json={"reason": "agreed by phone"})
    assert withdrawn.json()["study"]["read_state"] == "final"
    assert kinds_of_reports(resources, study_id) == ["final", "final", "second"]


def test_who_reported_a_study_does_not_give_its_second_read(client, resources):
    study_id = send_study(resources)
    here = f"/v1/studies/{study_id}"
    first = {"headers": bearer(resources, Role.READER)}
    resident = {"headers": bearer(resources, Role.READER)}
    colleague = {"headers": bearer(resources, Role.READER)}
    client.post(f"{here}/report", json={"status": "preliminary"}, **resident)
    client.post(f"{here}/report", json={"status": "final"}, **first)
    client.post(f"{here}/second-read", json={"reason": "subtle"}, **first)

    def refused(path, who, **body):
        answer = client.post(f"{here}/{path}", json=body or None, **who)
        problem = answer.json()
        return answer.status_code == 409 and problem["code"] == "same-reader" and problem["allowed"]

    for who in (first, resident):
        assert refused("claim", who) == ["assign", "withdraw_second_read"]
        assert refused("report", who, status="final")
    listed = client.get("/v1/readers").json()["readers"]
    reader = next(one["reader"] for one in listed if one["reader"] in str(first))
    assert refused("assign", {}, reader=reader)
    claim = client.post(f"{here}/claim", **colleague).json()["claim"]
    assert refused("take-over", first, reason="went home") == ["release", "withdraw_second_read"]
    assert refused("report", first, status="final", token=claim["token"])
    assert client.get(here).json()["study"]["claim"]["by"] == "test"
    said = {"status": "final", "token": claim["token"]}
    assert client.post(f"{here}/report", json=said, **colleague).status_code == 200
    client.post(f"{here}/second-read", json={"reason": "still subtle"}, **first)
    assert refused("claim", colleague)
