"""How much the networks of an ensemble differ about one study."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, stdtrit

LEAST_PROBABILITY: Final = 1e-6
TWO_SIDED_95: Final = 0.975
# Student's t of two values reaches twelve times as far as that of many: it would always speak of
# disagreement.
LEAST_NETWORKS: Final = 3
FEW_NETWORKS: Final = "fewer than three networks read the study, so nothing tells how sure they are"


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """What the spread of the networks says.

    Attributes
    ----------
    interval95
        Low and high probability; None with its reason where there are fewer than three networks.
    disagreement
        Standard deviation of the networks' log-odds; None likewise.
    """

    interval95: tuple[float, float] | None
    disagreement: float | None
    reason: str | None


def uncertainty_of(
    member_probabilities: NDArray[np.float64] | None, reported: float
) -> Uncertainty:
    """Return a 95 % interval for the probability that such networks give on average.

    Parameters
    ----------
    member_probabilities
        (M,) of each network, calibrated; None where one network read.
    reported
        The probability of the ensemble; the interval always holds it.

    Returns
    -------
    Uncertainty
        The interval of the mean of the log-odds by Student's t with M − 1 degrees of
        freedom. Networks that share their data err together, so it speaks of the training's
        chance, not of what no network learned.

    Examples
    --------
    >>> low, high = uncertainty_of(np.array([0.4, 0.5, 0.6]), 0.5).interval95
    >>> round(low, 2), round(high, 2)
    (0.27, 0.73)
    """
    if member_probabilities is None or len(member_probabilities) < LEAST_NETWORKS:
        return Uncertainty(None, None, FEW_NETWORKS)
    bounded = np.clip(member_probabilities, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    odds = logit(bounded)
    count = len(odds)
    deviation = float(odds.std(ddof=1))
    reach = float(stdtrit(count - 1, TWO_SIDED_95)) * deviation / math.sqrt(count)
    low, high = (float(expit(odds.mean() + sign * reach)) for sign in (-1, 1))
    return Uncertainty((min(low, reported), max(high, reported)), deviation, None)
