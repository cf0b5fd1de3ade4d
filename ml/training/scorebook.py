"""Fit thresholds and calibration on some patients."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.border import BorderRule
from ml.evaluation.metrics import (
    fit_calibration,
    threshold_for_sensitivity,
    threshold_for_specificity,
)
from ml.evidence import beside_neighbors, study_features
from ml.scoring import Calibration, OperatingPoints
from ml.training.border import fit_border
from ml.training.evidence import MASK_THRESHOLDS, PatientEvidence
from preread.terms import KINDS

SUSPECTED_SPECIFICITY: Final = 0.80
CRITICAL_SPECIFICITY: Final = 0.95
INDETERMINATE_SENSITIVITY: Final = 0.95
# A level that nearly every study without blood is given tells nothing and costs a look each.
INDETERMINATE_SPECIFICITY: Final = 0.50
KIND_SPECIFICITY: Final = 0.95
# What is less likely than not is not named without an outline of which it is a good part.
LEAST_KIND_THRESHOLD: Final = 0.50
# A volume that neurosurgical guidelines treat as large (epidural: 30 ml, Bullock et al.,
# Neurosurgery 2006;58(3 Suppl):S7-15); here it only raises a suspected study.
CRITICAL_ML: Final = 30.0
RIDGE_ANY: Final = 0.1
RIDGE_KIND: Final = 0.5
RULE: Final = (
    "suspected: lowest probability with study specificity >= 0.80; critical: lowest with "
    "specificity >= 0.95, or suspected and 30 ml or more outlined; indeterminate: highest "
    "with sensitivity >= 0.95 and specificity >= 0.50, or the latter alone where both cannot be, "
    "but not above suspected; a type: lowest with specificity >= 0.95, "
    "but at least 0.50"
)


@dataclass(frozen=True)
class Scorebook:
    """Everything between the network's output and the level.

    Attributes
    ----------
    mask_index
        Into ``MASK_THRESHOLDS``.
    any_curve, kind_curves
        Calibrations of the study.
    slice_curve, slice_kind_curves
        Calibrations of a slice.
    points
        Operating points.
    border
        Where lesions end.
    """

    mask_index: int
    any_curve: Calibration
    kind_curves: tuple[Calibration, ...]
    slice_curve: Calibration
    slice_kind_curves: tuple[Calibration, ...]
    points: OperatingPoints
    border: BorderRule


def fit_scorebook(known: list[PatientEvidence]) -> Scorebook:
    """Fit on these patients, and on nothing else."""
    mask_index = int(np.argmax([mean_dice(known, index) for index in range(len(MASK_THRESHOLDS))]))
    truth = np.array([one.labels.any() for one in known])
    slice_curve, slice_kind_curves = _fit_slices(known)
    features = np.array([study_features(one.slices.any_features, slice_curve) for one in known])
    any_curve = fit_calibration(features, truth, RIDGE_ANY)
    fitted = np.array([any_curve.probability(row) for row in features])
    curves, thresholds = _fit_kinds(known, slice_kind_curves)
    suspected = threshold_for_specificity(fitted, truth, SUSPECTED_SPECIFICITY)
    critical = threshold_for_specificity(fitted, truth, CRITICAL_SPECIFICITY)
    sensitive = threshold_for_sensitivity(fitted, truth, INDETERMINATE_SENSITIVITY)
    specific = threshold_for_specificity(fitted, truth, INDETERMINATE_SPECIFICITY)
    points = OperatingPoints(
        indeterminate=min(max(sensitive, specific), suspected),
        suspected=suspected,
        critical=max(critical, suspected),
        critical_ml=CRITICAL_ML,
        kinds=thresholds,
    )
    border = fit_border([one.border for one in known])
    return Scorebook(mask_index, any_curve, curves, slice_curve, slice_kind_curves, points, border)


def mean_dice(known: list[PatientEvidence], mask_index: int) -> float:
    """Return the mean Dice over all slices with blood."""
    return float(np.concatenate([slice_dice(one, mask_index) for one in known]).mean())


def slice_dice(one: PatientEvidence, mask_index: int) -> NDArray[np.float64]:
    """Return Dice of each slice with blood, in order."""
    positive = one.truth > 0
    both = one.predicted[mask_index] + one.truth
    dice: NDArray[np.float64] = 2.0 * one.overlap[mask_index][positive] / both[positive]
    return dice


def _fit_kinds(
    known: list[PatientEvidence], slice_curves: tuple[Calibration, ...]
) -> tuple[tuple[Calibration, ...], tuple[float, ...]]:
    curves, thresholds = [], []
    for kind, slice_curve in enumerate(slice_curves):
        truth = np.array([one.labels[:, kind].any() for one in known])
        scores = np.array(
            [study_features(one.slices.kind_features(kind), slice_curve) for one in known]
        )
        curve = fit_calibration(scores, truth, RIDGE_KIND)
        fitted = np.array([curve.probability(row) for row in scores])
        curves.append(curve)
        specific = threshold_for_specificity(fitted, truth, KIND_SPECIFICITY)
        thresholds.append(max(specific, LEAST_KIND_THRESHOLD))
    return tuple(curves), tuple(thresholds)


def _fit_slices(known: list[PatientEvidence]) -> tuple[Calibration, tuple[Calibration, ...]]:
    labels = np.concatenate([one.labels for one in known])
    features = np.concatenate([beside_neighbors(one.slices.any_features) for one in known])
    kinds = [
        fit_calibration(
            np.concatenate([beside_neighbors(one.slices.kind_features(kind)) for one in known]),
            labels[:, kind],
            RIDGE_KIND,
        )
        for kind in range(len(KINDS))
    ]
    any_label: NDArray[np.bool_] = labels.max(axis=1)
    return fit_calibration(features, any_label, RIDGE_ANY), tuple(kinds)
