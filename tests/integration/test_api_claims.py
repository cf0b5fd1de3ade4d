"""Claiming over HTTP."""

import pytest

from preread.client import PreReadClient, ProblemError
from preread.keys import Role
from tests.builders import caller_for, key_for, send_study
from tests.support.web import bearer, client_of, server_of

MINE = "a-token-of-the-page-1"


@pytest.fixture
def client(resources):
    with client_of(resources) as client:
        client.headers.update(bearer(resources, Role.READER))
        yield client


def test_a_claim_is_answered_with_its_token_and_shown_in_the_list_of_claimed(client, resources):
    study_id = send_study(resources)
    answer = client.post(f"/v1/studies/{study_id}/claim")
    assert answer.status_code == 200
    body = answer.json()
    assert body["claim"]["lease_until"] == "2026-01-01T12:10:00Z"
    assert body["claim"]["heartbeat_s"] == 120
    assert body["study"]["claim"]["mine"]
    assert "release" in body["study"]["allowed_steps"]
    assert client.get("/v1/worklist").json()["studies"] == []
    listed = client.get("/v1/worklist?read_state=claimed").json()
    assert [row["study"]["study_id"] for row in listed["studies"]] == [study_id]
    assert listed["counts"]["claimed"] == 1
    assert body["claim"]["token"] not in str(listed)
    token = {"token": body["claim"]["token"]}
    assert client.post(f"/v1/studies/{study_id}/heartbeat", json=token).status_code == 200
    back = client.post(f"/v1/studies/{study_id}/release", json=token).json()["study"]
    assert (back["read_state"], back["claim"], back["on_worklist"]) == ("unread", None, True)


def test_a_second_claim_is_refused_with_what_can_be_done(client, resources):
    study_id = send_study(resources)
    client.post(f"/v1/studies/{study_id}/claim")
    answer = client.post(f"/v1/studies/{study_id}/claim")
    assert answer.status_code == 409
    problem = answer.json()
    assert (problem["code"], problem["state"]) == ("illegal-step", "claimed")
    assert "take_over" in problem["allowed"]


def test_a_report_without_the_token_of_the_claim_is_refused(client, resources):
    study_id = send_study(resources)
    client.post(f"/v1/studies/{study_id}/claim", json={"token": MINE})
    report = f"/v1/studies/{study_id}/report"
    refused = client.post(report, json={"status": "final"})
    assert (refused.status_code, refused.json()["code"]) == (409, "claim-not-held")
    assert refused.json()["state"] == "claimed"
    assert client.post(report, json={"status": "final", "token": MINE}).status_code == 200


def test_next_is_empty_handed_when_nothing_waits(client, resources):
    assert client.post("/v1/worklist/next").status_code == 204
    study_id = send_study(resources)
    first = client.post("/v1/worklist/next", json={"token": MINE})
    assert first.json()["study"]["study_id"] == study_id
    assert client.post("/v1/worklist/next", json={"token": MINE}).json() == first.json()
    assert client.post("/v1/worklist/next").status_code == 204


@pytest.mark.parametrize(
    "said", [{"token": "short"}, {"token": MINE, "JANE": 1}, {"modality": "x" * 40}]
)
def test_a_request_that_breaks_the_contract_is_refused_without_an_echo(client, said):
    answer = client.post("/v1/worklist/next", json=said)
    assert answer.status_code == 422
    assert "JANE" not in answer.text


def test_the_client_claims_keeps_and_reports(resources):
    study_id, other = send_study(resources), send_study(resources, 2)
    with (
        server_of(resources) as (url, _),
        PreReadClient(url, key_for(resources, Role.READER)) as client,
    ):
        claimed = client.claim(study_id)
        assert client.keep(study_id, claimed.claim.token).study.read_state == "claimed"
        assert client.release(study_id, claimed.claim.token).on_worklist
        taken = client.claim(study_id)
        taken = client.take_over(study_id, "went home")
        client.report(study_id, token=taken.claim.token)
        assert client.claim_next(site="north").study.study_id == other
        assert client.claim_next() is None


def test_the_client_decides(resources):
    study_id = send_study(resources)
    reader = caller_for(resources).key_id
    with (
        server_of(resources) as (url, _),
        PreReadClient(url, key_for(resources, Role.COORDINATOR)) as client,
    ):
        states = [
            client.hold(study_id, "images are missing").read_state,
            client.resume(study_id).read_state,
            client.pin(study_id, "surgeon waits", 5).read_state,
            client.assign(study_id, reader).read_state,
        ]
        assert states == ["on_hold", "unread", "unread", "unread"]
        client.report(study_id)
        assert client.request_second_read(study_id, "subtle").read_state == "second_requested"
        with PreReadClient(url, key_for(resources, Role.READER)) as somebody_else:
            somebody_else.report(study_id)
        assert client.reopen(study_id, "addendum").read_state == "reopened"
        assert client.cancel(study_id, "wrong patient").read_state == "cancelled"
        with pytest.raises(ProblemError) as refused:
            client.claim(study_id)
        assert (refused.value.problem_code, refused.value.allowed) == ("illegal-step", ("reopen",))
