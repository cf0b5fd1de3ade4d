"""The reading room: readers who take the next study of a list whenever they are free."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from preread.ranking import MINUTE_MS
from preread.simulation.policies import Worklist
from preread.simulation.trace import Trace


@dataclass(frozen=True, slots=True)
class Run:
    """When each study of a trace was begun, and in which order.

    Attributes
    ----------
    wait_ms
        From completion to the begin of the read, by study.
    begun
        The studies in the order in which they were begun.
    """

    wait_ms: tuple[int, ...]
    begun: tuple[int, ...]


def read_all(trace: Trace, readers: int, worklist: Worklist) -> Run:
    """Let the readers read a whole trace; nothing is ever taken away from a reader.

    Parameters
    ----------
    trace
        The studies.
    readers
        How many read at the same time.
    worklist
        Empty; its policy decides who is next.
    """
    feed = _Feed(trace, worklist)
    free_ms = [0] * readers
    wait_ms = [0] * len(trace)
    begun: list[int] = []
    for _ in range(len(trace)):
        now_ms = feed.until_somebody_waits(heapq.heappop(free_ms))
        study = worklist.take(now_ms)
        begun.append(study)
        wait_ms[study] = now_ms - trace.complete_ms[study]
        heapq.heappush(free_ms, now_ms + trace.read_ms[study])
    return Run(tuple(wait_ms), tuple(begun))


def overtaking_min(trace: Trace, begun: Sequence[int]) -> list[float]:
    """Return by how many minutes the latest of those that passed a study came after it.

    0 for a study that nobody passed. The bound of :mod:`preread.ranking` is on these.
    """
    lead_min = [0.0] * len(trace)
    latest_ms = 0
    for study in begun:
        complete_ms = trace.complete_ms[study]
        lead_min[study] = max(latest_ms - complete_ms, 0) / MINUTE_MS
        latest_ms = max(latest_ms, complete_ms)
    return lead_min


class _Feed:
    """Hands a worklist its arrivals and results as the time comes."""

    def __init__(self, trace: Trace, worklist: Worklist) -> None:
        self._arrivals_ms = trace.complete_ms
        told = ((at, study) for study, at in enumerate(trace.result_ms) if at is not None)
        self._results = sorted(told)
        self._worklist = worklist
        self._arrived = 0
        self._heard = 0
        self._now_ms = 0

    def until_somebody_waits(self, now_ms: int) -> int:
        """Advance to a time, or to the first arrival after it if nobody waits; return the time.

        Time never goes back: a reader who was free for long begins when the work comes.
        """
        self._advance(max(now_ms, self._now_ms))
        if len(self._worklist) == 0:
            self._advance(max(self._now_ms, self._arrivals_ms[self._arrived]))
        return self._now_ms

    def _advance(self, now_ms: int) -> None:
        self._now_ms = now_ms
        while self._arrived < len(self._arrivals_ms) and self._arrivals_ms[self._arrived] <= now_ms:
            self._worklist.add(self._arrived)
            self._arrived += 1
        while self._heard < len(self._results) and self._results[self._heard][0] <= now_ms:
            self._worklist.hear(self._results[self._heard][1])
            self._heard += 1
