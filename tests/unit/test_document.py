"""The pre-read document: its golden file, its digest and its rules about what is unknown."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from ml.assessment import (
    Assessment,
    Density,
    FindingReading,
    KeySlice,
    KindProbability,
    Place,
    SliceSpan,
    StageTiming,
)
from preread.dicom.acceptance import SeriesChoice, SeriesFacts
from preread.dicom.header import read_header
from preread.dicom.stack import QualityFlag
from preread.findings import Mode, Model, PreRead, Timing
from preread.reasons import ReasonCode
from preread.study import AiState, ReadState, Study
from preread.terms import KINDS, HemorrhageType, Laterality, Level, OrderClass, Region
from preread.work import Claim
from tests.builders import instance_bytes
from tests.support.heads import volume_of
from worker.document import Known, Reading, digest_of, write_document
from worker.statements import summaries

GOLDEN = Path(__file__).parent / "golden" / "pre_read.json"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def study(**changes):
    said = {
        "id": "00000000-0000-4000-8000-000000000001",
        "site": "north",
        "study_instance_uid": "1.2.826.0.1.3680043.10.1462.1",
        "accession_number": "ACC1",
        "order_class": OrderClass.ROUTINE,
        "modality": "CT",
        "body_part": "HEAD",
        "patient_age_years": 71,
        "acquired_at": None,
        "synthetic": True,
        "instance_count": 20,
        "byte_count": 10_000_000,
        "received_at": NOON - timedelta(seconds=20),
        "last_instance_at": NOON - timedelta(seconds=1),
        "completed_at": NOON,
        "settled": True,
        "revision": 1,
        "ai_state": AiState.RUNNING,
        "ai_reason": None,
        "ai_started_at": NOON,
        "ai_done_at": None,
        "read_state": ReadState.UNREAD,
        "reported_at": None,
        "level": None,
        "rank_level": None,
        "findings": (),
        "key_image_count": 0,
        "summary": None,
        "ranked": True,
        "lane": 1,
        "key_ms": 0,
        "t0_ms": 0,
        "due_at": None,
        "rank_reason": None,
        "policy_version": None,
    }
    return Study(**{**said, **changes})


def claim(**changes):
    return Claim(
        task_id=1,
        fence=1,
        attempt=1,
        study=study(**changes),
        revision=1,
        instances=(),
        supersedes=None,
        queued_at=NOON,
        started_at=NOON + timedelta(seconds=1),
    )


def finding(kind=HemorrhageType.SDH, **changes):
    said = {
        "kind": kind,
        "probability": 0.93,
        "threshold": 0.5,
        "volume_ml": 43.2,
        "volume_ml_reason": None,
        "max_thickness_mm": 9.4,
        "max_thickness_mm_reason": None,
        "density": Density(mean_hu=62.0, p95_hu=71.0),
        "density_reason": None,
        "places": (
            Place(Region.FRONTAL_CONVEXITY, Laterality.RIGHT, 0.7),
            Place(Region.PARIETAL_CONVEXITY, Laterality.RIGHT, 0.3),
        ),
        "places_reason": None,
        "slices": SliceSpan(first=4, last=9, peak=6),
        "lesion_indices": (0,),
    }
    return FindingReading(**{**said, **changes})


def assessment(*findings, level=Level.CRITICAL, **changes):
    present = {one.kind for one in findings}
    said = {
        "level": level,
        "lifted_by": (),
        "probability": 0.93,
        "calibrated": True,
        "threshold": 0.5,
        "operating_point_id": "test",
        "interval95": (0.84, 0.97),
        "interval95_reason": None,
        "ood_score": 0.12,
        "ood_score_reason": None,
        "kinds": tuple(
            KindProbability(kind, 0.93 if kind in present else 0.02, 0.5, kind in present)
            for kind in KINDS
        ),
        "findings": findings,
        "lesions": (),
        "total_volume_ml": 43.2 if findings else None,
        "total_volume_ml_reason": None if findings else "nothing was outlined",
        "midline_shift_mm": 6.2,
        "midline_shift_mm_reason": None,
        "midline_shift_toward": Laterality.LEFT,
        "slice_any": np.zeros(20, np.float32),
        "slice_probabilities": np.zeros((20, 5), np.float32),
        "mask": np.zeros((20, 4, 4), bool),
        "mask_kinds": np.zeros((20, 4, 4), np.uint8),
        "key_slices": (KeySlice(6, tuple(sorted(present)), bool(findings)),),
        "warnings": ("DEMONSTRATOR",),
        "timing": StageTiming(100.0, 2000.0, 150.0),
    }
    return Assessment(**{**said, **changes})


def reading(one=None, reasons=(), **changes):
    header = read_header(BytesIO(instance_bytes()))
    facts = SeriesFacts(
        series_instance_uid=header.series_instance_uid,
        series_number=1,
        modality="CT",
        sop_instance_uids=(header.sop_instance_uid,),
        slices=20,
        thickness_mm=5.0,
        spacing_mm=5.0,
        extent_mm=100.0,
        kernel=None,
        selected=one is not None,
        reason=reasons[0] if reasons else None,
        score=1.0,
        flags=(QualityFlag.GANTRY_TILT,),
    )
    model = Model(
        name="test",
        version="1",
        weights_sha256="0" * 64,
        code_version="0.1.0",
        calibration_id="test",
        device="cpu",
        precision="float32",
        deterministic=True,
        demonstrator=True,
        trained_on="nothing",
    )
    said = {
        "pre_read_id": "00000000-0000-4000-8000-0000000000aa",
        "created_at": NOON + timedelta(seconds=4),
        "mode": Mode.RESEARCH_PREREAD,
        "known": Known(
            claim(),
            (header,),
            SeriesChoice(
                header.series_instance_uid if one else None, (facts,), reasons, facts.flags
            ),
        ),
        "reasons": reasons,
        "volume": volume_of(np.zeros((20, 4, 4), np.float32), 0.5, np.full(20, 5.0))
        if one
        else None,
        "assessment": one,
        "model": model if one else None,
        "timing": Timing(queue=1000, load=300, classify_and_segment=2100, measure=150, total=2600),
    }
    return Reading(**{**said, **changes})


def test_the_document_is_the_golden_file():
    # Changing the golden file is right only together with SCHEMA_VERSION, or when a field
    # was added: senders and readers parse what is written here.
    document = write_document(reading(assessment(finding())))
    golden = PreRead.model_validate_json(GOLDEN.read_text(encoding="utf-8"))
    assert json.loads(document.model_dump_json()) == json.loads(golden.model_dump_json())


def test_what_was_not_assessed_is_null_with_the_reason_and_never_zero():
    document = write_document(reading(reasons=(ReasonCode.CONTRAST,)))
    assert document.assessment.level is Level.NOT_ASSESSED
    assert document.assessment.any_hemorrhage is None
    assert document.assessment.any_hemorrhage_reason == "A contrast agent was given."
    assert document.measurements.total_volume_ml is None
    assert document.measurements.total_volume_ml_reason
    assert document.input.slice_count is None
    assert document.model is None
    assert document.model_reason
    assert document.text.summary == "Not assessed. A contrast agent was given."
    assert not document.triage_effect.applied


def test_the_digest_leaves_out_identifiers_and_times_and_nothing_else():
    one = reading(assessment(finding()))
    document = write_document(one)
    later = write_document(
        replace(
            one,
            pre_read_id="00000000-0000-4000-8000-0000000000bb",
            created_at=one.created_at + timedelta(hours=1),
            timing=one.timing.model_copy(update={"total": 9}),
        )
    )
    other = write_document(reading(assessment(finding(volume_ml=43.3))))
    assert document.digest == later.digest == digest_of(later)
    assert document.digest != other.digest


def test_five_findings_are_five_findings():
    document = write_document(reading(assessment(*(finding(kind) for kind in KINDS))))
    assert [one.finding_id for one in document.findings] == ["F1", "F2", "F3", "F4", "F5"]
    assert [one.type for one in document.findings] == list(KINDS)
    assert len(document.text.summary) <= 300


@pytest.mark.parametrize(
    ("level", "before", "applied"),
    [
        (Level.CRITICAL, None, True),
        (Level.INDETERMINATE, None, True),
        (Level.NONE, None, False),
        (Level.SUSPECTED, Level.CRITICAL, False),  # a later, milder result moves nothing
    ],
)
def test_the_effect_on_the_place_is_told_truly(level, before, applied):
    one = reading(assessment(level=level))
    known = replace(one.known, claim=replace(one.known.claim, study=study(rank_level=before)))
    effect = write_document(replace(one, known=known)).triage_effect
    assert effect.applied is applied


def test_a_finding_without_an_outline_keeps_its_reasons():
    bare = finding(
        volume_ml=None,
        volume_ml_reason="no outline",
        max_thickness_mm=None,
        max_thickness_mm_reason="no outline",
        density=None,
        density_reason="no outline",
        places=(),
        places_reason="no outline",
        slices=None,
        lesion_indices=(),
    )
    document = write_document(reading(assessment(bare, level=Level.SUSPECTED)))
    (written,) = document.findings
    assert (written.volume_ml, written.slices, written.locations) == (None, None, ())
    assert written.volume_ml_reason == written.locations_reason == "no outline"
    assert summaries(assessment(bare))[0].place is None
    assert document.text.summary == "Suspected subdural hematoma; midline shift 6 mm to the left."


def test_the_summary_tells_thickness_and_the_way_the_midline_moved():
    told = write_document(reading(assessment(finding()))).text.summary
    assert told == (
        "Suspected acute right frontoparietal subdural hematoma, 43 ml, 9 mm thick; "
        "midline shift 6 mm to the left."
    )


def test_a_shift_within_the_error_of_its_measure_is_written_but_not_told():
    document = write_document(reading(assessment(finding(), midline_shift_mm=2.9)))
    assert document.measurements.midline_shift_mm == 2.9
    assert "midline" not in document.text.summary
    assert any("below 3 mm" in limit for limit in document.text.limitations)
