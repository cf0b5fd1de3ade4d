"""Studies are completed, asked for and reported over HTTP."""

import pytest

from preread.keys import Role
from preread.terms import HemorrhageType, Level
from tests.builders import UID_ROOT, instance_bytes, send, send_study
from tests.support.seed import pre_read_of
from tests.support.web import bearer, client_of

NOBODY = "0b5e9f0a-7c1d-4e57-9a57-1f0c2d3e4f5a"


@pytest.fixture
def client(resources):
    with client_of(resources) as client:
        client.headers.update(bearer(resources))
        yield client


def test_complete_is_answered_with_the_study_and_rings(client, resources, doorbell):
    study_id = send(resources, instance_bytes()).studies[0].study_id

    answer = client.post(f"/v1/studies/{study_id}/complete")

    assert answer.status_code == 202
    study = answer.json()["study"]
    assert (study["ai_state"], study["revision"], study["settled"]) == ("queued", 1, True)
    assert doorbell.rings == 1


def test_complete_again_changes_nothing(client, resources, doorbell):
    study_id = send_study(resources)
    first = client.post(f"/v1/studies/{study_id}/complete").json()
    second = client.post(f"/v1/studies/{study_id}/complete").json()
    assert first == second
    assert doorbell.rings == 0


def test_a_study_is_found_by_its_uid_or_accession_number_in_any_state(client, resources):
    receiving = send(resources, instance_bytes(study=2, AccessionNumber="A-7")).studies[0].study_id
    study_id = send_study(resources, site="south", accession_number="A-7")
    client.post(f"/v1/studies/{study_id}/report", json={"status": "final"})

    def found(**query):
        answer = client.get("/v1/studies", params=query)
        assert answer.status_code == 200
        return {study["study_id"] for study in answer.json()["studies"]}

    assert found(study_instance_uid=f"{UID_ROOT}.1") == {study_id}
    assert found(accession_number="A-7") == {receiving, study_id}
    assert found(accession_number="A-7", site="south") == {study_id}
    assert found(accession_number="A-7", study_instance_uid=f"{UID_ROOT}.2") == {receiving}
    assert found(accession_number="A-") == found(study_instance_uid="1.2.3") == set()
    north = bearer(resources, Role.SENDER, site="north")
    only = client.get("/v1/studies?accession_number=A-7", headers=north).json()["studies"]
    assert [(one["study_id"], one["result_hidden"]) for one in only] == [(receiving, True)]
    assert client.get("/v1/studies").status_code == 422


def test_a_study_tells_how_far_it_got(client, resources):
    study_id = send_study(resources)
    pre_read_of(resources, Level.SUSPECTED, (HemorrhageType.SDH,))

    body = client.get(f"/v1/studies/{study_id}").json()

    study = body["study"]
    assert study["level"] == "suspected"
    assert study["findings"][0]["type"] == "SDH"
    assert study["completed_at"] == "2026-01-01T12:00:00Z"
    assert study["due_at"] == "2026-01-01T12:20:00Z"
    assert study["key_image_url"] == f"/v1/studies/{study_id}/key-images/1.png?revision=1"
    assert study["links"]["pre_read"] == f"/v1/studies/{study_id}/pre-read"
    assert "Research software" in body["notice"]


def test_a_sender_sees_the_state_but_not_the_result(client, resources):
    study_id = send_study(resources)
    pre_read_of(resources, Level.SUSPECTED, (HemorrhageType.SDH,))

    study = client.get(
        f"/v1/studies/{study_id}", headers=bearer(resources, Role.SENDER, "north")
    ).json()["study"]

    assert study["ai_state"] == "succeeded"
    assert study["result_hidden"]
    assert study["level"] is study["rank_level"] is study["rank_reason"] is study["summary"] is None
    assert study["findings"] == []
    assert study["due_at"] is None


@pytest.mark.parametrize("name", ["x", "%00", "A" * 500, NOBODY, NOBODY.upper()])
@pytest.mark.parametrize("path", ["", "/events", "/pre-read", "/key-images/1.png"])
def test_an_unknown_study_is_not_found(client, name, path):
    answer = client.get(f"/v1/studies/{name}{path}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "study-not-found"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("GET", "/events", None),
        ("GET", "/pre-read", None),
        ("GET", "/key-images/1.png", None),
        ("POST", "/complete", None),
        ("POST", "/report", {"status": "final"}),
        ("POST", "/claim", None),
        ("POST", "/heartbeat", {"token": "x" * 20}),
        ("POST", "/release", {"token": "x" * 20}),
        ("POST", "/take-over", {"reason": "went home"}),
    ],
)
def test_a_study_of_another_site_is_not_found(client, resources, method, path, body):
    study_id = send_study(resources, site="south")
    pre_read_of(resources)
    headers = bearer(resources, Role.COORDINATOR, "north")
    answer = client.request(method, f"/v1/studies/{study_id}{path}", json=body, headers=headers)
    assert answer.status_code == 404
    assert answer.json()["code"] == "study-not-found"


def test_the_history_of_a_study_is_in_order(client, resources):
    study_id = send_study(resources)
    pre_read_of(resources, Level.CRITICAL)
    events = client.get(f"/v1/studies/{study_id}/events").json()["events"]
    assert events[0]["kind"] == "study_received"
    assert [event["seq"] for event in events] == sorted(event["seq"] for event in events)
    assert "rank_changed" in {event["kind"] for event in events}


def test_a_final_report_closes_the_turnaround_and_takes_the_study_off(client, resources, clock):
    study_id = send_study(resources)
    clock.forward(600)

    answer = client.post(f"/v1/studies/{study_id}/report", json={"status": "final"})

    assert answer.status_code == 200
    assert answer.json()["read_state"] == "final"
    assert answer.json()["turnaround"]["total_s"] == 600
    assert client.get("/v1/worklist").json()["studies"] == []


def test_a_preliminary_report_leaves_room_for_a_final_one(client, resources):
    study_id = send_study(resources)
    for status in ("preliminary", "final"):
        answer = client.post(f"/v1/studies/{study_id}/report", json={"status": status})
        assert answer.json()["read_state"] == status


def test_an_illegal_step_names_the_allowed_ones(client, resources):
    study_id = send_study(resources)
    client.post(f"/v1/studies/{study_id}/report", json={"status": "preliminary"})
    answer = client.post(f"/v1/studies/{study_id}/report", json={"status": "preliminary"})
    assert answer.status_code == 409
    assert answer.json()["state"] == "preliminary"
    assert answer.json()["allowed"] == ["final_report", "cancel"]


def test_a_study_that_is_still_received_cannot_be_reported(client, resources):
    study_id = send(resources, instance_bytes()).studies[0].study_id
    answer = client.post(f"/v1/studies/{study_id}/report", json={"status": "final"})
    assert answer.status_code == 409
    assert answer.json()["allowed"] == ["complete"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"status": "done"}', b'{"status": "final", "JANE": 1}']
)
def test_a_report_that_breaks_the_contract_is_refused_without_an_echo(client, resources, body):
    study_id = send_study(resources)
    answer = client.post(
        f"/v1/studies/{study_id}/report",
        content=body,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422
    assert answer.json()["code"] == "validation-failed"
    assert "JANE" not in answer.text


def test_a_large_body_where_a_small_one_belongs_is_too_large(client, resources):
    study_id = send_study(resources)
    answer = client.post(
        f"/v1/studies/{study_id}/report",
        content=b'{"status": "' + b"x" * 70_000 + b'"}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
