"""The outlines of a pre-read as a DICOM segmentation."""

import io

import highdicom as hd
import pytest
from pydicom import dcmread

from preread.dicom.phantom_files import SUPINE, Pose
from preread.dicom.segmentation import make_segmentation, shown_slices
from preread.dicom.slice_record import decode_record
from preread.dicom.volume import read_volume, to_radiological
from preread.errors import SegmentationNotFound
from preread.findings import Mode, PreRead
from preread.terms import HemorrhageType, Level
from preread.work import claim_next, finish_claim
from tests.builders import send, send_study
from tests.integration.test_sides import HEAD, files_of
from tests.support.heads import Head, bundle, seeing
from tests.support.seed import pre_read_of, without_pre_read
from tests.support.web import bearer, client_of, with_settings
from worker.reading import ModelReader

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
SIDES = {"L": "7771000", "R": "24028007", "B": "51440002"}
ALL_SOURCES = {"ignore_spatial_locations": True, "assert_missing_frames_are_empty": True}


@pytest.fixture
def client(resources):
    with client_of(resources) as client:
        client.headers.update(bearer(resources))
        yield client


def read_study(resources, pose=SUPINE):
    """Send a phantom with two bleeds and read it; give its id."""
    made, contents = bundle(size=128), files_of(pose)
    volume = read_volume([io.BytesIO(content) for content in contents])
    predictor = seeing(Head(to_radiological(volume), HEAD.kinds), made)
    study_id = send(resources, *contents, complete=True).studies[0].study_id
    claim = claim_next(resources, "w")
    finish_claim(resources, claim, ModelReader(resources, predictor, made).read(claim), worker="w")
    return study_id


def kept(resources, study_id):
    """The pre-read, its slices' record and the headers of their files."""
    with resources.reading() as work:
        document = PreRead.model_validate(work.studies.pre_read(study_id).document)
    path = resources.store.path(document.input.slice_record.sha256)
    record = decode_record(path.read_bytes())
    shown = shown_slices(record)
    sources = [dcmread(resources.store.path(one.sha256), stop_before_pixels=True) for one in shown]
    return document, record, sources


@pytest.mark.parametrize(
    "pose", [SUPINE, Pose("FFDL", tilt_deg=12.0)], ids=lambda one: one.position
)
def test_a_segment_is_its_findings_outline_on_the_very_images(client, resources, pose):
    study_id = read_study(resources, pose)
    document, record, sources = kept(resources, study_id)
    url = f"/v1/studies/{study_id}/segmentation"
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/dicom"
    made = hd.seg.segread(io.BytesIO(answer.content))

    assert made.SOPClassUID == SEGMENTATION
    assert made.StudyInstanceUID == sources[0].StudyInstanceUID
    assert made.FrameOfReferenceUID == sources[0].FrameOfReferenceUID
    assert made.PatientID == sources[0].PatientID
    assert "not for diagnosis" in made.SeriesDescription
    pixels = made.get_pixels_by_source_instance([s.SOPInstanceUID for s in sources], **ALL_SOURCES)
    assert pixels.shape[-1] == len(record.findings) == 2
    for number, segment in enumerate(made.SegmentSequence):
        assert pixels[..., number].any()
        for one, plane in zip(shown_slices(record), pixels[..., number], strict=True):
            outline = record.outline(record.slices.index(one))
            assert (plane == (outline == 1 + number)).all()
        finding = document.findings[number]
        assert segment.TrackingID == finding.finding_id
        assert segment.SegmentAlgorithmType == "AUTOMATIC"
        assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == finding.code.value
        places = {(one.code.value, SIDES[one.laterality]) for one in finding.locations if one.code}
        regions = segment.get("AnatomicRegionSequence", [])
        told = [(r.CodeValue, r.AnatomicRegionModifierSequence[0].CodeValue) for r in regions]
        assert set(told) == places
        assert len(told) == len(places)

    # It is one object, however often it is asked for, and another pre-read's is another one.
    assert document.pre_read_id in answer.headers["etag"]
    assert client.get(url).content == answer.content
    same = client.get(url, headers={"If-None-Match": answer.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")


def test_an_enhanced_file_has_its_frames_in_its_own_order_and_gaps_are_filled(resources):
    document, record, sources = kept(resources, read_study(resources))
    for one in sources:
        for keyword in ("PatientBirthDate", "StudyID", "ReferringPhysicianName"):
            if keyword in one:
                del one[keyword]
        one.PatientName = "ONEWORD"
    plain = hd.seg.segread(io.BytesIO(make_segmentation(document, record, sources)))
    assert plain.PatientBirthDate in {"", None}
    # A name that highdicom would quote in a warning comes through without one.
    assert plain.PatientName == "ONEWORD"
    assert "PatientBirthDate" not in sources[0]

    count = len(record.slices)
    slices = [dcmread(resources.store.path(one.sha256)) for one in record.slices]
    enhanced = hd.legacy.LegacyConvertedEnhancedCTImage(
        slices,
        series_instance_uid="2.25.1",
        series_number=2,
        sop_instance_uid="2.25.2",
        instance_number=1,
    )
    frames = [item.PlanePositionSequence[0].ImagePositionPatient[2]
              for item in enhanced.PerFrameFunctionalGroupsSequence]  # fmt: skip
    moved = tuple(
        one.model_copy(update={"frame": frames.index(one.position_mm[2])}) for one in record.slices
    )
    content = make_segmentation(document, record.model_copy(update={"slices": moved}), [enhanced])
    made = hd.seg.segread(io.BytesIO(content))
    pixels = made.get_pixels_by_source_frame(
        enhanced.SOPInstanceUID, [1 + one.frame for one in moved], **ALL_SOURCES
    )
    for index in range(count):
        assert (pixels[index, ..., 0] == (record.outline(index) == 1)).all()
    with pytest.raises(SegmentationNotFound):
        make_segmentation(document, record, sources[:2])


def test_what_outlined_nothing_has_no_segmentation(resources):
    document, record, sources = kept(resources, read_study(resources))
    bare = tuple(one.model_copy(update={"runs": ()}) for one in record.slices)
    with pytest.raises(SegmentationNotFound, match="outlined nothing"):
        make_segmentation(document, record.model_copy(update={"slices": bare}), [])
    with pytest.raises(SegmentationNotFound, match="outlined nothing"):
        make_segmentation(document.model_copy(update={"findings": ()}), record, sources)


def test_without_a_pre_read_or_in_triage_mode_there_is_none(client, resources):
    waiting = without_pre_read(resources, "queued")
    answer = client.get(f"/v1/studies/{waiting}/segmentation")
    assert (answer.status_code, answer.json()["code"]) == (404, "pre-read-not-found")
    hidden = with_settings(resources, mode=Mode.TRIAGE_ONLY)
    with client_of(hidden) as other:
        other.headers.update(bearer(hidden))
        answer = other.get(f"/v1/studies/{waiting}/segmentation")
    assert (answer.status_code, answer.json()["code"]) == (404, "segmentation-not-found")


def test_a_file_that_left_the_store_is_told(client, resources):
    send_study(resources, slices=3)
    study_id = pre_read_of(resources, Level.SUSPECTED, (HemorrhageType.SDH,), slices=True)
    _, record, _ = kept(resources, study_id)
    resources.store.path(shown_slices(record)[0].sha256).unlink()
    answer = client.get(f"/v1/studies/{study_id}/segmentation")
    assert (answer.status_code, answer.json()["code"]) == (404, "slice-not-found")
