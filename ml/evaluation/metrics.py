"""Areas, intervals, calibration error and operating points, from scores and truth alone."""

from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import rankdata

from ml.scoring import Calibration


def auc(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve, ties counted half; NaN with one class only.

    Examples
    --------
    >>> auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    0.75
    """
    positive, negative = int(truth.sum()), int((~truth).sum())
    if positive == 0 or negative == 0:
        return float("nan")
    ranks = rankdata(scores)
    wins = float(ranks[truth].sum()) - positive * (positive + 1) / 2
    return wins / (positive * negative)


def interval_by_patient(
    statistic: Callable[[NDArray[np.intp]], float],
    patients: Sequence[Hashable],
    *,
    rounds: int,
    random: np.random.Generator,
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval, whole patients drawn with replacement.

    Parameters
    ----------
    statistic
        Takes indices into the rows; rounds where it is NaN are left out.
    patients
        One per row.
    rounds
        Number of draws.
    random
        Makes it repeatable.
    """
    rows = list(rows_by_owner(patients).values())
    if not rows:
        return float("nan"), float("nan")
    values = []
    for _ in range(rounds):
        drawn = random.integers(len(rows), size=len(rows))
        values.append(statistic(np.concatenate([rows[number] for number in drawn])))
    known = [value for value in values if not np.isnan(value)]
    if not known:
        return float("nan"), float("nan")
    low, high = np.percentile(np.array(known), [2.5, 97.5])
    return float(low), float(high)


def rows_by_owner(owners: Sequence[Hashable]) -> dict[Hashable, NDArray[np.intp]]:
    """Return the rows of each owner, in the order in which the owners come."""
    rows: dict[Hashable, list[int]] = {}
    for index, owner in enumerate(owners):
        rows.setdefault(owner, []).append(index)
    return {owner: np.array(indices, np.intp) for owner, indices in rows.items()}


def equal_bins(probabilities: NDArray[np.float64], bins: int) -> list[NDArray[np.intp]]:
    """Return the rows of each bin, rising probability, bins of equal size; empty ones left out."""
    order = np.argsort(probabilities, kind="stable")
    return [part for part in np.array_split(order, bins) if len(part)]


def calibration_error(
    probabilities: NDArray[np.float64], truth: NDArray[np.bool_], bins: int = 5
) -> float:
    """Return the expected calibration error over bins of equal size.

    Examples
    --------
    >>> calibration_error(np.full(10, 0.5), np.arange(10) % 2 == 0, bins=1)
    0.0
    """
    gaps = [
        abs(float(probabilities[part].mean()) - float(truth[part].mean())) * len(part)
        for part in equal_bins(probabilities, bins)
    ]
    return sum(gaps) / len(probabilities) if gaps else float("nan")


def threshold_for_specificity(
    scores: NDArray[np.float64], truth: NDArray[np.bool_], least: float
) -> float:
    """Return the lowest threshold (score ≥ threshold is positive) that is specific enough.

    Examples
    --------
    >>> truth = np.array([False, False, False, False, True])
    >>> round(threshold_for_specificity(np.array([0.1, 0.2, 0.3, 0.6, 0.9]), truth, 0.75), 2)
    0.45
    """
    negatives = np.sort(scores[~truth])
    allowed = int(np.floor((1 - least) * len(negatives) + 1e-9))
    # Halfway between the last negative that must stay below and the next score above it.
    border = float(negatives[len(negatives) - 1 - allowed])
    above = scores[scores > border]
    return (border + float(above.min())) / 2 if len(above) else border + 1e-6


def threshold_for_sensitivity(
    scores: NDArray[np.float64], truth: NDArray[np.bool_], least: float
) -> float:
    """Return the highest threshold that finds at least this share of the positives."""
    positives = np.sort(scores[truth])
    missed = int(np.floor((1 - least) * len(positives) + 1e-9))
    border = float(positives[missed])
    below = scores[scores < border]
    return (border + float(below.max())) / 2 if len(below) else border


def fit_calibration(
    features: NDArray[np.float64], truth: NDArray[np.bool_], ridge: float
) -> Calibration:
    """Fit a logistic curve whose slopes are not negative.

    Parameters
    ----------
    features
        (N, F).
    truth
        (N,).
    ridge
        Half the weight of the squared slopes beside the summed log-loss; keeps a few
        positives from making a step.
    """
    signs = np.where(truth, 1.0, -1.0)

    def cost(values: NDArray[np.float64]) -> float:
        margins = signs * (values[0] + features @ values[1:])
        return float(np.logaddexp(0, -margins).sum() + ridge * (values[1:] ** 2).sum())

    start = np.array([0.0, *np.full(features.shape[1], 0.5)])
    bounds = [(None, None), *[(0.0, None)] * features.shape[1]]
    found = minimize(cost, start, method="L-BFGS-B", bounds=bounds).x
    return Calibration(float(found[0]), tuple(float(slope) for slope in found[1:]))
