"""Turnaround time of one study: the intervals between its milestones, which sum to the total."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

_NAMES: Final = ("transfer_s", "ai_queue_s", "ai_s", "wait_s")


@dataclass(frozen=True, slots=True)
class Milestones:
    """When what happened to a study; None where it did not."""

    received_at: datetime
    completed_at: datetime | None
    ai_started_at: datetime | None
    ai_done_at: datetime | None
    reported_at: datetime


@dataclass(frozen=True, slots=True)
class Turnaround:
    """Seconds of each interval, ``total_s`` being their sum.

    A milestone that never came, or came after the report, gives an interval of zero; its
    time belongs to the interval that follows.
    """

    transfer_s: float
    ai_queue_s: float
    ai_s: float
    wait_s: float
    total_s: float


def turnaround(milestones: Milestones) -> Turnaround:
    """Return the intervals from the first instance to the report.

    Examples
    --------
    >>> from datetime import UTC, timedelta
    >>> start = datetime(2026, 1, 1, tzinfo=UTC)
    >>> at = lambda seconds: start + timedelta(seconds=seconds)
    >>> turnaround(Milestones(start, at(10), at(12), at(20), at(80))).wait_s
    60.0
    """
    end = milestones.reported_at
    reached = milestones.received_at
    seconds: list[float] = []
    for moment in (milestones.completed_at, milestones.ai_started_at, milestones.ai_done_at, end):
        here = reached if moment is None else min(max(moment, reached), end)
        seconds.append((here - reached).total_seconds())
        reached = here
    return Turnaround(**dict(zip(_NAMES, seconds, strict=True)), total_s=sum(seconds))
