"""The way of one volume: slabs, model grid, network, source grid, lesions, level.

Arrays only. The networks stand behind ``ml.prediction.Predictor``, so this file and its
tests never load torch.
"""

import time
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.anatomy import HeadFrame, find_frame
from ml.assessment import Assessment, KindProbability, StageTiming
from ml.bundle import Bundle, Manifest
from ml.evidence import study_features
from ml.field import field_of, read_field
from ml.findings import describe_lesion, key_slices, name_findings
from ml.gates import UNLIKE_LEARNED, ImageFlag, lifted_by, networks_disagree
from ml.head_context import HeadContext, place_lesions
from ml.inspection import Inspection, inspect_images
from ml.intracranial import Interior
from ml.lesion_kinds import TypedLesion, score_lesions, type_lesions
from ml.midline import measure_shift
from ml.model_slices import ModelSlices, heights_mm_of, interior_of, to_model
from ml.outline import BloodMap
from ml.places.blood import ANALYTIC, PlaceNamer
from ml.places.upright import stand_upright
from ml.prediction import Prediction, Predictor
from ml.study_evidence import evidence_of, member_probabilities, slice_probabilities
from ml.study_kinds import rate_kinds
from ml.uncertainty import Uncertainty, uncertainty_of
from preread.dicom.volume import Volume, to_radiological
from preread.terms import FLAGGED, Level

# Codes of ``Assessment.warnings``.
DEMONSTRATOR: Final = "DEMONSTRATOR"
LOCATION_LOW_CONFIDENCE: Final = "LOCATION_LOW_CONFIDENCE"


def read_bleeds(
    volume: Volume,
    predictor: Predictor,
    bundle: Bundle,
    *,
    patient_age_years: int | None = None,
    namer: PlaceNamer = ANALYTIC,
) -> Assessment:
    """Assess one head CT.

    Parameters
    ----------
    volume
        Any orientation, spacing and thickness.
    predictor
        The network of ``bundle``.
    bundle
        Thresholds and calibration.
    patient_age_years
        As the headers say, or None.
    namer
        Who names places: by default plain geometry.

    Returns
    -------
    Assessment
        Any number of findings; slices are the volume's, the mask lies on the grid of
        ``to_radiological(volume)``.
    """
    started = time.perf_counter()
    source = to_radiological(volume)
    slices = to_model(source, bundle.manifest)
    interior = interior_of(slices.hu, bundle.manifest.network.spacing_mm)
    inspection = inspect_images(
        slices.hu,
        interior,
        slices.thickness_mm,
        bundle.manifest.reference,
        patient_age_years,
    )
    prepared = time.perf_counter()
    field = field_of(interior, bundle.manifest.network, bundle.manifest.field)
    prediction = read_field(predictor, slices.hu, field)
    predicted = time.perf_counter()
    assessment = assess(
        source,
        slices,
        interior,
        prediction,
        bundle.manifest,
        inspection=inspection,
        namer=namer,
    )
    timing = StageTiming(
        prepare_ms=1000 * (prepared - started),
        predict_ms=1000 * (predicted - prepared),
        measure_ms=1000 * (time.perf_counter() - predicted),
    )
    return replace(assessment, timing=timing)


def assess(
    source: Volume,
    slices: ModelSlices,
    interior: Interior,
    prediction: Prediction,
    manifest: Manifest,
    *,
    inspection: Inspection,
    namer: PlaceNamer = ANALYTIC,
) -> Assessment:
    """Turn a prediction into an assessment; no network, no clock.

    Parameters
    ----------
    source
        In radiological orientation.
    slices, interior, prediction
        Of the same slabs.
    manifest
        Thresholds and calibration.
    inspection
        Of the same slabs.
    namer
        Who names places.
    """
    read = _Read(source, slices, interior, prediction, manifest, inspection)
    blood = BloodMap(slices, interior, prediction, source.hu, source.voxel_ml)
    rule = manifest.rules.mask
    least_ml = rule.least_ml if rule.least_alone_ml is None else rule.least_alone_ml
    found = blood.find(rule, least_ml=least_ml)
    lesions = blood.draw([one for one in found if one.volume_ml >= rule.least_ml], rule)
    head = _context(read)
    verdict = _judge(read, head, sum(one.volume_ml for one in lesions))
    if verdict.level is Level.NONE:
        lesions = ()
    elif verdict.level in FLAGGED and not lesions:
        lesions = blood.draw(found[:1], rule)
        verdict = replace(verdict, total_ml=sum(one.volume_ml for one in lesions))
    if head.frame is not None and lesions:
        upright = stand_upright(slices.hu, interior, head.frame)
        head = place_lesions(head, lesions, upright, namer)
    scored = score_lesions(head, lesions, manifest.rules.naming)
    kinds = rate_kinds(head, scored, verdict.level, verdict.probability, manifest.rules)
    typed = type_lesions(head, scored, [i for i, kind in enumerate(kinds) if kind.present])
    return _described(read, head, verdict, kinds, typed)


