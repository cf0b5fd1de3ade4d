"""The curves of a score: receiver operating characteristic, precision over recall, free response."""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Points: TypeAlias = list[tuple[float, float]]

# A curve of many slices is drawn from this many of its points.
MOST_POINTS: Final = 200


def roc_points(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> Points:
    """Return (1 − specificity, sensitivity), from (0, 0) to (1, 1); empty with one class only.

    Examples
    --------
    >>> roc_points(np.array([0.9, 0.8, 0.1]), np.array([True, False, True]))
    [(0.0, 0.0), (0.0, 0.5), (1.0, 0.5), (1.0, 1.0)]
    """
    found, false = _cumulated(scores, truth)
    if found[-1] == 0 or false[-1] == 0:
        return []
    return _thinned(false / false[-1], found / found[-1])


def precision_points(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> Points:
    """Return (sensitivity, precision) at each score, falling threshold; empty without positives.

    Examples
    --------
    >>> precision_points(np.array([0.9, 0.8, 0.1]), np.array([True, False, True]))
    [(0.5, 1.0), (0.5, 0.5), (1.0, 0.6667)]
    """
    found, false = _cumulated(scores, truth)
    if found[-1] == 0:
        return []
    said = found + false
    return _thinned((found / found[-1])[1:], found[1:] / said[1:])


def average_precision(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Return the area under precision over recall, as a sum of steps; NaN without positives.

    Examples
    --------
    >>> round(average_precision(np.array([0.9, 0.8, 0.1]), np.array([True, False, True])), 3)
    0.833
    """
    found, false = _cumulated(scores, truth)
    if found[-1] == 0:
        return float("nan")
    steps = np.diff(found) / found[-1]
    return float((steps * found[1:] / (found + false)[1:]).sum())


def free_response_points(
    true_scores: NDArray[np.float64], false_scores: NDArray[np.float64], studies: int
) -> Points:
    """Return (false lesions per study, share of true lesions found), falling threshold.

    Parameters
    ----------
    true_scores
        One per true lesion: the best score of what touches it; −inf where nothing does.
    false_scores
        One per outlined lesion that is none.
    studies
        At least one.

    Examples
    --------
    >>> free_response_points(np.array([0.9, -np.inf]), np.array([0.5]), 2)
    [(0.0, 0.5), (0.5, 0.5)]
    """
    found_scores = true_scores[np.isfinite(true_scores)]
    thresholds = np.unique(np.concatenate([found_scores, false_scores]))[::-1]
    if len(true_scores) == 0 or len(thresholds) == 0:
        return []
    found = np.array([(found_scores >= one).sum() for one in thresholds]) / len(true_scores)
    false = np.array([(false_scores >= one).sum() for one in thresholds]) / studies
    return _thinned(false, found)


def _cumulated(
    scores: NDArray[np.float64], truth: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return true and false positives at each distinct score, falling, from none on."""
    order = np.argsort(-scores, kind="stable")
    ordered = truth[order]
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))[: len(scores)]
    found = np.concatenate([[0.0], np.cumsum(ordered)[ends]])
    false = np.concatenate([[0.0], np.cumsum(~ordered)[ends]])
    return found, false


def _thinned(across: NDArray[np.float64], up: NDArray[np.float64]) -> Points:
    kept = np.unique(np.linspace(0, len(up) - 1, min(len(up), MOST_POINTS)).round().astype(np.intp))
    return [(round(float(across[index]), 4), round(float(up[index]), 4)) for index in kept]
