"""Left stays left, whatever way the patient lay and the files are stored: a test that flips everything.

Two bleeds of known sides go through every position of a patient, both orders of slices and a
tilted gantry; the side is then asked of the findings, of the sentence, of the blood's own
brightness in the pictures, of outlines and labels, and of the R and L beside them.
"""

import io
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from ml.assessment import Assessment
from ml.keyimages import outlines_of, render_slice
from ml.pipeline import read_bleeds
from preread.db.studies import StoredInstance
from preread.dicom.header import read_header
from preread.dicom.phantom_scanner import LYING, Pose
from preread.dicom.picture import KIND_RGB, MARKER_PX
from preread.dicom.slice_record import decode_record, encode_record
from preread.dicom.volume import Volume, read_volume, to_radiological
from preread.findings import Mode
from preread.terms import HemorrhageType, Laterality
from preread.work import claim_next, finish_claim
from tests.builders import send
from tests.support.heads import Ball, Head, bundle, head, seeing
from tests.support.sources import encode, small_head
from tests.support.web import bearer, client_of
from worker.reading import ModelReader
from worker.slices import record_slices
from worker.wording import summary

IPH, EDH = HemorrhageType.IPH, HemorrhageType.EDH
# Up, back and to the left of the middle of the head, in mm: one bleed on either side.
LEFT_BLEED = Ball((5, -25, 30), 15, IPH)
RIGHT_BLEED = Ball((5, 35, -40), 13, EDH)
HEAD = small_head(LEFT_BLEED, RIGHT_BLEED)
MIDDLE_SLICE = 10
LEFT_HALF, RIGHT_HALF = slice(256, 512 - MARKER_PX), slice(MARKER_PX, 256)

POSES = [Pose(position, from_vertex=number % 2 == 1) for number, position in enumerate(LYING)]
POSES += [Pose("HFS", tilt_deg=18.0), Pose("FFP", from_vertex=True, tilt_deg=-18.0)]


@dataclass(frozen=True)
class Scan:
    """The head in one pose: its files, the volume as they have it, and what is said of it."""

    contents: tuple[bytes, ...]
    volume: Volume
    assessment: Assessment


def files_of(pose):
    contents = []
    for dataset in encode(HEAD, seed=1, pose=pose):
        buffer = io.BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        contents.append(buffer.getvalue())
    return tuple(contents)


@pytest.fixture(
    scope="module", params=POSES, ids=lambda pose: f"{pose.position}{pose.tilt_deg:+.0f}"
)
def scan(request):
    contents = files_of(request.param)
    volume = read_volume([io.BytesIO(content) for content in contents])
    made = bundle(size=128)
    turned = to_radiological(volume)
    assessment = read_bleeds(volume, seeing(Head(turned, HEAD.kinds), made), made)
    return Scan(contents, volume, assessment)


