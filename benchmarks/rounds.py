"""Runs variants in turns, so that whatever else the machine does meets all of them alike."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Spent:
    """What a piece of work cost: seconds of the clock, and seconds of CPU of this process."""

    wall_s: float
    cpu_s: float


def in_rounds(
    variants: Mapping[str, Callable[[], Outcome]], rounds: int
) -> dict[str, list[Outcome]]:
    """Run every variant once per round, in an order that is drawn anew for each.

    So that none always runs in the wake of the same other one. A first round, in which everything is cold, is run and forgotten.

    Examples
    --------
    >>> in_rounds({"one": lambda: 1, "two": lambda: 2}, rounds=2)
    {'one': [1, 1], 'two': [2, 2]}
    """
    names = list(variants)
    outcomes: dict[str, list[Outcome]] = {name: [] for name in names}
    rng = random.Random(len(names))  # noqa: S311 - an order, not a secret
    for number in range(rounds + 1):
        for name in rng.sample(names, len(names)):
            outcome = variants[name]()
            if number > 0:
                outcomes[name].append(outcome)
    return outcomes


def clocked(work: Callable[[], Outcome]) -> tuple[Outcome, Spent]:
    """Do a piece of work and return what came out and what it cost."""
    wall, cpu = time.perf_counter(), time.process_time()
    outcome = work()
    return outcome, Spent(time.perf_counter() - wall, time.process_time() - cpu)


def walls_of(work: Callable[[], object], calls: int) -> list[float]:
    """Do a piece of work some times, and return the seconds of the clock of each."""
    return [clocked(work)[1].wall_s for _ in range(calls)]
