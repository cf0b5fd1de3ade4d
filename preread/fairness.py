"""Who pays for the promotions, and whether the order is obeyed.

Displacement is what the studies that nothing was flagged of lose when flagged ones pass them.
Cherry-picking is what everybody loses when a reader takes another study than the first.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Final

from preread.ledger import percentile
from preread.proportions import Share, share_of

SHIFT_HOURS: Final = 8


@dataclass(frozen=True, slots=True)
class Read:
    """One study that was read, and the two places that it had.

    Attributes
    ----------
    promoted
        Whether a pre-read moved it up.
    t0_ms, read_ms
        When it came onto the list and when it was taken from it, whole milliseconds since 1970.
    key_ms, unaided_key_ms
        Its place, and the place that it would have had without any pre-read.
    """

    promoted: bool
    t0_ms: int
    read_ms: int
    key_ms: int
    unaided_key_ms: int


@dataclass(frozen=True, slots=True)
class Displacement:
    """By how many promoted studies others were passed that would have been read before them."""

    study_count: int
    passed: Share
    mean_count: float | None
    p95_count: float | None
    largest_count: int | None


@dataclass(frozen=True, slots=True)
class Pick:
    """One claim: whose, when, and how many waiting studies before it were left."""

    reader: str
    at: datetime
    skipped: int


@dataclass(frozen=True, slots=True)
class PickedShift:
    """The claims of one reader in one shift of eight hours (UTC)."""

    reader: str
    began_at: datetime
    claim_count: int
    first_taken: Share
    mean_skipped: float
    largest_skipped: int


def displacement(reads: Sequence[Read], of: Sequence[Read]) -> Displacement:
    """Return what promotions cost the studies that had none.

    Parameters
    ----------
    reads
        All studies of the list, as it is one list.
    of
        Those to tell about; promoted ones among them are left out.
    """
    promoted = sorted((one for one in reads if one.promoted), key=lambda one: one.read_ms)
    times = [one.read_ms for one in promoted]
    counts = []
    for one in of:
        if one.promoted:
            continue
        during = promoted[bisect_right(times, one.t0_ms) : bisect_left(times, one.read_ms)]
        counts.append(sum(_passed(other, one) for other in during))
    counts.sort()
    return Displacement(
        study_count=len(counts),
        passed=share_of(sum(count > 0 for count in counts), len(counts)),
        mean_count=fmean(counts) if counts else None,
        p95_count=percentile(counts, 0.95),
        largest_count=counts[-1] if counts else None,
    )


def picking(picks: Iterable[Pick]) -> list[PickedShift]:
    """Return how readers obeyed the order, by reader and shift."""
    shifts: defaultdict[tuple[str, datetime], list[int]] = defaultdict(list)
    for pick in picks:
        shifts[pick.reader, shift_of(pick.at)].append(pick.skipped)
    return [
        PickedShift(
            reader=reader,
            began_at=began_at,
            claim_count=len(skipped),
            first_taken=share_of(skipped.count(0), len(skipped)),
            mean_skipped=fmean(skipped),
            largest_skipped=max(skipped),
        )
        for (reader, began_at), skipped in sorted(shifts.items())
    ]


def shift_of(moment: datetime) -> datetime:
    """Return when the shift of a time began.

    Examples
    --------
    >>> from datetime import UTC
    >>> shift_of(datetime(2026, 1, 1, 15, 59, tzinfo=UTC)).hour
    8
    """
    hour = moment.hour - moment.hour % SHIFT_HOURS
    return moment.replace(hour=hour, minute=0, second=0, microsecond=0)


def _passed(promoted: Read, other: Read) -> bool:
    """Tell whether only its promotion put a study before another one."""
    return promoted.key_ms < other.key_ms and promoted.unaided_key_ms > other.unaided_key_ms
