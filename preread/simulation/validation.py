"""The simulator against the exact waits of :mod:`preread.simulation.queueing`."""

import heapq
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from preread.ranking import MINUTE_MS
from preread.simulation.figures import Estimate, estimate
from preread.simulation.policies import Name, make_worklist
from preread.simulation.queueing import (
    Queue,
    Waits,
    dropping_waits,
    erlang_wait_min,
    finishing_waits,
)
from preread.simulation.room import read_all
from preread.simulation.scenario import Detector, Reading, Scenario
from preread.simulation.trace import Trace, draw_trace
from preread.terms import OrderClass


class Discipline(StrEnum):
    """How flagged studies are preferred."""

    NONE = "first come, first served"
    FINISH = "flagged first, begun reads are finished"
    DROP = "flagged first, begun reads are dropped"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One exact wait and what the simulator got for it, in minutes."""

    queue: Queue
    discipline: Discipline
    group: str
    exact_min: float
    simulated_min: Estimate

    @property
    def agrees(self) -> bool:
        """Whether the exact wait lies within twice the half width of the simulated interval.

        Twice, because there are dozens of comparisons and each interval misses one time in 20.
        """
        low, high = self.simulated_min.low, self.simulated_min.high
        if low is None or high is None:
            return False
        return abs(self.exact_min - self.simulated_min.mean) <= high - low


CASES: Final = (
    (Queue(load=0.8), Discipline.NONE),
    (Queue(load=0.8, readers=2), Discipline.NONE),
    (Queue(load=0.8), Discipline.FINISH),
    (Queue(load=0.8), Discipline.DROP),
    (Queue(load=0.8, false_positive_share=0.1), Discipline.DROP),
    (Queue(load=0.9, false_positive_share=0.1), Discipline.DROP),
    (Queue(load=0.8, readers=2, false_positive_share=0.1), Discipline.DROP),
)


def compare(
    queue: Queue, discipline: Discipline, *, studies: int, seeds: Sequence[int]
) -> list[Comparison]:
    """Return the exact waits beside simulated ones with their 95 % intervals."""
    exact = _exact(queue, discipline)
    simulated = [_simulated(queue, discipline, studies, seed) for seed in seeds]
    groups = ("everybody",) if discipline is Discipline.NONE else Waits.__dataclass_fields__
    return [
        Comparison(
            queue=queue,
            discipline=discipline,
            group=group,
            exact_min=getattr(exact, group),
            simulated_min=estimate([getattr(waits, group) for waits in simulated]),
        )
        for group in groups
    ]


def comparison_text(comparisons: Sequence[Comparison]) -> str:
    """Return comparisons as a Markdown table."""
    head = "| queue | readers | load | false positives | group | exact, min | simulated, min | agrees |"
    rows = []
    for one in comparisons:
        low, high = one.simulated_min.low, one.simulated_min.high
        interval = "" if low is None or high is None else f" ({low:.2f} to {high:.2f})"
        rows.append(
            f"| {one.discipline.value} | {one.queue.readers} | {one.queue.load} "
            f"| {one.queue.false_positive_share} | {one.group} "
            f"| {one.exact_min:.2f} | {one.simulated_min.mean:.2f}{interval} "
            f"| {'yes' if one.agrees else '**no**'} |"
        )
    return "\n".join([head, "| --- " * 8 + "|", *rows])


def scenario_of(queue: Queue) -> Scenario:
    """Return the reading group that is this queue."""
    mean_min = queue.read_min
    return Scenario(
        readers=queue.readers,
        load=queue.load,
        order_mix={OrderClass.ROUTINE: 1.0},
        head_share=1.0,
        prevalence={OrderClass.ROUTINE: queue.prevalence},
        detector=Detector(
            sensitivity=queue.sensitivity,
            specificity=1 - queue.false_positive_share,
            delay_min=0.0,
        ),
        reading=Reading(
            true_positive_min=mean_min,
            false_negative_min=mean_min,
            false_positive_min=mean_min,
            true_negative_min=mean_min,
            other_min=mean_min,
            distribution="exponential",
        ),
    )


def dropping_wait_ms(trace: Trace, readers: int) -> list[int]:
    """Return how long each study waited in all where readers drop an unflagged study for a flagged one.

    A dropped study waits again, first of its kind, and is read on from where it was left. The
    shipped worklist never does this; FDA's calculator of triage gains (QuCAD) assumes it.
    """
    left_ms = list(trace.read_ms)
    ends_ms = [0] * len(trace)
    waiting: list[tuple[bool, int]] = []  # flagged first, then as they came
    reading: dict[int, int] = {}  # study: since when
    arrivals = iter(enumerate(trace.complete_ms))
    upcoming = next(arrivals, None)
    while upcoming is not None or reading:
        ending = min(((since + left_ms[one], one) for one, since in reading.items()), default=None)
        if upcoming is not None and (ending is None or upcoming[1] <= ending[0]):
            study, now_ms = upcoming
            heapq.heappush(waiting, (not trace.flagged(study), study))
            upcoming = next(arrivals, None)
            if len(reading) == readers and trace.flagged(study):
                _drop_one(trace, reading, left_ms, waiting, now_ms)
        elif ending is not None:
            now_ms, study = ending
            ends_ms[study] = now_ms
            del reading[study]
        else:
            break
        while waiting and len(reading) < readers:
            reading[heapq.heappop(waiting)[1]] = now_ms
    spans = zip(ends_ms, trace.complete_ms, trace.read_ms, strict=True)
    return [end - complete - read for end, complete, read in spans]


def _drop_one(
    trace: Trace,
    reading: dict[int, int],
    left_ms: list[int],
    waiting: list[tuple[bool, int]],
    now_ms: int,
) -> None:
    """Put the unflagged study that came last back, if one is being read."""
    unflagged = [study for study in reading if not trace.flagged(study)]
    if unflagged:
        dropped = max(unflagged)
        left_ms[dropped] -= now_ms - reading.pop(dropped)
        heapq.heappush(waiting, (True, dropped))


def _exact(queue: Queue, discipline: Discipline) -> Waits:
    if discipline is Discipline.FINISH:
        return finishing_waits(queue)
    if discipline is Discipline.DROP:
        return dropping_waits(queue)
    same = erlang_wait_min(queue.load, queue.readers, queue.read_min)
    return Waits(same, same, same, same, same)


def _simulated(queue: Queue, discipline: Discipline, studies: int, seed: int) -> Waits:
    scenario = scenario_of(queue)
    trace = draw_trace(scenario, studies, seed)
    if discipline is Discipline.DROP:
        wait_ms: Sequence[int] = dropping_wait_ms(trace, queue.readers)
    else:
        name = Name.FIFO if discipline is Discipline.NONE else Name.AI_ON_TOP
        wait_ms = read_all(trace, queue.readers, make_worklist(name, trace, scenario)).wait_ms
    flagged = [trace.flagged(study) for study in range(len(trace))]
    return Waits(
        everybody=statistics.fmean(wait_ms) / MINUTE_MS,
        flagged=_mean_min(wait_ms, flagged),
        unflagged=_mean_min(wait_ms, (not one for one in flagged)),
        bleeding=_mean_min(wait_ms, trace.bleeds),
        clear=_mean_min(wait_ms, (not one for one in trace.bleeds)),
    )


def _mean_min(wait_ms: Sequence[int], chosen: Iterable[bool]) -> float:
    mask = np.fromiter(chosen, dtype=np.bool_, count=len(wait_ms))
    return float(np.array(wait_ms)[mask].mean()) / MINUTE_MS
