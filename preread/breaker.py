"""The circuit breaker: a site's AI that flags improbably many studies stops promoting them.

A model that breaks, or meets a scanner that it cannot read, tends to flag too much; a worklist
that believes it puts everybody in front and so nobody. The rule keeps the last 100 assessed
studies of a site and asks, after each one, of the last 20, 40, 60 and 100 of them and of
all since the reset: how likely would so many flagged ones (critical or suspected) be if the site's
expected share were still true? ::

    tail(n, k) = P(at least k of n flagged | expected share)
    trip       if tail < 1e-5 / 400 for one of them   at .137: 14 of 20, 21 of 40, 36 of 100

The chance of 1e-5 is that of a whole window: while 100 studies pass, there are 100 looks at 4
lengths, and a site that looks 400 times at a chance of 1e-5 trips now and then though nothing is
wrong. Without that correction (31 of the last 100 at .137) about one healthy site of 80 tripped
within 20 000 studies; with it, whatever the share is, fewer than one of 500 can (the sum of the
tails), and none of 1000 did (``./run simulate --check``). Short runs find a model that
flags most studies sooner than a full window does, and the window cannot find one that flags
little more than it should: that takes hundreds of studies.

Fewer than 20 studies trip nothing, however many are flagged: a morning of trauma is not a broken
model. The rule sees only how *often* a model flags. Whether it is right, readers tell:
:mod:`preread.promises`.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate
from typing import Final

from preread.proportions import binomial_tail
from preread.terms import Level

WINDOW: Final = 100
LENGTHS: Final = (20, 40, 60, 100)
"""How many of the last studies are looked at together; other sets of lengths do no better."""

LEAST: Final = LENGTHS[0]
TAIL: Final = 1e-5
LOOK_TAIL: Final = TAIL / (WINDOW * len(LENGTHS))
"""What is left for one look at one length, so that all looks of a window together have ``TAIL``."""

EXPECTED_SHARE: Final = 0.137
"""Flagged share of a model with sensitivity .90 and specificity .92 where 6.9 % bleed."""


class BreakerCause(StrEnum):
    """Why a breaker tripped."""

    FLAGGED_SHARE = "flagged_share"
    CALIBRATION = "calibration"


@dataclass(frozen=True, slots=True)
class Window:
    """What the last assessed studies of a site were: oldest first, True where flagged.

    Holds at most :data:`WINDOW` of them.
    """

    flagged: tuple[bool, ...] = ()

    def with_next(self, *, flagged: bool) -> "Window":
        """Return the window after one more study."""
        return Window((*self.flagged, flagged)[-WINDOW:])

    @property
    def count(self) -> int:
        """How many studies are in it."""
        return len(self.flagged)

    @property
    def flagged_count(self) -> int:
        """How many of them were flagged."""
        return sum(self.flagged)


@dataclass(frozen=True, slots=True)
class Run:
    """How many of the last studies were what the rule counts."""

    found: int
    of: int


def counts(level: Level, *, synthetic: bool, assessed_before: bool) -> bool:
    """Tell whether a result is one of those that the rule counts.

    Not assessed says nothing of the model's share; a phantom is not the site's stream; and a
    study counts once, whatever its later revisions say.

    Examples
    --------
    >>> counts(Level.NONE, synthetic=False, assessed_before=False)
    True
    """
    return level is not Level.NOT_ASSESSED and not synthetic and not assessed_before


def improbable_run(window: Window, expected_share: float) -> Run | None:
    """Return the shortest run of last studies that is improbable at the expected share, if any.

    Parameters
    ----------
    window
        Of the site, since the last reset.
    expected_share
        Above 0 and below 1.

    Examples
    --------
    >>> improbable_run(Window((False,) * 64 + (True,) * 36), 0.137)
    Run(found=20, of=20)
    >>> improbable_run(Window((True,) * 35 + (False,) * 65), 0.137) is None
    True
    """
    found_in_last = tuple(accumulate(reversed(window.flagged)))
    for length in lengths_of(window.count):
        limit = limit_of(length, expected_share)
        found = found_in_last[length - 1]
        if limit is not None and found >= limit:
            return Run(found, length)
    return None


def trips(window: Window, expected_share: float) -> bool:
    """Tell whether a run of last studies is improbable at the expected share."""
    return improbable_run(window, expected_share) is not None


def lengths_of(count: int) -> tuple[int, ...]:
    """Return how many of the last studies are looked at together, shortest first.

    Examples
    --------
    >>> lengths_of(19), lengths_of(45), lengths_of(100) == LENGTHS
    ((), (20, 40, 45), True)
    """
    whole = {count} if count >= LEAST else set[int]()
    return tuple(sorted(whole.union(length for length in LENGTHS if length <= count)))


@lru_cache(maxsize=4096)
def limit_of(count: int, expected_share: float) -> int | None:
    """Return how many flagged ones of ``count`` trip; None where not even all of them do.

    Examples
    --------
    >>> [limit_of(count, 0.137) for count in (19, 20, 50, 100)]
    [None, 14, 24, 36]
    """
    if count < LEAST:
        return None
    trip = (k for k in range(count + 1) if binomial_tail(k, count, expected_share) < LOOK_TAIL)
    return next(trip, None)
