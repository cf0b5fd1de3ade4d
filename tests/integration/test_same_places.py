"""One bleed has one place: in the JSON, on the worklist, on the page and beside its outline."""

import io

import pytest

from ml.keyimages import outlines_of
from ml.pipeline import read_bleeds
from preread.dicom.phantom_files import SUPINE
from preread.dicom.slice_record import decode_record
from preread.dicom.volume import read_volume, to_radiological
from preread.findings import PreRead
from preread.work import claim_next, finish_claim
from tests.builders import key_for, send
from tests.integration.test_sides import HEAD, MIDDLE_SLICE, files_of
from tests.support.heads import Head, bundle, seeing
from tests.support.web import bearer, client_of, sign_in
from worker.reading import ModelReader


@pytest.fixture
def shown(resources):
    """Return the pre-read, the row, the list and the reading page, the kept slices and the labels of the key image."""
    made = bundle(size=128)
    contents = files_of(SUPINE)
    volume = read_volume([io.BytesIO(content) for content in contents])
    predictor = seeing(Head(to_radiological(volume), HEAD.kinds), made)
    study_id = send(resources, *contents, complete=True).studies[0].study_id
    claim = claim_next(resources, "w")
    finish_claim(resources, claim, ModelReader(resources, predictor, made).read(claim), worker="w")
    with client_of(resources) as client:
        client.headers.update(bearer(resources))
        document = client.get(f"/v1/studies/{study_id}/pre-read").json()
        (row,) = client.get("/v1/worklist").json()["studies"]
        sign_in(client, key_for(resources))
        pages = client.get("/").text, client.get(f"/studies/{study_id}").text
    record = resources.store.path(document["input"]["slice_record"]["sha256"])
    assessment = read_bleeds(volume, predictor, made)
    labels = [one.label for one in outlines_of(assessment, MIDDLE_SLICE)]
    return document, row["study"], pages, decode_record(record.read_bytes()), labels


def test_json_worklist_page_key_image_and_slices_name_the_same_places(shown):
    document, row, pages, record, labels = shown
    assert PreRead.model_validate(document)
    places = {}
    for finding in document["findings"]:
        first = finding["locations"][0]
        side = {"L": "left", "R": "right"}[first["laterality"]]
        places[finding["type"]] = f"{side} {first['name']}"
    assert set(places) == {"IPH", "EDH"}
    assert {one["type"]: one["place"] for one in row["findings"]} == places
    assert {one.type.value: one.place for one in record.findings} == places
    assert {label.split()[0]: label.splitlines()[1] for label in labels} == places
    for page in pages:
        assert all(place in page for place in places.values())
    assert f'href="{row["links"]["self"]}/segmentation?revision=1"' in pages[1]
