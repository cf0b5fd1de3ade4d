"""Turnaround time of one study: the intervals between its milestones, which sum to the total.

::

    first      last                 AI       AI              preliminary    final
    instance   instance  complete  begins   done    claimed    report       report
       ├─transfer─┼─completeness─┼─queue─┼───AI──┼──wait──┼────read────┼─────sign────┤

The later milestone wins where two contradict: a study that was claimed before its pre-read came
waited for no AI, so the rest of the AI's work belongs to the reading. Time on hold, when the
clock was stopped for missing images or history, is taken out of every interval and told apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

INTERVALS: Final = (
    "transfer_s",
    "completeness_s",
    "ai_queue_s",
    "ai_s",
    "wait_s",
    "read_s",
    "sign_s",
)

Hold = tuple[datetime, datetime]
"""From when to when the clock was stopped."""


@dataclass(frozen=True, slots=True)
class Milestones:
    """When what happened to a study; None where it did not.

    Attributes
    ----------
    received_at, transferred_at
        First and last durable instance of what was complete first.
    claimed_at
        When the reader who reported took the study.
    preliminary_at
        None where the first report was the final one.
    reported_at
        The report up to which is counted, preliminary or final.
    holds
        In any order; they may not overlap each other.
    """

    received_at: datetime
    transferred_at: datetime | None
    completed_at: datetime | None
    ai_started_at: datetime | None
    ai_done_at: datetime | None
    claimed_at: datetime | None
    preliminary_at: datetime | None
    reported_at: datetime
    holds: tuple[Hold, ...] = ()


@dataclass(frozen=True, slots=True)
class Turnaround:
    """Seconds of each interval, without holds; ``total_s`` is their sum.

    A milestone of the machines that never came, or came after a later one, gives an interval of
    zero; its time belongs to the interval that follows.

    Attributes
    ----------
    read_known
        False where the study was reported without a claim: nobody knows when the reading began,
        so ``read_s`` is 0 and its time is within ``wait_s``.
    held_s
        Time on hold, not part of ``total_s``.
    """

    transfer_s: float
    completeness_s: float
    ai_queue_s: float
    ai_s: float
    wait_s: float
    read_s: float
    sign_s: float
    total_s: float
    held_s: float
    read_known: bool


def turnaround(milestones: Milestones) -> Turnaround:
    """Return the intervals from the first instance to the report.

    Examples
    --------
    >>> from datetime import UTC, timedelta
    >>> start = datetime(2026, 1, 1, tzinfo=UTC)
    >>> at = lambda seconds: start + timedelta(seconds=seconds)
    >>> spent = turnaround(
    ...     Milestones(start, at(5), at(10), at(12), at(20), at(50), None, at(80), ((at(30), at(40)),))
    ... )
    >>> spent.wait_s, spent.read_s, spent.held_s, spent.total_s
    (20.0, 30.0, 10.0, 70.0)
    """
    reached = milestones.received_at
    seconds: list[float] = []
    for moment in _moments(milestones):
        here = max(reached, moment or reached)
        seconds.append((here - reached).total_seconds() - held_s(milestones.holds, reached, here))
        reached = here
    return Turnaround(
        **dict(zip(INTERVALS, seconds, strict=True)),
        total_s=sum(seconds),
        held_s=held_s(milestones.holds, milestones.received_at, reached),
        read_known=milestones.claimed_at is not None,
    )


def held_s(holds: Sequence[Hold], since: datetime, until: datetime) -> float:
    """Return how many seconds between two times the clock was stopped.

    Examples
    --------
    >>> from datetime import UTC
    >>> hour = [datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in range(4)]
    >>> held_s([(hour[1], hour[3])], hour[0], hour[2])
    3600.0
    """
    inside = ((max(start, since), min(end, until)) for start, end in holds)
    return sum((end - start).total_seconds() for start, end in inside if end > start)


def _moments(milestones: Milestones) -> list[datetime | None]:
    """Return the end of each interval; None where it has none of its own.

    What people did not do ends with the next thing that they did; what machines did ends at the
    latest with it.
    """
    end = milestones.reported_at
    read_until = min(milestones.preliminary_at or end, end)
    claimed = min(milestones.claimed_at or read_until, read_until)
    before: list[datetime | None] = []
    bound = claimed
    for moment in (
        milestones.ai_done_at,
        milestones.ai_started_at,
        milestones.completed_at,
        milestones.transferred_at,
    ):
        bound = bound if moment is None else min(moment, bound)
        before.insert(0, None if moment is None else bound)
    return [*before, claimed, read_until, end]
