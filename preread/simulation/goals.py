"""What the shipped policy is held to, measured on the scenario that strains it and on its breaker."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from preread.breaker import EXPECTED_SHARE, LEAST, LENGTHS, WINDOW, limit_of
from preread.simulation.experiment import Experiment
from preread.simulation.figures import BLEEDS, MISSED, SAID_NONE, Estimate, ratio
from preread.simulation.policies import REFERENCE, Monitor, Name
from preread.simulation.trace import ORDERS
from preread.terms import Level

Mask = NDArray[np.bool_]

LEAST_FALL: Final = 0.80
MOST_BREACH: Final = 0.02
MOST_DELAY: Final = 1.15
MOST_RESULTS: Final = 60
HEALTHY_RESULTS: Final = 20_000
BROKEN_SHARE: Final = 0.70
TRIALS: Final = 500
HEALTHY_RUNS: Final = 1000


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal, what was measured, and whether that reaches it."""

    words: str
    measured: str
    reached: bool


def waiting_goals(experiment: Experiment) -> list[Goal]:
    """Return the goals on the waits of a scenario, against due times without an AI."""
    runs, reference = experiment.runs[Name.PROPOSED], experiment.runs[REFERENCE]
    fall = ratio(runs, reference, BLEEDS)
    breaches = {
        order: statistics.fmean(run.breach[order] for run in runs if order in run.breach)
        for order in ORDERS
    }
    violations = sum(run.violations for run in runs)
    read = experiment.studies * len(experiment.seeds)
    shares = "/".join(f"{100 * share:.1f}" for share in breaches.values())
    return [
        Goal(
            f"bleeds wait at least {LEAST_FALL:.0%} less",
            _times(fall, "of the wait without AI"),
            fall.mean <= 1 - LEAST_FALL,
        ),
        Goal(
            f"at most {MOST_BREACH:.0%} of each order class wait beyond its target",
            f"{shares} % of STAT/ER/INPATIENT/ROUTINE",
            max(breaches.values()) <= MOST_BREACH,
        ),
        *(
            Goal(
                f"{words} wait at most {MOST_DELAY} times as long",
                _times(value, "of the wait without AI"),
                value.mean <= MOST_DELAY,
            )
            for words, value in (
                ("bleeds the AI does not flag", ratio(runs, reference, MISSED)),
                ("bleeds the AI calls none", ratio(runs, reference, SAID_NONE)),
            )
        ),
        Goal(
            "nobody is passed by a study that came after the bound",
            f"{violations} of {read} studies",
            violations == 0,
        ),
    ]


def breaker_goals() -> list[Goal]:
    """Return the goals on the circuit breaker, with streams of flags of a known share."""
    cold = [_trip(_flags(seed, BROKEN_SHARE)) for seed in range(TRIALS)]
    warm = [_trip(_healthy_first(seed)) - WINDOW for seed in range(TRIALS)]
    healthy = (
        np.random.default_rng(seed).random(HEALTHY_RESULTS) < EXPECTED_SHARE
        for seed in range(HEALTHY_RUNS)
    )
    tripped = sum(ever_trips(flags, EXPECTED_SHARE) for flags in healthy)
    goals = [
        Goal(
            f"a model that flags {BROKEN_SHARE:.0%} trips the breaker within {MOST_RESULTS} "
            f"studies, {start}",
            f"after {statistics.fmean(after):.0f} on average, {max(after)} at most "
            f"in {TRIALS} trials",
            max(after) <= MOST_RESULTS,
        )
        for start, after in (("from the start", cold), ("after healthy ones", warm))
    ]
    return [
        *goals,
        Goal(
            f"{HEALTHY_RESULTS} healthy studies never trip it",
            f"tripped in {tripped} of {HEALTHY_RUNS} such streams",
            tripped == 0,
        ),
    ]


def ever_trips(flags: Mask, expected_share: float) -> bool:
    """Tell whether the breaker trips somewhere in a long stream, all looks at once.

    Parameters
    ----------
    flags
        Bool, shape (results,), at least :data:`~preread.breaker.WINDOW` of them.
    expected_share
        Of the site.
    """
    until = np.concatenate([[0], np.cumsum(flags)])
    for length in range(LEAST, WINDOW + 1):
        # While the window fills, all results so far are one more length to look at.
        ends = until[length:] if length in LENGTHS else until[length : length + 1]
        limit = limit_of(length, expected_share)
        if limit is not None and bool((ends - until[: len(ends)] >= limit).any()):
            return True
    return False


def goals_text(goals: Sequence[Goal]) -> str:
    """Return goals as a Markdown table."""
    rows = [
        f"| {goal.words} | {goal.measured} | {'yes' if goal.reached else '**no**'} |"
        for goal in goals
    ]
    return "\n".join(["| goal | measured | reached |", "| --- | --- | --- |", *rows])


def _flags(seed: int, share: float) -> list[bool]:
    flags: list[bool] = (np.random.default_rng(seed).random(10 * WINDOW) < share).tolist()
    return flags


def _healthy_first(seed: int) -> list[bool]:
    return _flags(TRIALS + seed, EXPECTED_SHARE)[:WINDOW] + _flags(seed, BROKEN_SHARE)


def _trip(flags: Iterable[bool]) -> int:
    """Return after how many results the breaker trips; more than there are if it does not."""
    monitor = Monitor(EXPECTED_SHARE)
    for flagged in flags:
        monitor.believes(Level.SUSPECTED if flagged else Level.NONE)
        if monitor.tripped_after is not None:
            return monitor.tripped_after
    return monitor.heard + 1


def _times(value: Estimate, words: str) -> str:
    if value.low is None or value.high is None:
        return f"{value.mean:.2f} {words}"
    return f"{value.mean:.2f} ({value.low:.2f} to {value.high:.2f}) {words}"
