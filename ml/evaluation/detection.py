"""Figures of probabilities, levels and types: of studies, of slices, by type, by fold."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.evaluation.curves import average_precision, precision_points, roc_points
from ml.evaluation.estimates import Bootstrap, Figures, rounded, sensitivity, share
from ml.evaluation.metrics import (
    auc,
    calibration_error,
    equal_bins,
    rows_by_owner,
    threshold_for_specificity,
)
from ml.evaluation.results import StudyResult
from ml.labeled import PRESENT, UNKNOWN
from ml.scoring import top_slices
from preread.terms import KINDS, HemorrhageType, Level

LEVELS: Final = (Level.CRITICAL, Level.SUSPECTED, Level.INDETERMINATE, Level.NONE)
LEAST_SPECIFICITY: Final = 0.80
BINS: Final = 5


def known_studies(results: Sequence[StudyResult]) -> list[StudyResult]:
    """Return the studies of which it is known whether they bleed."""
    return [one for one in results if one.bleeds is not None]


def study_figures(results: Sequence[StudyResult], bootstrap: Bootstrap) -> Figures:
    """Judge «any hemorrhage» over studies."""
    known = known_studies(results)
    truth, scores = _truth(known), _probabilities(known)
    slices_only = np.array([top_slices(_slice_any(one)[:, None])[0] for one in known])
    return {
        **_areas(scores, truth, [one.identity.patient for one in known], bootstrap),
        "auc_of_slice_scores_alone": rounded(auc(slices_only, truth)),
        "calibration_error": rounded(calibration_error(scores, truth, BINS)),
        "calibration": [_bin(scores[rows], truth[rows]) for rows in equal_bins(scores, BINS)],
        "brier": rounded(float(((scores - truth) ** 2).mean()) if len(known) else np.nan),
        "indeterminate": sensitivity(_array(one.detected for one in known), truth),
        "suspected": sensitivity(_array(one.said.flagged for one in known), truth),
        "critical": sensitivity(_array(one.said.level is Level.CRITICAL for one in known), truth),
        "at_specificity_80": _at_specificity(scores, truth),
    }


def slice_figures(results: Sequence[StudyResult], bootstrap: Bootstrap) -> Figures:
    """Judge «any hemorrhage» over slices with a label."""
    truth, scores, owners = _slices(results, [one.truth.slice_any for one in results], _slice_any)
    return {
        "slices": len(truth),
        "positive": int(truth.sum()),
        **_areas(scores, truth, owners, bootstrap),
    }


def kind_figures(
    results: Sequence[StudyResult], kind: HemorrhageType, bootstrap: Bootstrap
) -> Figures:
    """Judge one type over slices and over studies."""
    index = KINDS.index(kind)
    truth, scores, owners = _kind_slices(results, index)
    known = [one for one in results if one.truth.study_kinds[index] != UNKNOWN]
    study_truth = _array(one.truth.study_kinds[index] == PRESENT for one in known)
    study_scores = np.array([one.said.kind_probabilities[index] for one in known], np.float64)
    limits = np.array([one.said.kind_thresholds[index] for one in known], np.float64)
    return {
        "positive_slices": int(truth.sum()),
        "positive_studies": int(study_truth.sum()),
        "slice": _area(scores, truth, owners, bootstrap),
        "study": _area(study_scores, study_truth, _patients(known), bootstrap),
        "at_threshold": sensitivity(study_scores >= limits, study_truth),
        "named": sensitivity(_array(kind in one.said.named for one in known), study_truth),
    }


def mean_kind_figures(results: Sequence[StudyResult], bootstrap: Bootstrap) -> Figures:
    """Return the mean slice AUC of the five types; null unless each has slices of both classes."""
    per_kind = [_kind_slices(results, index) for index in range(len(KINDS))]
    names = list(dict.fromkeys(_patients(results)))
    rows = [rows_by_owner(owners) for _, _, owners in per_kind]
    none = np.array([], np.intp)

    def statistic(drawn: NDArray[np.intp]) -> float:
        areas = []
        for (truth, scores, _), owned in zip(per_kind, rows, strict=True):
            chosen = np.concatenate([none, *(owned.get(names[n], none) for n in drawn)])
            areas.append(auc(scores[chosen], truth[chosen]))
        return float(np.mean(areas))

    areas = [auc(scores, truth) for truth, scores, _ in per_kind]
    return {
        "auc": rounded(float(np.mean(areas))),
        "interval": bootstrap.interval(statistic, names),
    }


def level_table(results: Sequence[StudyResult]) -> Figures:
    """Count levels by truth."""
    known = known_studies(results)
    return {
        level.value: {
            "positive": sum(bool(one.bleeds) for one in known if one.said.level is level),
            "negative": sum(not one.bleeds for one in known if one.said.level is level),
        }
        for level in LEVELS
    }


def fold_figures(results: Sequence[StudyResult]) -> Figures:
    """Return the areas of some studies alone, without intervals."""
    known = known_studies(results)
    truth = _truth(known)
    slice_truth, slice_scores, _ = _slices(
        results, [one.truth.slice_any for one in results], _slice_any
    )
    return {
        "studies": len(results),
        "positive": int(truth.sum()),
        "study_auc": rounded(auc(_probabilities(known), truth)),
        "slice_auc": rounded(auc(slice_scores, slice_truth)),
    }


def curve_figures(results: Sequence[StudyResult]) -> Figures:
    """Return the curves of «any hemorrhage»: of studies and of slices."""
    known = known_studies(results)
    truth, scores = _truth(known), _probabilities(known)
    slice_truth, slice_scores, _ = _slices(
        results, [one.truth.slice_any for one in results], _slice_any
    )
    return {
        name: [list(point) for point in points]
        for name, points in {
            "study_roc": roc_points(scores, truth),
            "study_precision": precision_points(scores, truth),
            "slice_roc": roc_points(slice_scores, slice_truth),
            "slice_precision": precision_points(slice_scores, slice_truth),
        }.items()
    }


def _truth(known: Sequence[StudyResult]) -> NDArray[np.bool_]:
    return _array(bool(one.bleeds) for one in known)


def _probabilities(known: Sequence[StudyResult]) -> NDArray[np.float64]:
    return np.array([one.said.probability for one in known], np.float64)


def _patients(results: Sequence[StudyResult]) -> list[str]:
    return [one.identity.patient for one in results]


def _array(answers: Iterable[bool]) -> NDArray[np.bool_]:
    return np.fromiter(answers, np.bool_)


def _slice_any(one: StudyResult) -> NDArray[np.float64]:
    return np.array(one.said.slice_any, np.float64)


def _kind_slices(
    results: Sequence[StudyResult], index: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64], list[str]]:
    labels = [tuple(row[index] for row in one.truth.slice_kinds) for one in results]
    return _slices(
        results, labels, lambda one: np.array([row[index] for row in one.said.slice_kinds])
    )


def _slices(
    results: Sequence[StudyResult],
    labels: Sequence[Sequence[int]],
    scores_of: Callable[[StudyResult], NDArray[np.floating]],
) -> tuple[NDArray[np.bool_], NDArray[np.float64], list[str]]:
    """Return truth, scores and patients of the slices whose label is known."""
    truth: list[NDArray[np.bool_]] = [np.array([], np.bool_)]
    scores: list[NDArray[np.float64]] = [np.array([])]
    owners: list[str] = []
    for one, own in zip(results, labels, strict=True):
        label = np.array(own)
        known = label != UNKNOWN
        truth.append(label[known] == PRESENT)
        scores.append(scores_of(one)[known].astype(np.float64))
        owners += [one.identity.patient] * int(known.sum())
    return np.concatenate(truth), np.concatenate(scores), owners


def _areas(
    scores: NDArray[np.float64],
    truth: NDArray[np.bool_],
    owners: Sequence[str],
    bootstrap: Bootstrap,
) -> Figures:
    return {
        **_area(scores, truth, owners, bootstrap),
        "average_precision": rounded(average_precision(scores, truth)),
        "average_precision_interval": bootstrap.interval(
            lambda rows: average_precision(scores[rows], truth[rows]), owners
        ),
        "positive_share": rounded(float(truth.mean()) if len(truth) else np.nan),
    }


def _area(
    scores: NDArray[np.float64],
    truth: NDArray[np.bool_],
    owners: Sequence[str],
    bootstrap: Bootstrap,
) -> Figures:
    return {
        "auc": rounded(auc(scores, truth)),
        "interval": bootstrap.interval(lambda rows: auc(scores[rows], truth[rows]), owners),
    }


def _at_specificity(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> Figures | None:
    """Cut where these very studies reach the specificity: a description, not a prediction."""
    if truth.all():
        return None
    threshold = threshold_for_specificity(scores, truth, LEAST_SPECIFICITY)
    return {"threshold": rounded(threshold), **sensitivity(scores >= threshold, truth)}


def _bin(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> Figures:
    return {
        "mean_probability": rounded(float(scores.mean())),
        **share(int(truth.sum()), len(truth)),
    }
