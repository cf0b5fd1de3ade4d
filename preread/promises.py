"""The calibration alarm: a model whose flags promise more than readers find stops promoting.

A flag carries a calibrated probability that the study bleeds. Over the last flagged studies of
a site with a final report, the number of false alarms then follows from the probabilities alone:
it is Poisson-binomial, each study with its own chance. The rule asks for as many false alarms, or
more, as readers found::

    tail(n, k) = P(at least k of the last n flagged studies do not bleed | their probabilities)
    alarm      if tail < 1e-5 / 400 for one of n = 20, 40, 60, 100

with the same correction for repeated looks as :mod:`preread.breaker`. A study that nobody judged
counts as one that bleeds, as promised. So readers who judge only what annoys them cannot raise
the alarm by leaving out the rest, and the chance of a false alarm, below 1e-5 for 100 studies of
a calibrated model, holds whoever answers. The price: where few flags are judged, the alarm is deaf.

Missed bleeds raise no alarm here. A breaker that withholds promotions would only make the
waiting of the remaining ones longer; :mod:`preread.quality` shows them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from preread.breaker import LOOK_TAIL, Run, lengths_of

MOST_SURE: Final = 0.98
"""What a higher promise counts as: no calibration on tens of patients can tell .98 from 1."""


@dataclass(frozen=True, slots=True)
class Promise:
    """One flagged study with a final report.

    Attributes
    ----------
    probability
        That it bleeds, as the pre-read said.
    refuted
        Whether a reader found no bleed; False also where nobody said.
    """

    probability: float
    refuted: bool


def broken_promise(promises: Sequence[Promise]) -> Run | None:
    """Return the shortest run of last flags with improbably many false alarms, if any.

    Parameters
    ----------
    promises
        The last ones of a site, at most 100, oldest first.
    """
    for length in lengths_of(len(promises)):
        last = promises[-length:]
        chances = [1 - min(one.probability, MOST_SURE) for one in last]
        refuted = sum(one.refuted for one in last)
        if refuted > sum(chances) and tail_of(refuted, chances) < LOOK_TAIL:
            return Run(refuted, length)
    return None


def tail_of(least: int, chances: Sequence[float]) -> float:
    """Return how likely ``least`` or more of independent things are, each with its own chance.

    Parameters
    ----------
    least
        0 or less gives 1, more than there are gives 0.
    chances
        Each from 0 to 1.

    Examples
    --------
    >>> tail_of(2, [0.5, 0.5]), tail_of(0, []), tail_of(1, [])
    (0.25, 1.0, 0.0)
    """
    if least <= 0:
        return 1.0
    below = [1.0] + [0.0] * (least - 1)  # P(exactly i so far), i < least
    reached = 0.0
    for chance in chances:
        reached += below[-1] * chance
        for found in range(least - 1, 0, -1):
            below[found] += (below[found - 1] - below[found]) * chance
        below[0] *= 1 - chance
    return min(1.0, reached)
