"""Studies come in over HTTP: forms, archives, single files, and everything that is none."""

import pytest

from preread.keys import Role
from preread.study import AiState
from tests.builders import instance_bytes
from tests.support.stored import study_of
from tests.support.web import bearer, client_of, files, left_in_incoming, zipped

FORM = "multipart/form-data; boundary=xx"


@pytest.fixture
def client(resources):
    with client_of(resources) as client:
        client.headers.update(bearer(resources, Role.SENDER, "north"))
        yield client


def test_a_form_of_files_becomes_a_study(client, resources, doorbell):
    contents = [instance_bytes(number=n) for n in (1, 2, 3)]

    answer = client.post("/v1/studies?complete=true", files=files(*contents))

    assert answer.status_code == 202
    receipt = answer.json()
    study_id = receipt["studies"][0]["study_id"]
    assert answer.headers["location"] == f"/v1/studies/{study_id}"
    assert [file["status"] for file in receipt["files"]] == ["stored"] * 3
    study = study_of(resources, study_id)
    assert (study.site, study.instance_count, study.ai_state) == ("north", 3, AiState.QUEUED)
    assert doorbell.rings == 1
    assert left_in_incoming(resources) == []


def test_form_fields_say_the_same_as_the_query(client, resources):
    said = {"order_class": "ER", "accession_number": "A-17", "complete": "true", "site": "north"}

    answer = client.post("/v1/studies", data=said, files=files(instance_bytes()))

    study = study_of(resources, answer.json()["studies"][0]["study_id"])
    assert study.order_class == "ER"
    assert study.accession_number == "A-17"
    assert study.settled


def test_an_incomplete_study_rings_no_bell(client, doorbell):
    assert client.post("/v1/studies", files=files(instance_bytes())).status_code == 202
    assert doorbell.rings == 0


def test_an_upload_succeeds_while_redis_is_down(client, doorbell):
    doorbell.broken = True
    answer = client.post("/v1/studies?complete=true", files=files(instance_bytes()))
    assert answer.status_code == 202


@pytest.mark.parametrize("content_type", ["application/zip", "application/x-zip-compressed"])
def test_a_zip_as_body_is_unpacked(client, resources, content_type):
    body = zipped(instance_bytes(number=1), instance_bytes(number=2))

    answer = client.post("/v1/studies", content=body, headers={"Content-Type": content_type})

    assert answer.status_code == 202
    assert answer.json()["studies"][0]["instance_count"] == 2
    assert left_in_incoming(resources) == []


def test_a_zip_among_the_files_of_a_form_is_unpacked(client):
    archive = zipped(instance_bytes(number=1), instance_bytes(number=2))

    answer = client.post("/v1/studies", files=files(archive, instance_bytes(number=3)))

    assert answer.json()["studies"][0]["instance_count"] == 3
    assert [file["number"] for file in answer.json()["files"]] == [1, 2, 3]


def test_a_dicom_file_that_begins_like_a_zip_is_a_dicom_file(client):
    content = b"PK\x03\x04" + instance_bytes()[4:]  # the preamble may hold anything
    assert client.post("/v1/studies", files=files(content)).status_code == 202


def test_a_single_dicom_file_as_body_is_accepted(client):
    answer = client.post(
        "/v1/studies", content=instance_bytes(), headers={"Content-Type": "application/dicom"}
    )
    assert answer.status_code == 202


def test_the_same_bytes_again_change_nothing(client):
    first = client.post("/v1/studies", files=files(instance_bytes())).json()
    second = client.post("/v1/studies", files=files(instance_bytes())).json()
    assert second["studies"][0]["study_id"] == first["studies"][0]["study_id"]
    assert second["files"][0]["status"] == "duplicate"
    assert second["studies"][0]["instance_count"] == 1


def test_an_idempotency_key_repeats_the_answer(client, resources):
    headers = {"Idempotency-Key": "night-shift/17"}
    first = client.post("/v1/studies", files=files(instance_bytes()), headers=headers)
    again = client.post("/v1/studies", files=files(instance_bytes()), headers=headers)
    assert again.json() == first.json()
    assert again.json()["files"][0]["status"] == "stored"
    assert left_in_incoming(resources) == []


def test_an_idempotency_key_with_other_files_is_refused(client):
    headers = {"Idempotency-Key": "one"}
    client.post("/v1/studies", files=files(instance_bytes(1)), headers=headers)
    answer = client.post("/v1/studies", files=files(instance_bytes(2)), headers=headers)
    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency-key-reused"


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
def test_an_idempotency_key_that_is_no_visible_ascii_is_refused(client, key):
    answer = client.post(
        "/v1/studies", files=files(instance_bytes()), headers={"Idempotency-Key": key}
    )
    assert answer.status_code == 422


def test_bad_files_are_named_and_good_ones_kept(client):
    whole = instance_bytes(number=2)
    answer = client.post(
        "/v1/studies", files=files(b"no dicom", whole, b"", instance_bytes(number=3)[:200])
    )
    assert answer.status_code == 202
    statuses = [file["status"] for file in answer.json()["files"]]
    assert statuses == ["refused", "stored", "refused", "refused"]
    assert all(file["code"] for file in answer.json()["files"] if file["status"] == "refused")


def test_only_bad_files_are_a_bad_request_with_reasons(client, resources):
    answer = client.post("/v1/studies", files=files(b"no dicom", b"nor this"))
    assert answer.status_code == 400
    problem = answer.json()
    assert problem["code"] == "nothing-stored"
    assert [file["number"] for file in problem["files"]] == [1, 2]
    assert left_in_incoming(resources) == []


def test_an_empty_form_is_a_bad_request(client):
    answer = client.post("/v1/studies", content=b"--xx--\r\n", headers={"Content-Type": FORM})
    assert answer.status_code == 400
    assert answer.json()["code"] == "nothing-stored"


def test_other_bytes_under_a_stored_uid_are_a_conflict(client):
    client.post("/v1/studies", files=files(instance_bytes(KVP=120)))
    answer = client.post("/v1/studies", files=files(instance_bytes(KVP=100)))
    assert answer.status_code == 409
    assert answer.json()["code"] == "sop-instance-conflict"


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "application/octet-stream", ""]
)
def test_another_content_type_is_unsupported(client, content_type):
    answer = client.post("/v1/studies", content=b"{}", headers={"Content-Type": content_type})
    assert answer.status_code == 415
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_content_encoding_is_unsupported(client):
    headers = {"Content-Type": "application/dicom", "Content-Encoding": "gzip"}
    assert client.post("/v1/studies", content=b"", headers=headers).status_code == 415
