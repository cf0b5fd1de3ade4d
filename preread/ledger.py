"""The ledger of turnaround times: every final report as one line, and what the lines add up to.

Percentiles are those of the lines themselves, interpolated linearly between neighbors. The hour
of the week is that in which the study was complete, so that a line says what staffing met it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final

from preread.proportions import Share, share_of
from preread.terms import Level, OrderClass
from preread.turnaround import INTERVALS, Turnaround

COLUMNS: Final = (*INTERVALS, "total_s")


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One study that was finally reported, up to its first final report.

    Attributes
    ----------
    level
        What ranked the study; None where nothing was said of it.
    late_s
        From the due time to the first report, holds left out; negative where it was early.
    """

    study_id: str
    site: str
    order_class: OrderClass
    level: Level | None
    received_at: datetime
    completed_at: datetime
    due_at: datetime
    reported_at: datetime
    late_s: float
    spent: Turnaround

    @property
    def overdue(self) -> bool:
        """Whether the first report came after the due time."""
        return self.late_s > 0


@dataclass(frozen=True, slots=True)
class Spread:
    """How one interval is distributed, in seconds; None where no line knows it."""

    count: int
    p50_s: float | None
    p90_s: float | None
    p95_s: float | None


@dataclass(frozen=True, slots=True)
class LedgerGroup:
    """What a group of lines adds up to; None where the group is not divided by that.

    Attributes
    ----------
    hour_of_week
        0 to 167; 0 begins on Monday at midnight.
    """

    site: str | None
    order_class: OrderClass | None
    hour_of_week: int | None
    study_count: int
    overdue: Share
    intervals: Mapping[str, Spread]


def add_up(lines: Sequence[LedgerLine]) -> LedgerGroup:
    """Return what all lines add up to."""
    return _group(lines)


def by_site_and_order(lines: Iterable[LedgerLine]) -> list[LedgerGroup]:
    """Return one group for each site and order class that occurs."""
    groups = _divided(lines, lambda line: (line.site, list(OrderClass).index(line.order_class)))
    return [
        _group(members, site=members[0].site, order_class=members[0].order_class)
        for members in groups
    ]


def by_hour_of_week(lines: Iterable[LedgerLine], zone: tzinfo) -> list[LedgerGroup]:
    """Return one group for each hour of the week, in ``zone``, in which a study was complete."""
    groups = _divided(lines, lambda line: (hour_of_week(line.completed_at, zone),))
    return [
        _group(members, hour_of_week=hour_of_week(members[0].completed_at, zone))
        for members in groups
    ]


def hour_of_week(moment: datetime, zone: tzinfo) -> int:
    """Return the hour of the week of an aware time as a clock in ``zone`` shows it.

    Examples
    --------
    >>> from datetime import UTC
    >>> hour_of_week(datetime(2026, 1, 6, 13, 59, tzinfo=UTC), UTC)  # a Tuesday
    37
    """
    local = moment.astimezone(zone)
    return local.weekday() * 24 + local.hour


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Return the value below which a share of the values lies; None without values.

    Parameters
    ----------
    ordered
        Ascending.
    share
        From 0 to 1.

    Examples
    --------
    >>> percentile([1.0, 2.0, 4.0], 0.75)
    3.0
    """
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def spread_of(seconds: Iterable[float]) -> Spread:
    """Return how some durations are distributed."""
    ordered = sorted(seconds)
    p50, p90, p95 = (percentile(ordered, share) for share in (0.50, 0.90, 0.95))
    return Spread(len(ordered), p50, p90, p95)


def _group(lines: Sequence[LedgerLine], **divided_by: Any) -> LedgerGroup:  # noqa: ANN401 - members
    whose = {"site": None, "order_class": None, "hour_of_week": None, **divided_by}
    return LedgerGroup(
        **whose,
        study_count=len(lines),
        overdue=share_of(sum(line.overdue for line in lines), len(lines)),
        intervals={name: spread_of(_known(lines, name)) for name in COLUMNS},
    )


def _known(lines: Iterable[LedgerLine], name: str) -> list[float]:
    """Return one interval of all lines that know it; a reading without a claim is not known."""
    return [
        getattr(line.spent, name) for line in lines if name != "read_s" or line.spent.read_known
    ]


def _divided(
    lines: Iterable[LedgerLine], key: Callable[[LedgerLine], tuple[Any, ...]]
) -> list[list[LedgerLine]]:
    groups: defaultdict[tuple[Any, ...], list[LedgerLine]] = defaultdict(list)
    for line in lines:
        groups[key(line)].append(line)
    return [groups[name] for name in sorted(groups)]
