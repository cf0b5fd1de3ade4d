"""What one run of one policy did to those who waited, and what several runs say together."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from preread.policy import Policy, overtaking_bound_min
from preread.ranking import MINUTE_MS
from preread.simulation.room import Run, overtaking_min
from preread.simulation.trace import ORDERS, Trace
from preread.terms import Level, OrderClass

WARM_UP: Final = 1 / 20
"""The first studies of a run meet an empty list; this share of them is not counted."""

BLEEDS, FOUND, MISSED, SAID_NONE = "bleeds", "bleeds_flagged", "bleeds_missed", "bleeds_said_none"
FALSE_ALARMS, UNFLAGGED = "false_alarms", "clear_unflagged"
CLEAR: Final[Mapping[OrderClass, str]] = {order: f"clear_{order.value}" for order in ORDERS}
GROUPS: Final = (BLEEDS, FOUND, MISSED, SAID_NONE, FALSE_ALARMS, UNFLAGGED, *CLEAR.values())
"""Who is told apart: all bleeds; those flagged; those not flagged (indeterminate or none); those
that were said to be none; what was flagged without a bleed; what was neither; and what shows no
bleed, by order class."""

# Two-sided 95 % points of Student's t for 1, 2, … degrees of freedom; the normal one beyond.
_T95: Final = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
)
_Z95: Final = 1.96


@dataclass(frozen=True, slots=True)
class Wait:
    """Waits of one group in one run, in minutes."""

    mean_min: float
    p95_min: float
    max_min: float
    studies: int


@dataclass(frozen=True, slots=True)
class RunFigures:
    """One run of one policy.

    Attributes
    ----------
    waits
        By group; a group without a study is left out.
    breach
        Share of the studies of an order class that waited longer than its target.
    lead_min
        The latest overtaker of any study of a class came so long after it.
    violations
        Studies that were passed by one that came after the bound of the shipped policy.
    tripped_after
        Results until the breaker tripped, None where it did not or there is none.
    """

    waits: Mapping[str, Wait]
    breach: Mapping[OrderClass, float]
    lead_min: Mapping[OrderClass, float]
    violations: int
    tripped_after: int | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over runs with its 95 % interval; the interval is None after one run."""

    mean: float
    low: float | None
    high: float | None


def run_figures(
    trace: Trace, run: Run, policy: Policy, *, tripped_after: int | None = None
) -> RunFigures:
    """Return the figures of one run, its warm-up left out of the waits but not of the bound."""
    wait_min = np.array(run.wait_ms) / MINUTE_MS
    lead_min = np.array(overtaking_min(trace, run.begun))
    counted = np.arange(len(trace)) >= math.ceil(len(trace) * WARM_UP)
    of_order = {order: np.array([one is order for one in trace.order]) for order in ORDERS}
    bound_min = {order: overtaking_bound_min(policy, order) for order in ORDERS}
    late = {order: wait_min > policy.order_target_min[order] for order in ORDERS}
    return RunFigures(
        waits={
            group: _wait(wait_min[mask & counted])
            for group, mask in _masks(trace, of_order).items()
            if (mask & counted).any()
        },
        breach={
            order: float(late[order][mask & counted].mean())
            for order, mask in of_order.items()
            if (mask & counted).any()
        },
        lead_min={order: float(lead_min[m].max()) for order, m in of_order.items() if m.any()},
        violations=sum(int((lead_min[m] >= bound_min[o]).sum()) for o, m in of_order.items()),
        tripped_after=tripped_after,
    )


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of one value per run and the interval of Student's t.

    Examples
    --------
    >>> found = estimate([1.0, 2.0, 3.0])
    >>> found.mean, round(found.low, 3), round(found.high, 3)
    (2.0, -0.484, 4.484)
    """
    mean = statistics.fmean(values)
    freedom = len(values) - 1
    if freedom == 0:
        return Estimate(mean, None, None)
    quantile = _T95[freedom - 1] if freedom <= len(_T95) else _Z95
    half = quantile * statistics.stdev(values) / math.sqrt(len(values))
    return Estimate(mean, mean - half, mean + half)


def mean_waits(runs: Sequence[RunFigures], group: str) -> list[float]:
    """Return the mean wait of a group in each run that has one, in minutes."""
    return [run.waits[group].mean_min for run in runs if group in run.waits]


def differences(
    runs: Sequence[RunFigures], reference: Sequence[RunFigures], group: str
) -> list[float]:
    """Return, seed by seed, by how many minutes the mean wait of a group exceeds the reference's."""
    pairs = zip(runs, reference, strict=True)
    return [
        one.waits[group].mean_min - other.waits[group].mean_min
        for one, other in pairs
        if group in one.waits and group in other.waits
    ]


def ratio(runs: Sequence[RunFigures], reference: Sequence[RunFigures], group: str) -> Estimate:
    """Return the mean wait of a group over the reference's, with its interval.

    The ratio is that of the means over all runs, so that a run with long waits counts for its
    waits; the interval is that of the delta method on the paired runs.
    """
    own, other = mean_waits(runs, group), mean_waits(reference, group)
    below = statistics.fmean(other)
    if below == 0:
        return Estimate(math.nan, None, None)
    value = statistics.fmean(own) / below
    rest = [(one - value * two) / below for one, two in zip(own, other, strict=True)]
    spread = estimate(rest)
    if spread.low is None or spread.high is None:
        return Estimate(value, None, None)
    half = (spread.high - spread.low) / 2
    return Estimate(value, value - half, value + half)


def _masks(
    trace: Trace, of_order: Mapping[OrderClass, NDArray[np.bool_]]
) -> dict[str, NDArray[np.bool_]]:
    bleeds = np.array(trace.bleeds)
    flagged = np.array([trace.flagged(study) for study in range(len(trace))])
    said_none = np.array([level is Level.NONE for level in trace.level])
    return {
        BLEEDS: bleeds,
        FOUND: bleeds & flagged,
        MISSED: bleeds & ~flagged,
        SAID_NONE: bleeds & said_none,
        FALSE_ALARMS: ~bleeds & flagged,
        UNFLAGGED: ~bleeds & ~flagged,
        **{CLEAR[order]: ~bleeds & mask for order, mask in of_order.items()},
    }


def _wait(wait_min: NDArray[np.float64]) -> Wait:
    return Wait(
        mean_min=float(wait_min.mean()),
        p95_min=float(np.quantile(wait_min, 0.95)),
        max_min=float(wait_min.max()),
        studies=len(wait_min),
    )
