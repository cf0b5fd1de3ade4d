"""Pre-reads and key images over HTTP."""

import pytest

from preread.findings import Mode
from preread.terms import HemorrhageType, Level
from tests.builders import instance_bytes, send, send_study
from tests.support.seed import png, pre_read_of, without_pre_read
from tests.support.web import bearer, client_of, with_settings


@pytest.fixture
def client(resources):
    with client_of(resources) as client:
        client.headers.update(bearer(resources))
        yield client


@pytest.fixture
def study_id(resources):
    study_id = send_study(resources)
    pre_read_of(resources, Level.CRITICAL, (HemorrhageType.SDH, HemorrhageType.SAH))
    return study_id


def test_the_pre_read_is_the_document_of_the_worker(client, study_id):
    document = client.get(f"/v1/studies/{study_id}/pre-read").json()
    assert document["assessment"]["level"] == "critical"
    assert [finding["type"] for finding in document["findings"]] == ["SDH", "SAH"]
    assert document["status"] == "preliminary"


@pytest.mark.parametrize("state", ["queued", "failed", "receiving"])
def test_without_a_pre_read_the_answer_says_why(client, resources, state):
    study_id = without_pre_read(resources, state)

    answer = client.get(f"/v1/studies/{study_id}/pre-read")

    assert answer.status_code == 404
    problem = answer.json()
    assert problem["code"] == "pre-read-not-found"
    assert problem["ai_state"] == state
    assert problem.get("ai_reason") == ("TIMED_OUT" if state == "failed" else None)


def test_an_earlier_revision_is_kept_and_called_superseded(client, resources, study_id):
    send(resources, instance_bytes(1, number=9), complete=True)
    pre_read_of(resources)

    newest = client.get(f"/v1/studies/{study_id}/pre-read").json()
    first = client.get(f"/v1/studies/{study_id}/pre-read?revision=1").json()

    assert (newest["revision"], newest["status"]) == (2, "preliminary")
    assert (first["revision"], first["status"]) == (1, "superseded")
    assert newest["supersedes"] == first["pre_read_id"]
    assert client.get(f"/v1/studies/{study_id}/pre-read?revision=3").status_code == 404


@pytest.mark.parametrize("revision", ["0", "-1", "9" * 40, "x", ""])
def test_a_revision_that_is_none_is_refused(client, study_id, revision):
    answer = client.get(f"/v1/studies/{study_id}/pre-read?revision={revision}")
    assert answer.status_code == 422


def test_a_key_image_comes_with_and_without_outlines(client, study_id):
    plain = client.get(f"/v1/studies/{study_id}/key-images/1.png")
    outlined = client.get(f"/v1/studies/{study_id}/key-images/1.png?overlay=true")
    assert plain.content == png(60)
    assert outlined.content == png(160)
    assert plain.headers["content-type"] == "image/png"


def test_a_key_image_is_sent_once(client, study_id):
    url = f"/v1/studies/{study_id}/key-images/1.png"
    etag = client.get(url).headers["etag"]
    again = client.get(url, headers={"If-None-Match": f'"other", W/{etag}'})
    assert again.status_code == 304
    assert again.content == b""
    assert client.get(url, headers={"If-None-Match": '"other"'}).status_code == 200


def test_only_the_image_of_a_named_revision_may_be_kept_for_ever(client, study_id):
    url = f"/v1/studies/{study_id}/key-images/1.png"
    assert client.get(url).headers["cache-control"] == "private, no-cache"
    named = client.get(f"{url}?revision=1").headers["cache-control"]
    assert "private" in named
    assert "immutable" in named


@pytest.mark.parametrize(
    ("number", "status"), [("2", 404), ("0", 422), ("9" * 40, 422), ("x", 422)]
)
def test_a_key_image_that_is_not_there(client, study_id, number, status):
    assert client.get(f"/v1/studies/{study_id}/key-images/{number}.png").status_code == status


def test_a_study_without_findings_has_no_outlined_image(client, resources):
    study_id = send_study(resources, 2)
    pre_read_of(resources)
    url = f"/v1/studies/{study_id}/key-images/1.png"
    assert client.get(url).status_code == 200
    assert client.get(f"{url}?overlay=true").status_code == 404


def test_an_image_that_left_the_store_is_not_found(client, resources, study_id):
    for path in (resources.settings.store_dir / "blobs").rglob("*"):
        if path.is_file():
            path.unlink()
    answer = client.get(f"/v1/studies/{study_id}/key-images/1.png")
    assert answer.status_code == 404
    assert answer.json()["code"] == "key-image-not-found"


def test_triage_only_names_no_place_anywhere(resources):
    triage = with_settings(resources, mode=Mode.TRIAGE_ONLY)
    study_id = send_study(resources)
    sentence = "Suspected right frontal subdural hemorrhage, 12 ml."
    pre_read_of(resources, Level.SUSPECTED, (HemorrhageType.SDH,), summary=sentence)
    with client_of(triage) as client:
        client.headers.update(bearer(triage))
        overlay = client.get(f"/v1/studies/{study_id}/key-images/1.png?overlay=true")
        answers = [
            client.get(f"/v1/studies/{study_id}"),
            client.get(f"/v1/studies/{study_id}/pre-read"),
            client.get("/v1/worklist"),
            client.get("/"),
            client.get(f"/studies/{study_id}"),
        ]
    assert overlay.status_code == 404
    for answer in answers:
        assert answer.status_code == 200
        assert "frontal" not in answer.text
        assert "Suspected subdural hemorrhage." in answer.text or answer is answers[3]
        assert "overlay=true" not in answer.text
    assert answers[1].json()["findings"][0]["locations_reason"]
    assert "no place: not shown in triage-only mode" in answers[4].text
    assert not answers[1].json()["key_images"][0]["has_overlay"]
