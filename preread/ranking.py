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

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

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
class Promotion:
    """What a level does to a study's place: a target, in minutes, and a head start."""

    target_min: int
    head_start_min: int


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the targets.

    Attributes
    ----------
    version
        Named in every pre-read and every change of rank.
    order_target_min
        Minutes from completion to the read that each order class promises.
    promotions
        The levels that move a study up; a level without a promotion moves nothing.
    """

    version: str
    order_target_min: Mapping[OrderClass, int]
    promotions: Mapping[Level, Promotion]

    def __post_init__(self) -> None:
        missing = set(OrderClass) - set(self.order_target_min)
        if missing:
            message = f"policy {self.version} has no target for {sorted(missing)}"
            raise ValueError(message)
        if any(p.target_min < 0 or p.head_start_min < 0 for p in self.promotions.values()):
            message = f"policy {self.version} has a negative promotion, which would demote"
            raise ValueError(message)


DEFAULT_POLICY: Final = Policy(
    version="2026-1",
    order_target_min=MappingProxyType(
        {
            OrderClass.STAT: 30,
            OrderClass.ER: 60,
            OrderClass.INPATIENT: 240,
            OrderClass.ROUTINE: 1440,
        }
    ),
    promotions=MappingProxyType(
        {
            Level.CRITICAL: Promotion(target_min=10, head_start_min=60),
            Level.SUSPECTED: Promotion(target_min=20, head_start_min=60),
            Level.INDETERMINATE: Promotion(target_min=60, head_start_min=0),
        }
    ),
)


SHORTEST_TARGET_MIN: Final = 10
LONGEST_TARGET_MIN: Final = 10_080
"""What a site may promise. Nothing shorter than the target of a critical study, so that the
bound on overtaking holds across sites."""


def policy_of_site(
    site: str,
    version: int,
    order_target_min: Mapping[OrderClass, int],
    base: Policy = DEFAULT_POLICY,
) -> Policy:
    """Return a policy under the target times of a site.

    Raises
    ------
    ValueError
        If a target is missing or out of range.

    Examples
    --------
    >>> minutes = {order: 45 for order in OrderClass}
    >>> policy_of_site("north", 3, minutes).version
    '2026-1+t3'
    """
    wrong = [
        order.value
        for order, minutes in order_target_min.items()
        if not SHORTEST_TARGET_MIN <= minutes <= LONGEST_TARGET_MIN
    ]
    if wrong:
        message = f"the targets of {site} for {wrong} are out of range"
        raise ValueError(message)
    return Policy(
        version=f"{base.version}+t{version}",
        order_target_min=MappingProxyType(dict(order_target_min)),
        promotions=base.promotions,
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


def overtaking_bound_min(policy: Policy, order_class: OrderClass) -> int:
    """Return after how many minutes nothing that arrives can pass a waiting study.

    Examples
    --------
    >>> [overtaking_bound_min(DEFAULT_POLICY, order) for order in OrderClass]
    [80, 110, 290, 1490]
    """
    soonest_min = min(policy.order_target_min.values())
    promoted_min = [
        min(soonest_min, promotion.target_min) - promotion.head_start_min
        for promotion in policy.promotions.values()
    ]
    earliest_key_min = min([soonest_min, *promoted_min])
    return policy.order_target_min[order_class] - earliest_key_min


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
