"""What another ranking policy would do: to the list as it is, and to the days that are over.

The replay keeps the moments at which somebody took a study, and asks who would have been taken
at each of them. So it needs no model of readers: the same people come back for the next study
when they did, only the next study is another one. A longer study taken earlier would have made
its reader come back later; that is left out, as are holds.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Final

from preread.ledger import percentile
from preread.policy import Policy
from preread.ranking import MINUTE_MS, WorklistEntry, from_ms, place, rank
from preread.terms import FLAGGED, Level, OrderClass

PolicyOf = Callable[[str], Policy]
"""Gives the policy of a site."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A study that waits: what a policy ranks it by.

    Attributes
    ----------
    promise
        The policy under which it was complete: its order's target stays.
    kept_by
        The policy that goes on ranking it whatever is put in force, as its site's circuit
        breaker is tripped; None if it follows.
    """

    study_id: str
    site: str
    completed_at: datetime
    order_class: OrderClass
    level: Level | None
    pinned: bool
    promise: Policy
    kept_by: Policy | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A study that would stand elsewhere; positions count from 1."""

    study_id: str
    before: int
    after: int
    reason: str


@dataclass(frozen=True, slots=True)
class Logged:
    """A study that was read: when it came, what was said of it and when, when it was taken.

    Attributes
    ----------
    t0_ms, told_ms, taken_ms
        Whole milliseconds since 1970. Before ``told_ms`` nobody knew the level.
    """

    study_id: str
    site: str
    order_class: OrderClass
    level: Level | None
    t0_ms: int
    told_ms: int
    taken_ms: int


@dataclass(frozen=True, slots=True)
class Waits:
    """How long some studies waited, in minutes."""

    group: str
    study_count: int
    mean_min: float
    p95_min: float
    longest_min: float


FLAGGED_GROUP: Final = "flagged"
"""The group of all flagged studies, beside those by order class of the others."""


def moves(waiting: Sequence[Waiting], policy: Policy) -> list[Move]:
    """Return which studies would stand elsewhere, by their new position.

    Parameters
    ----------
    waiting
        In the order in which they stand now.
    policy
        What would promote them.
    """
    was = {one.study_id: number for number, one in enumerate(waiting, start=1)}
    return [
        Move(entry.study_id, was[entry.study_id], number, entry.place.reason)
        for number, entry in enumerate(_ranked(waiting, policy), start=1)
        if was[entry.study_id] != number
    ]


def replay(log: Sequence[Logged], policy_of: PolicyOf) -> dict[str, int]:
    """Return when each study would have been taken, in milliseconds since 1970, by its ID.

    At each moment at which a study was taken, the first of those that had come by then is.
    """
    coming = sorted(log, key=lambda one: (one.t0_ms, one.study_id))
    waiting: list[Logged] = []
    taken: dict[str, int] = {}
    arrived = 0
    for now_ms in sorted(one.taken_ms for one in log):
        while arrived < len(coming) and coming[arrived].t0_ms <= now_ms:
            waiting.append(coming[arrived])
            arrived += 1
        first = min(waiting, key=lambda one: _key(one, policy_of, now_ms))
        waiting.remove(first)
        taken[first.study_id] = now_ms
    return taken


def waits(log: Iterable[Logged], taken_ms: dict[str, int]) -> list[Waits]:
    """Return how long flagged studies, and the others by order class, waited."""
    minutes: defaultdict[str, list[float]] = defaultdict(list)
    for one in log:
        group = FLAGGED_GROUP if one.level in FLAGGED else one.order_class.value
        minutes[group].append((taken_ms[one.study_id] - one.t0_ms) / MINUTE_MS)
    names = [FLAGGED_GROUP, *(order.value for order in OrderClass)]
    return [_waits(name, sorted(minutes[name])) for name in names if minutes[name]]


def _waits(group: str, ordered: Sequence[float]) -> Waits:
    return Waits(
        group=group,
        study_count=len(ordered),
        mean_min=fmean(ordered),
        p95_min=percentile(ordered, 0.95) or 0.0,
        longest_min=ordered[-1],
    )


def _ranked(waiting: Iterable[Waiting], policy: Policy) -> list[WorklistEntry]:
    return rank(
        WorklistEntry(
            one.study_id,
            place(
                one.completed_at,
                one.order_class,
                one.level,
                policy=one.kept_by or policy,
                promise=one.promise,
                pinned=one.pinned,
            ),
        )
        for one in waiting
    )


def _key(one: Logged, policy_of: PolicyOf, now_ms: int) -> tuple[int, int, str]:
    level = one.level if one.told_ms <= now_ms else None
    standing = place(from_ms(one.t0_ms), one.order_class, level, policy=policy_of(one.site))
    return standing.key_ms, one.t0_ms, one.study_id
