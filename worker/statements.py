"""What an assessment says, in the members of the pre-read document."""

from collections.abc import Sequence

from ml.assessment import Assessment, FindingReading, Place
from ml.keyimages import KEY_WINDOW
from ml.place_words import first_place
from preread.dicom.volume import Volume
from preread.findings import (
    AnyHemorrhage,
    CodedTerm,
    Density,
    Finding,
    KeyImage,
    Location,
    Measurements,
    SliceRange,
    TypeProbability,
)
from preread.regions import REGION
from preread.study import FindingSummary
from preread.terms import HEMORRHAGE, TYPE_NAME, Code, HemorrhageType
from worker.slices import finding_id


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


def any_hemorrhage(assessment: Assessment) -> AnyHemorrhage:
    """Return what is said of hemorrhage of any type."""
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


def type_probabilities(assessment: Assessment) -> tuple[TypeProbability, ...]:
    """Return what is said of each type, named or not."""
    return tuple(
        TypeProbability(
            type=kind.kind,
            probability=kind.probability,
            threshold=kind.threshold,
            present=kind.present,
        )
        for kind in assessment.kinds
    )


def findings(assessment: Assessment, volume: Volume) -> tuple[Finding, ...]:
    """Return the findings, numbered from 1 in the order of the assessment."""
    uids = volume.sop_instance_uids
    return tuple(
        _finding(number, finding, uids)
        for number, finding in enumerate(assessment.findings, start=1)
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


def measurements(assessment: Assessment | None, why_not: str | None) -> Measurements:
    """Return what was measured of the study, or why nothing was."""
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


def key_images(assessment: Assessment, volume: Volume, study_id: str) -> tuple[KeyImage, ...]:
    """Return the key images, numbered from 1, with the findings that each shows."""
    ids = {
        finding.kind: finding_id(number)
        for number, finding in enumerate(assessment.findings, start=1)
    }
    return tuple(
        KeyImage(
            number=number,
            sop_instance_uid=volume.sop_instance_uids[key.slice],
            instance_number=volume.instance_numbers[key.slice],
            slice=key.slice,
            window_center_hu=KEY_WINDOW.center_hu,
            window_width_hu=KEY_WINDOW.width_hu,
            finding_ids=tuple(ids[kind] for kind in key.kinds if kind in ids),
            url=f"/v1/studies/{study_id}/key-images/{number}.png",
            has_overlay=key.has_outline,
        )
        for number, key in enumerate(assessment.key_slices, start=1)
    )