@dataclass(frozen=True)
class _Read:
    """What one volume was turned into; as the parameters of :func:`assess`."""

    source: Volume
    slices: ModelSlices
    interior: Interior
    prediction: Prediction
    manifest: Manifest
    inspection: Inspection


@dataclass(frozen=True)
class _Verdict:
    """What is said of the study as a whole; the level is the networks' own, before any lift."""

    probability: float
    level: Level
    uncertainty: Uncertainty
    warnings: tuple[str, ...]
    total_ml: float


def _context(read: _Read) -> HeadContext:
    slices, prediction = read.slices, read.prediction
    slab_of_slice = slices.slabs.of_slices()
    return HeadContext(
        slab_of_slice=slab_of_slice,
        placement=slices.placement,
        evidence=evidence_of(slices, read.interior, prediction),
        kind_probabilities=prediction.kind_probabilities,
        kind_maps=prediction.kind_maps,
        blood=None,
        frame=find_frame(read.interior, slices.heights_mm, slices.hu),
        interior=read.interior,
        above_slab_mm=heights_mm_of(read.source) - slices.heights_mm[slab_of_slice],
        voxel_ml=read.source.voxel_ml,
        hu=read.source.hu,
    )


def _judge(read: _Read, head: HeadContext, total_ml: float) -> _Verdict:
    """Judge the study from what speaks for blood on its slices and what was outlined."""
    rules = read.manifest.rules
    calibration, points = rules.calibration, rules.operating.points
    probability = calibration.any.probability(
        study_features(head.evidence.any_features, calibration.slice_any)
    )
    members = member_probabilities(read.slices, read.interior, read.prediction, calibration)
    uncertainty = uncertainty_of(members, probability)
    warnings = _warnings(read, head.frame)
    if networks_disagree(uncertainty.interval95, points):
        warnings = (*warnings, ImageFlag.NETWORKS_DISAGREE.value)
    level = points.level(probability, total_ml)
    return _Verdict(probability, level, uncertainty, warnings, total_ml)


def _described(
    read: _Read,
    head: HeadContext,
    verdict: _Verdict,
    kinds: tuple[KindProbability, ...],
    typed: tuple[TypedLesion, ...],
) -> Assessment:
    """Put together what was found."""
    operating = read.manifest.rules.operating
    mask_kinds = _kinds_of(read.source.hu.shape, typed)
    lifts = lifted_by(verdict.level, verdict.warnings)
    shift = measure_shift(read.slices.hu, read.interior, head.frame)
    slice_any, slice_kinds = slice_probabilities(head.evidence, read.manifest.rules.calibration)
    slice_any, slice_kinds = slice_any[head.slab_of_slice], slice_kinds[head.slab_of_slice]
    return Assessment(
        level=Level.INDETERMINATE if lifts else verdict.level,
        lifted_by=lifts,
        probability=verdict.probability,
        calibrated=True,
        threshold=operating.points.suspected,
        operating_point_id=operating.id,
        interval95=verdict.uncertainty.interval95,
        interval95_reason=verdict.uncertainty.reason,
        ood_score=read.inspection.ood_score,
        ood_score_reason=read.inspection.ood_score_reason,
        kinds=kinds,
        findings=name_findings(head, typed, kinds),
        lesions=tuple(describe_lesion(head, one) for one in typed),
        total_volume_ml=verdict.total_ml if typed else None,
        total_volume_ml_reason=None if typed else _no_volume_reason(verdict.level),
        midline_shift_mm=shift.shift_mm,
        midline_shift_mm_reason=shift.reason,
        midline_shift_toward=shift.toward,
        slice_any=slice_any,
        slice_probabilities=slice_kinds,
        mask=mask_kinds > 0,
        mask_kinds=mask_kinds,
        key_slices=key_slices(typed, slice_any),
        warnings=verdict.warnings,
        timing=StageTiming(0.0, 0.0, 0.0),
    )


def _kinds_of(shape: tuple[int, ...], typed: tuple[TypedLesion, ...]) -> NDArray[np.uint8]:
    """Return 1 + the index of its type at each lesion's voxels, 0 elsewhere."""
    kinds = np.zeros(shape, np.uint8)
    for one in typed:
        kinds[tuple(one.lesion.voxels.T)] = 1 + one.voxel_kinds
    return kinds


def _no_volume_reason(level: Level) -> str:
    if level is Level.NONE:
        return "no hemorrhage is suspected, so none is measured"
    return "the probability rests on whole slices; no bleed could be outlined"


def _warnings(read: _Read, frame: HeadFrame | None) -> tuple[str, ...]:
    found = []
    if read.manifest.demonstrator:
        found.append(DEMONSTRATOR)
    if frame is None or UNLIKE_LEARNED.intersection(read.inspection.flags):
        found.append(LOCATION_LOW_CONFIDENCE)
    return (*found, *read.inspection.flags)
