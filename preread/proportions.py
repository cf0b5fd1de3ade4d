"""Shares of counts: how sure a share is, and how unlikely a count would be by chance."""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

_Z95: Final = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Share:
    """A count out of a number, with its 95 % Wilson interval.

    Attributes
    ----------
    count, of
        Whole numbers; ``share`` is their ratio.
    share, low, high
        None where ``of`` is 0: a share of nothing is not 0.
    """

    count: int
    of: int
    share: float | None
    low: float | None
    high: float | None


def share_of(count: int, of: int) -> Share:
    """Return a count out of a number with its interval.

    Examples
    --------
    >>> share_of(0, 0).share is None
    True
    """
    if of == 0:
        return Share(count, of, None, None, None)
    low, high = wilson(count, of)
    return Share(count, of, count / of, low, high)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share; NaN where nothing was tried.

    Examples
    --------
    >>> [round(edge, 3) for edge in wilson(8, 10)]
    [0.49, 0.943]
    """
    if trials == 0:
        return math.nan, math.nan
    share = successes / trials
    middle = share + _Z95**2 / (2 * trials)
    spread = _Z95 * math.sqrt(share * (1 - share) / trials + _Z95**2 / (4 * trials**2))
    scale = 1 + _Z95**2 / trials
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def binomial_tail(least: int, trials: int, share: float) -> float:
    """Return how likely ``least`` or more of ``trials`` are, each one alone being as likely as ``share``.

    Parameters
    ----------
    least
        0 or less gives 1, more than ``trials`` gives 0.
    trials
        At least 0.
    share
        Above 0 and below 1.

    Examples
    --------
    >>> binomial_tail(31, 100, 0.137) < 1e-5 < binomial_tail(30, 100, 0.137)
    True
    """
    if not 0 < share < 1:
        message = f"a share of {share} leaves nothing to chance"
        raise ValueError(message)
    if least <= 0:
        return 1.0
    log_yes, log_no = math.log(share), math.log1p(-share)
    terms = (
        math.exp(
            math.lgamma(trials + 1)
            - math.lgamma(count + 1)
            - math.lgamma(trials - count + 1)
            + count * log_yes
            + (trials - count) * log_no
        )
        for count in range(least, trials + 1)
    )
    return min(1.0, math.fsum(terms))
