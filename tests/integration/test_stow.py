"""DICOMweb's store transaction: what PACS and routers send, and the answer that they count."""

import pytest
from pydicom.dataset import Dataset

from preread.keys import Role
from tests.builders import UID_ROOT, instance_bytes
from tests.support.stored import study_of
from tests.support.web import bearer, client_of, left_in_incoming

STUDIES = "/dicom-web/studies"
RELATED = 'multipart/related; type="application/dicom"; boundary=xx'


@pytest.fixture
def client(resources):
    with client_of(resources) as client:
        client.headers.update(bearer(resources, Role.SENDER, "north"))
        yield client


def stow(client, *contents, path=STUDIES, content_type=RELATED):
    head = b"--xx\r\nContent-Type: application/dicom\r\n\r\n"
    body = b"".join(head + content + b"\r\n" for content in contents) + b"--xx--\r\n"
    answer = client.post(path, content=body, headers={"Content-Type": content_type})
    return answer.status_code, answer


def uids(answer, keyword):
    assert answer.headers["content-type"] == "application/dicom+json"
    said = Dataset.from_json(answer.json())
    return [item.get("ReferencedSOPInstanceUID") for item in said.get(keyword, [])]


def test_instances_are_stored_and_each_is_named(client, resources):
    status, answer = stow(client, instance_bytes(number=1), instance_bytes(number=2))
    assert status == 200
    assert uids(answer, "ReferencedSOPSequence") == [f"{UID_ROOT}.1.1.1", f"{UID_ROOT}.1.1.2"]
    assert uids(answer, "FailedSOPSequence") == []
    found = client.get(f"/v1/studies?study_instance_uid={UID_ROOT}.1").json()["studies"]
    study = study_of(resources, found[0]["study_id"])
    assert (study.site, study.instance_count, study.settled) == ("north", 2, False)
    # Routers send in batches, and again what they are not sure of.
    status, answer = stow(client, instance_bytes(number=2), instance_bytes(number=3))
    assert (status, len(uids(answer, "ReferencedSOPSequence"))) == (200, 2)
    assert study_of(resources, study.id).instance_count == 3
    assert left_in_incoming(resources) == []


def test_what_cannot_be_stored_is_told_of_each_instance(client, resources):
    stow(client, instance_bytes(number=1))
    other_bytes = instance_bytes(number=1, PatientID="SOMEBODY ELSE")
    status, answer = stow(client, other_bytes, b"no DICOM", instance_bytes(number=2))
    assert status == 202
    assert uids(answer, "ReferencedSOPSequence") == [f"{UID_ROOT}.1.1.2"]
    assert uids(answer, "FailedSOPSequence") == [f"{UID_ROOT}.1.1.1"]
    assert uids(answer, "OtherFailuresSequence") == [None]
    status, answer = stow(client, other_bytes, b"")
    assert (status, uids(answer, "FailedSOPSequence")) == (409, [f"{UID_ROOT}.1.1.1"])
    assert "SOMEBODY" not in answer.text
    assert left_in_incoming(resources) == []


def test_an_instance_of_another_study_than_the_path_names_is_refused(client, resources):
    here = f"{STUDIES}/{UID_ROOT}.1"
    status, answer = stow(client, instance_bytes(), instance_bytes(study=2), path=here)
    assert (status, uids(answer, "FailedSOPSequence")) == (202, [f"{UID_ROOT}.2.1.1"])
    assert client.get(f"/v1/studies?study_instance_uid={UID_ROOT}.2").json()["studies"] == []
    assert left_in_incoming(resources) == []


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("multipart/form-data; boundary=xx", 415),
        ('multipart/related; type="application/dicom+json"; boundary=xx', 415),
        ("application/dicom", 415),
        ('multipart/related; type="application/dicom"', 400),
    ],
)
def test_another_body_is_refused(client, content_type, status):
    assert stow(client, instance_bytes(), content_type=content_type)[0] == status


def test_a_key_of_several_sites_names_one(client, resources):
    client.headers.update(bearer(resources, Role.COORDINATOR))
    assert stow(client, instance_bytes())[0] == 422
    assert stow(client, instance_bytes(), path=f"{STUDIES}?site=south")[0] == 200
