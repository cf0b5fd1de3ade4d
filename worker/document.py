"""Writes the pre-read document: facts of the study, the assessment, and words for people.

Nothing is computed here that a reader would have to check against the images.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ml.assessment import Assessment, FindingReading, Place
from ml.keyimages import KEY_WINDOW
from ml.pipeline import DEMONSTRATOR
from ml.place_words import first_place
from preread.dicom.acceptance import SeriesChoice, SeriesFacts
from preread.dicom.header import InstanceHeader
from preread.dicom.volume import Volume
from preread.findings import (
    SCHEMA_VERSION,
    AnyHemorrhage,
    CodedTerm,
    Density,
    Eligibility,
    Finding,
    FindingSummary,
    InputSummary,
    KeyImage,
    Location,
    Measurements,
    Mode,
    Model,
    PreRead,
    PreReadStatus,
    SeriesInput,
    SliceRange,
    SliceRecordFile,
    StudyReference,
    Text,
    Timing,
    TriageEffect,
    TypeProbability,
)
from preread.findings import Assessment as Statement
from preread.notice import NOTICE
from preread.ranking import DEFAULT_POLICY, MINUTE_MS, most_urgent, place
from preread.reasons import REASON_TEXT, ReasonCode
from preread.regions import REGION
from preread.study import Study
from preread.terms import HEMORRHAGE, TYPE_NAME, Code, HemorrhageType, Level
from preread.work import Claim
from worker.slices import finding_id
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
            any_hemorrhage=None if assessment is None else _any_hemorrhage(assessment),
            any_hemorrhage_reason=why_not,
        ),
        type_probabilities=() if assessment is None else _type_probabilities(assessment),
        findings=_findings(reading),
        measurements=_measurements(assessment, why_not),
        key_images=_key_images(reading),
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


def summaries(assessment: Assessment) -> tuple[FindingSummary, ...]:
    """Return what a row of the worklist shows of each finding."""
    return tuple(
        FindingSummary(
            type=finding.kind,
            probability=finding.probability,
            volume_ml=finding.volume_ml,
            place=first_place(finding.places),
        )
        for finding in assessment.findings
    )


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


def _any_hemorrhage(assessment: Assessment) -> AnyHemorrhage:
    return AnyHemorrhage(
        probability=assessment.probability,
        calibrated=assessment.calibrated,
        threshold=assessment.threshold,
        operating_point_id=assessment.operating_point_id,
        interval95=assessment.interval95,
        interval95_reason=assessment.interval95_reason,
        ood_score=assessment.ood_score,
        ood_score_reason=assessment.ood_score_reason,
    )


def _type_probabilities(assessment: Assessment) -> tuple[TypeProbability, ...]:
    return tuple(
        TypeProbability(
            type=kind.kind,
            probability=kind.probability,
            threshold=kind.threshold,
            present=kind.present,
        )
        for kind in assessment.kinds
    )


def _findings(reading: Reading) -> tuple[Finding, ...]:
    if reading.assessment is None or reading.volume is None:
        return ()
    uids = reading.volume.sop_instance_uids
    return tuple(
        _finding(number, finding, uids)
        for number, finding in enumerate(reading.assessment.findings, start=1)
    )


def _finding(number: int, finding: FindingReading, uids: Sequence[str]) -> Finding:
    density, span = finding.density, finding.slices
    return Finding(
        finding_id=finding_id(number),
        type=finding.kind,
        name=TYPE_NAME[finding.kind],
        code=_coded(HEMORRHAGE),
        probability=finding.probability,
        threshold=finding.threshold,
        volume_ml=finding.volume_ml,
        volume_ml_reason=finding.volume_ml_reason,
        max_thickness_mm=finding.max_thickness_mm,
        max_thickness_mm_reason=finding.max_thickness_mm_reason,
        density_hu=None if density is None else Density(mean=density.mean_hu, p95=density.p95_hu),
        density_hu_reason=finding.density_reason,
        locations=tuple(_location(where) for where in finding.places),
        locations_reason=finding.places_reason,
        slices=None
        if span is None
        else SliceRange(
            first=span.first,
            last=span.last,
            peak=span.peak,
            peak_sop_instance_uid=uids[span.peak],
        ),
        lesion_count=len(finding.lesion_indices),
    )


def _location(where: Place) -> Location:
    term = REGION[where.region]
    return Location(
        region=where.region,
        name=term.name,
        code=None if term.code is None else _coded(term.code),
        laterality=where.laterality,
        share_of_volume=where.share_of_volume,
        probability=where.probability,
    )


def _coded(code: Code) -> CodedTerm:
    return CodedTerm(scheme=code.scheme, value=code.value, meaning=code.meaning)


def _measurements(assessment: Assessment | None, why_not: str | None) -> Measurements:
    if assessment is None:
        return Measurements(
            total_volume_ml=None,
            total_volume_ml_reason=why_not,
            midline_shift_mm=None,
            midline_shift_mm_reason=why_not,
            midline_shift_toward=None,
            ventricles_involved=None,
            ventricles_involved_reason=why_not,
        )
    return Measurements(
        total_volume_ml=assessment.total_volume_ml,
        total_volume_ml_reason=assessment.total_volume_ml_reason,
        midline_shift_mm=assessment.midline_shift_mm,
        midline_shift_mm_reason=assessment.midline_shift_mm_reason,
        midline_shift_toward=assessment.midline_shift_toward,
        ventricles_involved=any(
            finding.kind is HemorrhageType.IVH for finding in assessment.findings
        ),
        ventricles_involved_reason=None,
    )


def _key_images(reading: Reading) -> tuple[KeyImage, ...]:
    if reading.assessment is None or reading.volume is None:
        return ()
    ids = {
        finding.kind: finding_id(number)
        for number, finding in enumerate(reading.assessment.findings, start=1)
    }
    study_id = reading.known.claim.study.id
    return tuple(
        KeyImage(
            number=number,
            sop_instance_uid=reading.volume.sop_instance_uids[key.slice],
            instance_number=reading.volume.instance_numbers[key.slice],
            slice=key.slice,
            window_center_hu=KEY_WINDOW.center_hu,
            window_width_hu=KEY_WINDOW.width_hu,
            finding_ids=tuple(ids[kind] for kind in key.kinds if kind in ids),
            url=f"/v1/studies/{study_id}/key-images/{number}.png",
            has_overlay=key.has_outline,
        )
        for number, key in enumerate(reading.assessment.key_slices, start=1)
    )


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
