"""From stored DICOM files to a pre-read, with a predictor that sees what was painted."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pydicom
import pytest
from PIL import Image

from preread.dicom.phantom import Bleed, make_head
from preread.dicom.phantom_files import SyntheticStudy, encode_body_series, encode_series
from preread.dicom.stack import QualityFlag
from preread.dicom.volume import read_volume
from preread.reasons import ReasonCode
from preread.study import AiState
from preread.terms import HemorrhageType, Laterality, Level, OrderClass
from preread.work import claim_next, finish_claim
from tests.builders import send
from tests.support.heads import Head, bundle, seeing
from worker.reading import ModelReader

BLEED = Bleed(HemorrhageType.IPH, Laterality.LEFT, 40.0)


@pytest.fixture(scope="module")
def phantom():
    return make_head(5, [BLEED])


@pytest.fixture(scope="module")
def files(phantom):
    return encode_series(phantom, SyntheticStudy(accession_number="READ-1"))


@pytest.fixture(scope="module")
def predictor(phantom, files):
    volume = read_volume([BytesIO(content) for content in files])
    return seeing(Head(volume, phantom.mask), bundle())


def read(resources, predictor, contents, **said):
    """Send a study, read it and return the result and the study as it then stands."""
    study_id = send(resources, *contents, complete=True, **said).studies[0].study_id
    claim = claim_next(resources, "w")
    result = ModelReader(resources, predictor, bundle()).read(claim)
    finish_claim(resources, claim, result, worker="w")
    with resources.reading() as work:
        return result, work.studies.get(study_id)


def test_a_bleed_is_written_down_with_type_side_place_and_volume(resources, predictor, files):
    result, study = read(resources, predictor, files, order_class=OrderClass.ROUTINE)
    document = result.document
    (finding,) = document.findings
    assert document.assessment.level is Level.CRITICAL
    assert finding.type is HemorrhageType.IPH
    assert finding.volume_ml == pytest.approx(BLEED.volume_ml, rel=0.1)
    assert {place.laterality for place in finding.locations} == {Laterality.LEFT}
    assert document.text.summary.startswith("Suspected acute left ")
    assert " intraparenchymal hemorrhage, " in document.text.summary
    assert document.study.synthetic
    assert document.input.slice_count == 32
    assert document.triage_effect.applied
    assert study.ai_state is AiState.SUCCEEDED
    assert study.summary == document.text.summary


def test_the_peak_of_a_finding_is_cited_by_its_sop_instance_uid(
    resources, predictor, files, phantom
):
    result, _ = read(resources, predictor, files)
    span = result.document.findings[0].slices
    areas = (phantom.mask > 0).sum(axis=(1, 2))
    volume = read_volume([BytesIO(content) for content in files])
    assert areas[span.peak] == areas.max()
    assert span.peak_sop_instance_uid == volume.sop_instance_uids[span.peak]


def test_key_images_lie_in_the_store_with_and_without_overlay(resources, predictor, files):
    result, _ = read(resources, predictor, files)
    first = result.key_images[0]
    with resources.store.open(first.plain_sha256) as plain:
        assert Image.open(plain).format == "PNG"
    assert first.overlay_sha256 not in {None, first.plain_sha256}
    assert len(result.key_images) == len(result.document.key_images)


def test_reading_the_same_study_again_gives_the_same_digest(resources, predictor, files):
    send(resources, *files, complete=True)
    reader = ModelReader(resources, predictor, bundle())
    claim = claim_next(resources, "w")
    first, again = reader.read(claim).document, reader.read(claim).document
    assert first.pre_read_id != again.pre_read_id
    assert first.digest == again.digest


def test_a_study_that_shows_no_head_is_not_assessed_and_stays_on_the_list(resources, predictor):
    result, study = read(resources, predictor, encode_body_series(3))
    assert result.document.assessment.level is Level.NOT_ASSESSED
    assert result.document.assessment.any_hemorrhage is None
    assert result.document.model is None
    assert result.document.findings == ()
    assert study.ai_state is AiState.NOT_ASSESSED
    assert study.ai_reason is ReasonCode.NOT_HEAD
    assert study.ranked


def test_a_missing_slice_is_not_guessed(resources, predictor, files):
    result, _ = read(resources, predictor, [*files[:14], *files[16:]])
    assert result.document.eligibility.reasons == (ReasonCode.MISSING_SLICES,)


def without_pixels(content):
    dataset = pydicom.dcmread(BytesIO(content))
    dataset.PixelData = np.full((dataset.Rows, dataset.Columns), -1000, np.int16).tobytes()
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.PixelRepresentation = 1, 0, 1
    changed = BytesIO()
    dataset.save_as(changed)
    return changed.getvalue()


def test_images_without_a_skull_are_not_assessed_whatever_their_headers_say(
    resources, predictor, files
):
    result, study = read(resources, predictor, [without_pixels(content) for content in files])
    assert result.document.eligibility.reasons == (ReasonCode.NOT_HEAD,)
    assert result.document.assessment.level is Level.NOT_ASSESSED
    assert study.ai_state is AiState.NOT_ASSESSED


def brightened(content):
    """The same slice as if a wrong intercept were in its header."""
    dataset = pydicom.dcmread(BytesIO(content))
    dataset.RescaleIntercept = float(dataset.RescaleIntercept) + 60
    changed = BytesIO()
    dataset.save_as(changed)
    return changed.getvalue()


def test_gray_levels_that_are_not_those_of_brain_are_not_assessed_and_lose_no_place(
    resources, predictor, files
):
    result, study = read(
        resources, predictor, [brightened(content) for content in files], order_class=OrderClass.ER
    )
    assert result.document.eligibility.reasons == (ReasonCode.IMPLAUSIBLE_HU,)
    assert result.document.assessment.level is Level.NOT_ASSESSED
    assert study.ai_reason is ReasonCode.IMPLAUSIBLE_HU
    assert not result.document.triage_effect.applied
    assert study.ranked


def test_a_childs_study_is_never_none(resources, files, phantom):
    quiet = Head(read_volume([BytesIO(one) for one in files]), 0 * phantom.mask)
    young = [aged(content, "007Y") for content in files]
    result, _ = read(resources, seeing(quiet, bundle()), young)
    document = result.document
    assert document.assessment.level is Level.INDETERMINATE
    assert "PEDIATRIC" in document.input.flags
    assert document.text.summary == (
        "Indeterminate: nothing was flagged, but the patient is under 18; the model is for adults."
    )
    assert "The patient is under 18; the model is for adults." in document.text.limitations


def aged(content, age):
    dataset = pydicom.dcmread(BytesIO(content))
    dataset.PatientAge = age
    changed = BytesIO()
    dataset.save_as(changed)
    return changed.getvalue()


def test_a_hole_that_only_the_volume_shows_is_not_guessed(resources, predictor, files, monkeypatch):
    # Frames of an Enhanced CT image lie in functional groups, which no header shows.
    def with_hole(paths, limits):
        return replace(read_volume(paths, limits), flags=(QualityFlag.MISSING_SLICES,))

    monkeypatch.setattr("worker.reading.read_volume", with_hole)
    result, _ = read(resources, predictor, files)
    assert result.document.eligibility.reasons == (ReasonCode.MISSING_SLICES,)
