"""The circuit breaker: a site's AI that flags improbably many studies stops promoting them.

A model that breaks, or meets a scanner that it cannot read, tends to flag too much; a worklist
that believes it puts everybody in front and so nobody. The rule watches the share of flagged
studies (critical or suspected) among the last 100 assessed studies of a site and asks how likely
so many would be if the site's expected share were still true::

    tail(n, k) = P(at least k of n flagged | expected share)
    trip       if n = 100 and tail < 1e-5            at the expected share of .137: 31 of 100
               or 20 <= n < 100 and tail < 1e-6      since the last reset, while the window fills

Looking again after each study of a filling window is many looks at growing evidence, so the
partial windows have the smaller tail: then all of them together trip a healthy site in fewer than
one of 100 000 resets (computed exactly in ``tests/unit/test_breaker.py``). A full window trips a
healthy site about seven times in ten million studies (simulated). Fewer than 20 studies trip
nothing, however many are flagged: a morning of trauma is not a broken model.

The rule sees only how *often* a model flags, never whether it is right. A model that flags the
wrong studies at the usual rate, or none at all, is for :mod:`preread.quality` to show.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from preread.proportions import binomial_tail
from preread.terms import Level

WINDOW: Final = 100
LEAST: Final = 20
TAIL: Final = 1e-5
EARLY_TAIL: Final = 1e-6

EXPECTED_SHARE: Final = 0.137
"""Flagged share of a model with sensitivity .90 and specificity .92 where 6.9 % bleed."""


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


def trips(window: Window, expected_share: float) -> bool:
    """Tell whether so many flagged studies are improbable at the expected share.

    Parameters
    ----------
    window
        Of the site, since the last reset.
    expected_share
        Above 0 and below 1.

    Examples
    --------
    >>> trips(Window((True,) * 31 + (False,) * 69), 0.137)
    True
    >>> trips(Window((True,) * 30 + (False,) * 70), 0.137)
    False
    """
    limit = limit_of(window.count, expected_share)
    return limit is not None and window.flagged_count >= limit


@lru_cache(maxsize=4096)
def limit_of(count: int, expected_share: float) -> int | None:
    """Return how many flagged ones of ``count`` trip; None where not even all of them do.

    Examples
    --------
    >>> [limit_of(count, 0.137) for count in (19, 20, 50, 100)]
    [None, 13, 21, 31]
    """
    if count < LEAST:
        return None
    tail = TAIL if count >= WINDOW else EARLY_TAIL
    trip = (k for k in range(count + 1) if binomial_tail(k, count, expected_share) < tail)
    return next(trip, None)
