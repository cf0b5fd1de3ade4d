"""Agreement between two raters beyond chance: Cohen's kappa, plain and weighted."""

from collections.abc import Sequence

import numpy as np


def kappa(first: Sequence[int], second: Sequence[int], categories: int, *, power: int = 2) -> float:
    """Return Cohen's weighted kappa (Cohen 1968).

    With O the table of counts, E what chance makes of its margins and a disagreement of i and j
    weighing w = |i − j|**power, it is 1 − Σ w O / Σ w E. Power 2 is the quadratic weighting that
    suits ordered scores; power 0 weighs every disagreement alike, which is the plain kappa.

    Parameters
    ----------
    first, second
        Ratings of the same things in the same order, 0 to ``categories`` − 1.
    categories
        How many ratings there are.
    power
        0, 1 or 2.

    Returns
    -------
    float
        1 for full agreement, 0 for what chance gives; NaN where it has no meaning: without
        ratings, and where both raters give one and the same rating to everything.

    Examples
    --------
    >>> round(kappa([0, 1, 2, 2], [0, 1, 2, 1], 3), 3)
    0.8
    """
    if len(first) != len(second):
        raise ValueError("both raters must have rated the same things")
    observed = np.zeros((categories, categories))
    np.add.at(observed, (np.array(first, np.intp), np.array(second, np.intp)), 1.0)
    total = observed.sum()
    if not total:
        return float("nan")
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0)) / total
    apart = np.abs(np.subtract.outer(np.arange(categories), np.arange(categories)))
    weights = np.where(apart > 0, apart.astype(np.float64) ** power, 0.0)
    by_chance = float((weights * expected).sum())
    return 1 - float((weights * observed).sum()) / by_chance if by_chance else float("nan")