def drawn(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def of_color(pixels, rgb):
    """Where the outline of a type was drawn, below nothing else of its color."""
    return (pixels == rgb).all(axis=2)


def assert_sides(pixels, *, outlined):
    """The marker letters stand at their sides, and both bleeds on theirs."""
    blood = pixels[:512, :, 0]  # red is gray, or an outline around what is brighter than brain
    front, back = slice(110, 250), slice(262, 430)
    # Blood of 65 HU is at 207 of 255, brain of 35 at 112, the skull at 255.
    bright = (blood > 190) & (blood < 225)
    # The blur between skull and air or brain has such grays too, on both sides alike.
    assert bright[front, LEFT_HALF].sum() > 4 * bright[front, RIGHT_HALF].sum()
    assert bright[back, RIGHT_HALF].sum() > 4 * bright[back, LEFT_HALF].sum()
    if outlined:
        for kind, half in ((IPH, LEFT_HALF), (EDH, RIGHT_HALF)):
            columns = np.nonzero(of_color(pixels, KIND_RGB[kind]))[1]
            assert len(columns)
            assert half.start <= columns.min()
            assert columns.max() < half.stop


def letter(pixels, columns):
    return pixels[246:268, columns].min(axis=2) > 120


def test_the_findings_and_the_sentence_keep_their_sides(scan):
    sides = {
        finding.kind: {place.laterality for place in finding.places}
        for finding in scan.assessment.findings
    }
    assert sides == {IPH: {Laterality.LEFT}, EDH: {Laterality.RIGHT}}
    told = summary(scan.assessment, None)
    before, after = told.split("; ")[:2]
    first, second = (before, after) if "intraparenchymal" in before else (after, before)
    assert "left" in first
    assert "right" not in first
    assert "right" in second
    assert "left" not in second


def test_a_key_image_shows_blood_and_outline_on_their_sides(scan):
    outlines = outlines_of(scan.assessment, MIDDLE_SLICE)
    assert len(outlines) == 2
    pixels = drawn(render_slice(scan.volume, MIDDLE_SLICE, outlines, synthetic=False))
    assert_sides(pixels, outlined=True)


def test_the_record_is_in_the_geometry_of_the_files_and_turns_back(scan):
    headers = [read_header(io.BytesIO(content)) for content in scan.contents]
    instances = [
        StoredInstance(one.sop_instance_uid, one.series_instance_uid, "0" * 64) for one in headers
    ]
    made = record_slices(scan.volume, scan.assessment, instances, headers)
    record = decode_record(encode_record(made))
    assert [one.sop_instance_uid for one in record.slices] == list(scan.volume.sop_instance_uids)
    assert record.heights_mm[0] == 0.0
    assert list(record.heights_mm) == sorted(record.heights_mm)
    for index, hu in enumerate(scan.volume.hu):
        outlined = record.outline(index) > 0
        assert not outlined.any() or hu[outlined].min() > 60  # blood, in the files' own pixels
        turned = record.turn.apply(record.outline(index))
        assert ((turned > 0) == scan.assessment.mask[index]).all()


def test_the_letters_stand_at_the_sides_of_the_picture_and_are_not_the_same(scan):
    pixels = drawn(render_slice(scan.volume, MIDDLE_SLICE, [], synthetic=False))
    right, left = letter(pixels, slice(4, 26)), letter(pixels, slice(-26, -4))
    assert right.any()
    assert left.any()
    # An R is filled above, an L below.
    half = len(right) // 2
    assert right[:half].sum() > right[half:].sum()
    assert left[half:].sum() > left[:half].sum()


@pytest.mark.parametrize("turn_deg", [-60.0, -40.0, 40.0, 60.0])
def test_a_head_turned_aside_keeps_its_sides(turn_deg):
    made = bundle()
    one = head(LEFT_BLEED, RIGHT_BLEED, turn_deg=turn_deg)
    found = read_bleeds(one.volume, seeing(one, made), made).findings
    assert {(finding.kind, finding.places[0].laterality) for finding in found} == {
        (IPH, Laterality.LEFT),
        (EDH, Laterality.RIGHT),
    }


@pytest.mark.parametrize(
    "pose",
    [Pose("HFP", from_vertex=True), Pose("FFDL", tilt_deg=12.0)],
    ids=lambda one: one.position,
)
def test_through_the_whole_service_a_left_bleed_is_left_and_shown_left(resources, pose):
    made = bundle(size=128)
    contents = files_of(pose)
    predictor = seeing(
        Head(to_radiological(read_volume([io.BytesIO(c) for c in contents])), HEAD.kinds), made
    )
    study_id = send(resources, *contents, complete=True).studies[0].study_id
    claim = claim_next(resources, "w")
    finish_claim(resources, claim, ModelReader(resources, predictor, made).read(claim), worker="w")

    with client_of(resources) as client:
        client.headers.update(bearer(resources))
        document = client.get(f"/v1/studies/{study_id}/pre-read").json()
        key = client.get(f"/v1/studies/{study_id}/key-images/1.png?overlay=true")
        listed = client.get(f"/v1/studies/{study_id}/slices").json()
        url = listed["slices"][MIDDLE_SLICE]["url"]
        plain, outlined = client.get(url), client.get(f"{url}&overlay=true")

    assert document["mode"] == Mode.RESEARCH_PREREAD
    sides = {
        one["type"]: {at["laterality"] for at in one["locations"]} for one in document["findings"]
    }
    assert sides == {"IPH": {"L"}, "EDH": {"R"}}
    assert len(listed["slices"][MIDDLE_SLICE]["finding_ids"]) == 2
    assert_sides(drawn(plain.content), outlined=False)
    assert_sides(drawn(outlined.content), outlined=True)
    assert_sides(drawn(key.content), outlined=True)
