"""All slices of a study over HTTP, from the stored files and the record of the pre-read."""

import io

import numpy as np
import pytest
from PIL import Image

from preread.dicom.picture import KIND_RGB
from preread.findings import Mode
from preread.keys import Role
from preread.terms import HemorrhageType, Level
from tests.builders import send_study
from tests.support.seed import pre_read_of, without_pre_read
from tests.support.web import bearer, client_of, with_settings

SLICES = 3
ORANGE = KIND_RGB[HemorrhageType.SDH]


def read_study(resources):
    """Send three slices and finish their pre-read."""
    send_study(resources, slices=SLICES)
    return pre_read_of(resources, Level.SUSPECTED, (HemorrhageType.SDH,), slices=True)


@pytest.fixture
def client(resources):
    with client_of(resources) as client:
        client.headers.update(bearer(resources))
        yield client


@pytest.fixture
def study_id(resources):
    return read_study(resources)


def pixels(answer):
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))


def test_the_list_says_where_each_slice_lies_and_what_it_shows(client, study_id):
    said = client.get(f"/v1/studies/{study_id}/slices").json()
    assert said["count"] == SLICES
    assert [one["position_mm"] for one in said["slices"]] == [0.0, 5.0, 10.0]
    assert [one["finding_ids"] for one in said["slices"]] == [[], ["F1"], []]
    assert said["slices"][1]["url"] == f"/v1/studies/{study_id}/slices/1.png?revision=1"
    assert said["findings"] == [{"finding_id": "F1", "type": "SDH", "color": "#ffdc00"}]
    assert {one["name"] for one in said["windows"]} == {"brain", "subdural", "bone"}
    assert said["notice"]


def test_the_outline_lies_on_the_patients_left_and_only_where_asked(client, study_id):
    url = f"/v1/studies/{study_id}/slices/1.png"
    outlined = (pixels(client.get(f"{url}?overlay=true")) == ORANGE).all(axis=2)
    assert outlined.any()
    # The label may stand anywhere near; the border itself is around columns 10 to 12.
    _, columns = np.nonzero(outlined[6 * 32 - 2 : 7 * 32 + 2])
    assert columns.min() > 256
    assert not (pixels(client.get(url)) == ORANGE).all(axis=2).any()


def test_each_window_gives_its_own_grays_and_its_own_etag(client, study_id):
    url = f"/v1/studies/{study_id}/slices/0.png"
    answers = [client.get(f"{url}?window={name}") for name in ("brain", "subdural", "bone")]
    # 40 HU everywhere: the middle of 0..80, above the low end of -32.5..182.5 and of -800..2000.
    assert [int(pixels(one)[100, 100, 0]) for one in answers] == [128, 86, 76]
    assert len({one.headers["etag"] for one in answers}) == 3
    assert client.get(f"{url}?window=lung").status_code == 422


def test_a_slice_is_sent_once(client, study_id):
    url = f"/v1/studies/{study_id}/slices/1.png?overlay=true"
    first = client.get(url)
    assert first.headers["cache-control"] == "private, no-cache"
    again = client.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    named = client.get(f"{url}&revision=1").headers["cache-control"]
    assert named.startswith("private")
    assert "immutable" in named


@pytest.mark.parametrize(("index", "status"), [(3, 404), (-1, 422), ("x", 422), ("9" * 40, 422)])
def test_a_slice_that_is_not_there(client, study_id, index, status):
    answer = client.get(f"/v1/studies/{study_id}/slices/{index}.png")
    assert answer.status_code == status
    assert answer.json()["code"] == ("slice-not-found" if status == 404 else "validation-failed")


@pytest.mark.parametrize("state", ["queued", "failed", "receiving"])
@pytest.mark.parametrize("path", ["slices", "slices/0.png"])
def test_without_a_pre_read_the_answer_says_how_far_it_got(client, resources, state, path):
    study_id = without_pre_read(resources, state)
    answer = client.get(f"/v1/studies/{study_id}/{path}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "pre-read-not-found"
    assert answer.json()["ai_state"] == state


@pytest.mark.parametrize("path", ["slices", "slices/0.png"])
def test_a_pre_read_that_kept_no_slices_says_so(client, resources, path):
    send_study(resources)
    study_id = pre_read_of(resources)
    answer = client.get(f"/v1/studies/{study_id}/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "slice-not-found")


def test_a_file_that_left_the_store_is_not_found_and_not_a_failure(client, resources, study_id):
    with resources.reading() as work:
        for one in work.studies.instances(study_id):
            resources.store.path(one.sha256).unlink()
    answer = client.get(f"/v1/studies/{study_id}/slices/0.png")
    assert (answer.status_code, answer.json()["code"]) == (404, "slice-not-found")


@pytest.mark.parametrize("path", ["slices", "slices/0.png"])
def test_slices_are_for_readers_of_the_site_alone(resources, study_id, path):
    url = f"/v1/studies/{study_id}/{path}"
    with client_of(resources) as client:
        assert client.get(url).status_code == 401
        assert client.get(url, headers=bearer(resources, Role.SENDER)).status_code == 403
        other = bearer(resources, Role.READER, site="south")
        assert client.get(url, headers=other).json()["code"] == "study-not-found"
        own = bearer(resources, Role.READER, site="north")
        assert client.get(url, headers=own).status_code == 200


def test_triage_only_shows_slices_without_outlines_and_without_their_places(resources, study_id):
    triage = with_settings(resources, mode=Mode.TRIAGE_ONLY)
    with client_of(triage) as client:
        client.headers.update(bearer(triage))
        said = client.get(f"/v1/studies/{study_id}/slices").json()
        plain = client.get(f"/v1/studies/{study_id}/slices/1.png")
        outlined = client.get(f"/v1/studies/{study_id}/slices/1.png?overlay=true")
        document = client.get(f"/v1/studies/{study_id}/pre-read").json()
    assert said["findings"] == []
    assert not any(one["finding_ids"] for one in said["slices"])
    assert plain.status_code == 200
    assert outlined.status_code == 404
    assert document["input"]["slice_record"] is None
