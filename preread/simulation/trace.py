"""The studies of one simulated run: drawn once, then read under every policy.

Each property has a random stream of its own, so two scenarios that differ in the AI alone have
the same arrivals, classes and bleeds (common random numbers).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from preread.ranking import MINUTE_MS
from preread.simulation.scenario import Reading, Scenario
from preread.terms import FLAGGED, Level, OrderClass

ORDERS: Final = tuple(OrderClass)


class Stream(IntEnum):
    """What a random stream is for; the numbers are part of the seed and never change."""

    ARRIVAL = 0
    ORDER = 1
    HEAD = 2
    BLEED = 3
    LEVEL = 4
    READING = 5


@dataclass(frozen=True, slots=True)
class Trace:
    """Studies in the order in which they were complete; index i is the same study everywhere.

    Attributes
    ----------
    complete_ms
        When the study entered the worklist, in whole milliseconds since the start.
    order
        What the site asked for.
    bleeds
        Whether the study shows a hemorrhage.
    level
        What the AI says; None of studies that it does not look at.
    result_ms
        When it says so; None where it never does.
    read_ms
        How long a reader takes.
    """

    complete_ms: tuple[int, ...]
    order: tuple[OrderClass, ...]
    bleeds: tuple[bool, ...]
    level: tuple[Level | None, ...]
    result_ms: tuple[int | None, ...]
    read_ms: tuple[int, ...]

    def __post_init__(self) -> None:
        if any(
            later < first
            for first, later in zip(self.complete_ms, self.complete_ms[1:], strict=False)
        ):
            message = "studies of a trace are sorted by their arrival"
            raise ValueError(message)

    def __len__(self) -> int:
        return len(self.complete_ms)

    def flagged(self, study: int) -> bool:
        """Whether the AI flags a study."""
        return self.level[study] in FLAGGED


def draw_trace(scenario: Scenario, studies: int, seed: int) -> Trace:
    """Return ``studies`` studies of a scenario; the same seed gives the same ones."""
    orders = draw_orders(scenario, studies, seed)
    heads = random_stream(seed, Stream.HEAD).random(studies) < scenario.head_share
    prevalence = np.array([scenario.prevalence.get(order, 0.0) for order in orders])
    bleeds = heads & (random_stream(seed, Stream.BLEED).random(studies) < prevalence)
    levels = draw_levels(scenario, heads, bleeds, seed)
    complete_ms = _arrivals_ms(scenario, studies, seed)
    delay_ms = round(scenario.detector.delay_min * MINUTE_MS)
    return Trace(
        complete_ms=tuple(complete_ms),
        order=tuple(orders),
        bleeds=tuple(bool(one) for one in bleeds),
        level=tuple(levels),
        result_ms=tuple(
            None if level is None else complete + delay_ms
            for complete, level in zip(complete_ms, levels, strict=True)
        ),
        read_ms=tuple(draw_read_ms(scenario.reading, bleeds, levels, seed)),
    )


def random_stream(seed: int, stream: Stream) -> np.random.Generator:
    """Return the random numbers of one purpose."""
    return np.random.default_rng([seed, int(stream)])


def draw_orders(scenario: Scenario, studies: int, seed: int) -> list[OrderClass]:
    """Return the order class of each study."""
    edges = np.cumsum(list(scenario.order_shares().values()))
    drawn = random_stream(seed, Stream.ORDER).random(studies)
    places = np.minimum(np.searchsorted(edges, drawn, side="right"), len(ORDERS) - 1)
    return [ORDERS[place] for place in places.tolist()]


def draw_levels(
    scenario: Scenario, heads: NDArray[np.bool_], bleeds: NDArray[np.bool_], seed: int
) -> list[Level | None]:
    """Return what the AI says of each study, None of those that are no heads.

    Parameters
    ----------
    scenario
        Whose detector speaks.
    heads, bleeds
        bool, shape (N,): the studies it looks at, and the truth.
    seed
        Of the run.
    """
    drawn = random_stream(seed, Stream.LEVEL).random(len(heads))
    words: dict[bool, list[Level]] = {}
    places: dict[bool, list[int]] = {}
    for truth in (True, False):
        shares = scenario.detector.level_shares(bleeds=truth)
        words[truth] = list(shares)
        found = np.searchsorted(np.cumsum(list(shares.values())), drawn, side="right")
        places[truth] = np.minimum(found, len(shares) - 1).tolist()
    return [
        words[truth][places[truth][study]] if head else None
        for study, (head, truth) in enumerate(zip(heads.tolist(), bleeds.tolist(), strict=True))
    ]


def draw_read_ms(
    reading: Reading, bleeds: NDArray[np.bool_], levels: Sequence[Level | None], seed: int
) -> list[int]:
    """Return how long each study is read, at least one millisecond.

    Parameters
    ----------
    reading
        Means and spread.
    bleeds
        bool, shape (N,).
    levels
        What the AI said, N of them.
    seed
        Of the run.
    """
    means_min = np.array(
        [
            reading.other_min
            if level is None
            else reading.mean_min(bleeds=bool(bleeding), flagged=level in FLAGGED)
            for bleeding, level in zip(bleeds, levels, strict=True)
        ]
    )
    drawn = random_stream(seed, Stream.READING)
    if reading.distribution == "exponential":
        shape: NDArray[np.float64] = drawn.exponential(size=len(means_min))
    else:
        # Of mean 1 and coefficient of variation v: sigma^2 = ln(1 + v^2), mu = -sigma^2 / 2.
        variance = math.log1p(reading.variation**2)
        shape = drawn.lognormal(-variance / 2, math.sqrt(variance), size=len(means_min))
    read_ms: list[int] = np.maximum(np.rint(means_min * shape * MINUTE_MS), 1).astype(int).tolist()
    return read_ms


def _arrivals_ms(scenario: Scenario, studies: int, seed: int) -> list[int]:
    """Return Poisson arrivals; a surge is made by thinning those of its own rate."""
    drawn = random_stream(seed, Stream.ARRIVAL)
    rate = scenario.arrivals_per_min()
    surge = scenario.surge
    if surge is None:
        minutes = np.cumsum(drawn.exponential(1 / rate, size=studies))
        return [round(minute * MINUTE_MS) for minute in minutes.tolist()]
    kept: list[int] = []
    minute = 0.0
    while len(kept) < studies:
        minute += drawn.exponential(1 / (rate * surge.factor))
        if drawn.random() < surge.factor_at(minute) / surge.factor:
            kept.append(round(minute * MINUTE_MS))
    return kept
