"""The order in which studies are read: a due time with a bounded head start.

For a study that was complete at ``t0``, ordered with class *o*, at site policy *p*, and
whose pre-read says *f*::

    key    = t0 + min(T_order(o), T_finding(f)) - B(f)        lower is read earlier
    due_at = t0 + min(T_order(o), T_finding(f))               what the page counts down to
    order  = (lane, key, t0, study id)

All times are whole milliseconds since 1970 (UTC), so that the order in the database is the
order of this module to the last bit.

What follows from the formula, and is tested:

* *promote-only*: no finding makes the key larger than no finding does;
* *bounded overtaking*: study *j* can pass study *i* only if it was complete less than
  ``T_order(i) - (T_min - B_max)`` after *i*, so nobody starves at any load;
* the key does not depend on the clock, so the order changes only on events;
* equal studies are read first in, first out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from preread.policy import DEFAULT_POLICY, Policy, Promotion
from preread.terms import Level, OrderClass

MINUTE_MS: Final = 60_000
PINNED_LANE: Final = 0
NORMAL_LANE: Final = 1

_URGENCY: Final = (
    Level.NOT_ASSESSED,
    Level.NONE,
    Level.INDETERMINATE,
    Level.SUSPECTED,
    Level.CRITICAL,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a study stands on the worklist, and why.

    Attributes
    ----------
    lane
        0 for studies pinned by a person, 1 for all others.
    key_ms, t0_ms, due_ms
        Whole milliseconds since 1970 (UTC).
    reason
        One sentence for people.
    policy_version
        The policy that gave this place.
    """

    lane: int
    key_ms: int
    t0_ms: int
    due_ms: int
    reason: str
    policy_version: str

    @property
    def due_at(self) -> datetime:
        """The time by which the study should be read."""
        return from_ms(self.due_ms)


@dataclass(frozen=True, slots=True)
class WorklistEntry:
    """What decides between two studies."""

    study_id: str
    place: Place


def to_ms(moment: datetime) -> int:
    """Return whole milliseconds since 1970 of an aware time.

    Examples
    --------
    >>> to_ms(datetime(1970, 1, 1, 0, 1, tzinfo=UTC))
    60000
    """
    if moment.tzinfo is None:
        message = "a time without a zone has no place on the worklist"
        raise ValueError(message)
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def from_ms(milliseconds: int) -> datetime:
    """Return the aware UTC time of whole milliseconds since 1970."""
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def most_urgent(first: Level | None, second: Level | None) -> Level | None:
    """Return the level that promotes more; a later result never demotes a study.

    Examples
    --------
    >>> most_urgent(Level.CRITICAL, Level.NONE).value
    'critical'
    """
    present = [level for level in (first, second) if level is not None]
    return max(present, key=_URGENCY.index, default=None)


def place(
    completed_at: datetime,
    order_class: OrderClass,
    level: Level | None,
    *,
    policy: Policy = DEFAULT_POLICY,
    promise: Policy | None = None,
    pinned: bool = False,
    withheld: Level | None = None,
) -> Place:
    """Return the place of a study on the worklist.

    Parameters
    ----------
    completed_at
        When the study was first complete at the gateway; never moves on re-sends.
    order_class
        What the site asked for.
    level
        What the pre-read says; None while there is none, or it failed: then the order of
        the site stands.
    policy
        What promotes now.
    promise
        The policy under which the study was completed, where that is another one: it gives the
        target of the order and the due time, which are promised once. What the present policy
        promotes moves the place alone.
    pinned
        A person put it in front of all others.
    withheld
        What the pre-read says and may not rank, as the site's circuit breaker is tripped; only
        the reason names it.

    Examples
    --------
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> place(noon, OrderClass.ROUTINE, Level.SUSPECTED).due_at.strftime("%H:%M")
    '12:20'
    >>> place(noon, OrderClass.STAT, Level.NONE).key_ms == place(noon, OrderClass.STAT, None).key_ms
    True
    """
    t0_ms = to_ms(completed_at)
    promised = promise or policy
    ordered_min = promised.order_target_min[order_class]
    promotion = policy.promotions.get(level) if level is not None else None
    head_start_min = promotion.head_start_min if promotion else 0
    key_min = _target_min(policy, ordered_min, level) - head_start_min
    return Place(
        lane=PINNED_LANE if pinned else NORMAL_LANE,
        key_ms=t0_ms + key_min * MINUTE_MS,
        t0_ms=t0_ms,
        due_ms=t0_ms + _target_min(promised, ordered_min, level) * MINUTE_MS,
        reason=_reason(
            order_class, ordered_min, level, promotion, pinned=pinned, withheld=withheld
        ),
        policy_version=_version(policy, promised),
    )


def sort_key(entry: WorklistEntry) -> tuple[int, int, int, str]:
    """Return what the worklist is sorted by, ascending."""
    return (entry.place.lane, entry.place.key_ms, entry.place.t0_ms, entry.study_id)


def rank(entries: Iterable[WorklistEntry]) -> list[WorklistEntry]:
    """Return the entries in the order in which they are to be read."""
    return sorted(entries, key=sort_key)


def _target_min(policy: Policy, ordered_min: int, level: Level | None) -> int:
    promotion = policy.promotions.get(level) if level is not None else None
    return min(ordered_min, promotion.target_min) if promotion else ordered_min


def _version(policy: Policy, promised: Policy) -> str:
    """Return what places by one policy, under the promise of another, are known by."""
    same = policy.version == promised.version
    return policy.version if same else f"{policy.version}/{promised.version}"


def _reason(
    order_class: OrderClass,
    ordered_min: int,
    level: Level | None,
    promotion: Promotion | None,
    *,
    pinned: bool,
    withheld: Level | None,
) -> str:
    words = [f"{order_class.value} order, {_span(ordered_min)} target"]
    if promotion is not None and level is not None:
        words.append(f"AI {level.value}, {_span(min(ordered_min, promotion.target_min))} target")
        if promotion.head_start_min:
            words.append(f"{_span(promotion.head_start_min)} head start")
    elif withheld is not None:
        words.append(f"AI {withheld.value} not followed, the site's circuit breaker is tripped")
    elif level is Level.NONE:
        words.append("AI flagged no hemorrhage, place unchanged")
    elif level is Level.NOT_ASSESSED:
        words.append("not assessed by AI, place unchanged")
    else:
        words.append("no AI result, place unchanged")
    if pinned:
        words.insert(0, "pinned by a person")
    return "; ".join(words) + "."


def _span(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return f"{hours}-h" if hours and not rest else f"{minutes}-min"
