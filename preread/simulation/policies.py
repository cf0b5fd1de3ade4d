"""The policies that are compared: the shipped one, and what others do.

Two kinds of list. In a :class:`KeyedList` a study has a key that only an event changes; in a
:class:`GroupedList` the order depends on the clock, so the heads of its groups are compared anew
whenever a reader is free.
"""

import heapq
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple, Protocol, TypeAlias

from preread.breaker import Window, trips
from preread.policy import DEFAULT_POLICY, Policy
from preread.ranking import MINUTE_MS, from_ms, place
from preread.simulation.scenario import Scenario
from preread.simulation.trace import ORDERS, Trace
from preread.terms import FLAGGED, Level, OrderClass

Key: TypeAlias = tuple[int, ...]
Rule: TypeAlias = Callable[[int, Level | None], Key]


class Name(StrEnum):
    """The policies, in the order in which they are shown."""

    FIFO = "fifo"
    ORDER_CLASS = "class"
    AI_ON_TOP = "ai-top"
    MAX_WAIT = "max-wait"
    ACCUMULATING = "accumulating"
    DUE_TIME = "due-time"
    PROPOSED = "proposed"
    WITH_BREAKER = "proposed+breaker"


WORDS: Final[Mapping[Name, str]] = {
    Name.FIFO: "first come, first served",
    Name.ORDER_CLASS: "order class strict",
    Name.AI_ON_TOP: "order class, flagged on top",
    Name.MAX_WAIT: "the same, longest waits first of all",
    Name.ACCUMULATING: "accumulating priority, flagged × 8",
    Name.DUE_TIME: "due time of the order, no AI",
    Name.PROPOSED: "proposed",
    Name.WITH_BREAKER: "proposed, with breaker",
}
REFERENCE: Final = Name.DUE_TIME
"""What gains and penalties are measured against: the proposed policy without an AI."""

_FLAG_WEIGHT: Final = 8.0


class Worklist(Protocol):
    """A list of waiting studies, named by their index in the trace."""

    def __len__(self) -> int:
        """Return how many wait."""
        ...

    def add(self, study: int) -> None:
        """Take in a study that has just been complete."""
        ...

    def hear(self, study: int) -> None:
        """Take in what the AI says of a study, which may have left the list."""
        ...

    def take(self, now_ms: int) -> int:
        """Remove the study to be read next and return it."""
        ...


class Monitor:
    """The circuit breaker of one site, fed with every result; nobody resets it.

    Once tripped, it withholds the promotion of every result that follows; what was promoted
    before keeps its place.

    Attributes
    ----------
    heard
        Results so far.
    tripped_after
        How many results it took; None while the AI is believed.
    """

    def __init__(self, expected_share: float, doubted_as: Level = Level.NONE) -> None:
        self.heard = 0
        self.tripped_after: int | None = None
        self._expected_share = expected_share
        self._doubted_as = doubted_as
        self._window = Window()

    def believes(self, level: Level | None) -> Level | None:
        """Count a result and return the level that it promotes by."""
        self.heard += 1
        if self.tripped_after is None:
            self._window = self._window.with_next(flagged=level in FLAGGED)
            if trips(self._window, self._expected_share):
                self.tripped_after = self.heard
        doubted = self.tripped_after is not None and level in DEFAULT_POLICY.promotions
        return self._doubted_as if doubted else level


class KeyedList:
    """Waiting studies in the order of their keys; a result may make a key smaller, never larger."""

    def __init__(self, trace: Trace, rule: Rule, monitor: Monitor | None = None) -> None:
        self.monitor = monitor
        self._trace = trace
        self._rule = rule
        self._keys: dict[int, Key] = {}
        self._heap: list[tuple[Key, int]] = []

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, study: int) -> None:
        """Place a study by its order."""
        self._place(study, self._rule(study, None))

    def hear(self, study: int) -> None:
        """Promote a waiting study; a tripped breaker lets a flag count as indeterminate."""
        level = self._trace.level[study]
        if self.monitor is not None:
            level = self.monitor.believes(level)
        if study in self._keys:
            key = self._rule(study, level)
            if key < self._keys[study]:
                self._place(study, key)

    def take(self, now_ms: int) -> int:
        """Return the study of the smallest key, whatever the time."""
        del now_ms
        while True:
            key, study = heapq.heappop(self._heap)
            if self._keys.get(study) == key:  # else it was promoted or taken since
                del self._keys[study]
                return study

    def _place(self, study: int, key: Key) -> None:
        self._keys[study] = key
        heapq.heappush(self._heap, (key, study))


class Group(NamedTuple):
    """Studies that differ by their arrival alone."""

    order: OrderClass
    flagged: bool


