"""How bad a registration may be: bounds for the heads of a fold, from all other folds."""

from collections.abc import Mapping
from typing import Final

import numpy as np

# A fit that is worse than the other folds' median by so many of their deviations is not trusted.
# Chosen after the worst eight of 82 fits had been looked at; at 3 seven would be left out that
# are right at the level of lobes.
GATE_DEVIATIONS: Final = 6.0
# Of a normal distribution, per median absolute deviation.
DEVIATION_PER_MAD: Final = 1.4826


def gates_of(losses: Mapping[str, tuple[int, float]]) -> dict[int, float]:
    """Return the highest loss that is trusted in each fold, from the other folds alone.

    Parameters
    ----------
    losses
        Fold and loss of each study.

    Examples
    --------
    >>> fits = {str(n): (n % 2, -0.8 + 0.01 * (n % 3)) for n in range(12)}
    >>> {fold: round(gate, 3) for fold, gate in gates_of(fits).items()}
    {0: -0.701, 1: -0.701}
    """
    folds = {fold for fold, _ in losses.values()}
    gates = {}
    for fold in sorted(folds):
        others = np.array([loss for one, loss in losses.values() if one != fold or len(folds) == 1])
        middle = float(np.median(others))
        deviation = DEVIATION_PER_MAD * float(np.median(np.abs(others - middle)))
        gates[fold] = middle + GATE_DEVIATIONS * deviation
    return gates
