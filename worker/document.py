"""Writes the pre-read document: facts of the study, the assessment, and words for people.

Nothing is computed here that a reader would have to check against the images.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ml.assessment import Assessment
from ml.pipeline import DEMONSTRATOR
from preread.dicom.acceptance import SeriesChoice, SeriesFacts
from preread.dicom.header import InstanceHeader
from preread.dicom.volume import Volume
from preread.findings import (
    SCHEMA_VERSION,
    Eligibility,
    InputSummary,
    Mode,
    Model,
    PreRead,
    PreReadStatus,
    SeriesInput,
    SliceRecordFile,
    StudyReference,
    Text,
    Timing,
    TriageEffect,
)
from preread.findings import Assessment as Statement
from preread.notice import NOTICE
from preread.policy import DEFAULT_POLICY
from preread.ranking import MINUTE_MS, most_urgent, place
from preread.reasons import REASON_TEXT, ReasonCode
from preread.study import Study
from preread.terms import Level
from preread.work import Claim
from worker.statements import (
    any_hemorrhage,
    findings,
    key_images,
    measurements,
    type_probabilities,
)
from worker.wording import limitations, summary

_NOT_IN_DIGEST: Final[dict[str, Any]] = {
    **dict.fromkeys(("pre_read_id", "supersedes", "status", "created_at", "timing_ms"), True),
    "digest": True,
    "study": {"study_id", "completed_at"},
    "key_images": {"__all__": {"url"}},
    "input": {"slice_record"},  # names files of the store, and says nothing that is not above
}


@dataclass(frozen=True)
class Known:
    """What the headers tell of one revision of one study; headers in the order received."""

    claim: Claim
    headers: tuple[InstanceHeader, ...]
    choice: SeriesChoice


@dataclass(frozen=True)
class Reading:
    """Everything that became known of one revision of one study.

    Attributes
    ----------
    reasons
        Why the study was not assessed; empty if it was.
    volume, assessment, model
        None if the study was not assessed.
    slice_record_sha256
        None if the slices could not be read.
    """

    pre_read_id: str
    created_at: datetime
    mode: Mode
    known: Known
    reasons: tuple[ReasonCode, ...]
    volume: Volume | None
    assessment: Assessment | None
    model: Model | None
    timing: Timing
    slice_record_sha256: str | None = None


def write_document(reading: Reading) -> PreRead:
    """Return the pre-read of what became known, with its digest."""
    assessment = reading.assessment
    level = Level.NOT_ASSESSED if assessment is None else assessment.level
    why_not = REASON_TEXT[reading.reasons[0]] if reading.reasons else None
    volume = reading.volume
    assessed = None if assessment is None or volume is None else (assessment, volume)
    document = PreRead(
        schema_version=SCHEMA_VERSION,
        pre_read_id=reading.pre_read_id,
        revision=reading.known.claim.revision,
        supersedes=reading.known.claim.supersedes,
        status=PreReadStatus.PRELIMINARY,
        created_at=reading.created_at,
        mode=reading.mode,
        study=_study(reading.known.claim.study, reading.created_at),
        input=_input(reading),
        eligibility=Eligibility(eligible=assessment is not None, reasons=reading.reasons),
        assessment=Statement(
            level=level,
            any_hemorrhage=None if assessment is None else any_hemorrhage(assessment),
            any_hemorrhage_reason=why_not,
        ),
        type_probabilities=() if assessment is None else type_probabilities(assessment),
        findings=() if assessed is None else findings(*assessed),
        measurements=measurements(assessment, why_not),
        key_images=() if assessed is None else key_images(*assessed, reading.known.claim.study.id),
        text=Text(
            summary=summary(assessment, why_not),
            limitations=limitations(level, _flags(reading), reading.model),
        ),
        triage_effect=_triage_effect(reading.known.claim.study, level, reading.created_at),
        model=reading.model,
        model_reason=None if reading.model is not None else why_not,
        timing_ms=reading.timing,
        digest="",
        notice=NOTICE,
    )
    return document.model_copy(update={"digest": digest_of(document)})


def digest_of(document: PreRead) -> str:
    """Return the SHA-256 of what the document says, without identifiers and times.

    Two pre-reads of the same images by the same model on the same device have the same
    digest, so a changed one shows a changed result.
    """
    said = document.model_dump(mode="json", exclude=_NOT_IN_DIGEST)
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _study(study: Study, created_at: datetime) -> StudyReference:
    return StudyReference(
        study_id=study.id,
        study_instance_uid=study.study_instance_uid,
        accession_number=study.accession_number,
        site=study.site,
        order_class=study.order_class,
        modality=study.modality,
        body_part=study.body_part,
        patient_age_years=study.patient_age_years,
        acquired_at=study.acquired_at,
        completed_at=study.completed_at or created_at,
        synthetic=study.synthetic,
    )


def _input(reading: Reading) -> InputSummary:
    volume = reading.volume
    return InputSummary(
        series=tuple(
            _series(series, reading.known.headers) for series in reading.known.choice.series
        ),
        slice_count=None if volume is None else len(volume.hu),
        gantry_tilt_deg=None if volume is None else round(volume.gantry_tilt_deg, 2),
        coverage_mm=None if volume is None else round(float(volume.thickness_mm.sum()), 1),
        flags=_flags(reading),
        slice_record=None
        if reading.slice_record_sha256 is None
        else SliceRecordFile(
            sha256=reading.slice_record_sha256,
            url=f"/v1/studies/{reading.known.claim.study.id}/slices",
        ),
    )


def _series(series: SeriesFacts, headers: Sequence[InstanceHeader]) -> SeriesInput:
    mine = [one for one in headers if one.series_instance_uid == series.series_instance_uid]
    agents = {one.contrast_agent for one in mine} - {None}
    return SeriesInput(
        series_instance_uid=series.series_instance_uid,
        instance_count=len(mine),
        selected=series.selected,
        reason=series.reason,
        slice_thickness_mm=series.thickness_mm,
        pixel_spacing_mm=next((one.pixel_spacing_mm for one in mine if one.pixel_spacing_mm), None),
        kernel=series.kernel,
        contrast_agent=any(agents) if agents else None,
    )


def _flags(reading: Reading) -> tuple[str, ...]:
    flags = [
        *reading.known.choice.flags,
        *(() if reading.volume is None else reading.volume.flags),
        *(() if reading.assessment is None else _about_images(reading.assessment.warnings)),
    ]
    return tuple(dict.fromkeys(str(flag) for flag in flags))


def _about_images(warnings: Sequence[str]) -> tuple[str, ...]:
    """Leave out the warning about the model, which has its own field there."""
    return tuple(warning for warning in warnings if warning != DEMONSTRATOR)


def _triage_effect(study: Study, level: Level, created_at: datetime) -> TriageEffect:
    """Tell what this level did to the place that the study had before."""
    completed_at = study.completed_at or created_at
    before = place(completed_at, study.order_class, study.rank_level)
    after = place(completed_at, study.order_class, most_urgent(study.rank_level, level))
    promotion = DEFAULT_POLICY.promotions.get(level)
    return TriageEffect(
        target_min=(after.due_ms - after.t0_ms) // MINUTE_MS,
        head_start_min=0 if promotion is None else promotion.head_start_min,
        policy_version=after.policy_version,
        applied=after.key_ms < before.key_ms,
        suppressed_by=None,
    )