Choose: TypeAlias = Callable[[Mapping[Group, int], int], Group]
"""From the arrival in ms of the first study of each group, and the time, to the group whose turn it is."""


class GroupedList:
    """Waiting studies by group, first come first served within each."""

    def __init__(self, trace: Trace, choose: Choose) -> None:
        self._trace = trace
        self._choose = choose
        self._group: dict[int, Group] = {}
        self._queues: dict[Group, list[int]] = {}

    def __len__(self) -> int:
        return len(self._group)

    def add(self, study: int) -> None:
        """Put a study into the group of its order."""
        self._put(study, Group(self._trace.order[study], flagged=False))

    def hear(self, study: int) -> None:
        """Move a flagged study that still waits."""
        if study in self._group and self._trace.flagged(study):
            self._put(study, Group(self._trace.order[study], flagged=True))

    def take(self, now_ms: int) -> int:
        """Return the first study of the group whose turn it is."""
        heads: dict[Group, int] = {}
        for group, queue in self._queues.items():
            while queue and self._group.get(queue[0]) != group:  # taken, or moved since
                heapq.heappop(queue)
            if queue:
                heads[group] = self._trace.complete_ms[queue[0]]
        study = heapq.heappop(self._queues[self._choose(heads, now_ms)])
        del self._group[study]
        return study

    def _put(self, study: int, group: Group) -> None:
        self._group[study] = group
        heapq.heappush(self._queues.setdefault(group, []), study)  # indices are in arrival order


def make_worklist(name: Name, trace: Trace, scenario: Scenario) -> KeyedList | GroupedList:
    """Return an empty list that is ordered by the named policy."""
    policy = scenario.targets.policy()
    if name is Name.MAX_WAIT:
        return GroupedList(trace, _longest_wait_first(round(scenario.max_wait_min * MINUTE_MS)))
    if name is Name.ACCUMULATING:
        return GroupedList(trace, _accumulating(policy))
    monitor = None
    if name is Name.WITH_BREAKER:
        monitor = Monitor(scenario.expected_flagged_share, scenario.doubted_as)
    shipped = ShippedKeys(trace, policy)
    rules: dict[Name, Rule] = {
        Name.FIFO: lambda study, _: (study,),
        Name.ORDER_CLASS: lambda study, _: (_class_rank(trace, study), study),
        Name.AI_ON_TOP: lambda study, level: (
            -1 if level in FLAGGED else _class_rank(trace, study),
            study,
        ),
        Name.DUE_TIME: lambda study, _: shipped(study, None),
    }
    return KeyedList(trace, rules.get(name, shipped), monitor)


class ShippedKeys:
    """What the service itself would sort the studies of a trace by.

    A place moves with ``t0`` and depends on nothing else but the order and the level, so
    :func:`preread.ranking.place` is asked once for each pair of these and shifted; a test
    compares every shifted key with one that was asked for.
    """

    def __init__(self, trace: Trace, policy: Policy) -> None:
        self._trace = trace
        self._at_zero = {
            (order, level): place(from_ms(0), order, level, policy=policy)
            for order in OrderClass
            for level in (None, *Level)
        }

    def __call__(self, study: int, level: Level | None) -> Key:
        """Return the sort key of a study that the AI said ``level`` of."""
        t0_ms = self._trace.complete_ms[study]
        placed = self._at_zero[self._trace.order[study], level]
        return (placed.lane, placed.key_ms + t0_ms, t0_ms, study)


def _class_rank(trace: Trace, study: int) -> int:
    return ORDERS.index(trace.order[study])


def _top(heads: Mapping[Group, int]) -> Group:
    ranked = {g: -1 if g.flagged else ORDERS.index(g.order) for g in heads}
    return min(heads, key=lambda group: (ranked[group], heads[group]))


def _longest_wait_first(limit_ms: int) -> Choose:
    """Whoever waited longer than the limit is first; else flagged ones, else by class."""

    def choose(heads: Mapping[Group, int], now_ms: int) -> Group:
        late = [group for group, arrived_ms in heads.items() if now_ms - arrived_ms > limit_ms]
        return min(late, key=lambda group: heads[group]) if late else _top(heads)

    return choose


def _accumulating(policy: Policy) -> Choose:
    """Kleinrock's accumulating priority: waits weighted by 1/target, flagged ones eightfold."""
    weights = {
        Group(order, flagged): (_FLAG_WEIGHT if flagged else 1.0) / policy.order_target_min[order]
        for order in ORDERS
        for flagged in (False, True)
    }

    def choose(heads: Mapping[Group, int], now_ms: int) -> Group:
        return max(heads, key=lambda g: ((now_ms - heads[g]) * weights[g], -heads[g]))

    return choose
