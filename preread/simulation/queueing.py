"""Exact waits of textbook queues, and the simulator beside them: what makes its figures credible.

Poisson arrivals and exponential reads of one mean throughout; a flagged study goes first. All
times are minutes, without the read itself.

* M/M/c, first come first served: Erlang's C formula.
* One reader who finishes what was begun: A. Cobham, Operations Research 2 (1954) 70-76.
* Readers who drop an unflagged study for a flagged one and go on with it later: flagged studies
  see a queue of their own kind only, and all together wait as in M/M/c, since which exponential
  read is served does not change when the next one ends.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Queue:
    """A single list of studies, some flagged.

    Attributes
    ----------
    load
        Arriving work over reading capacity, below 1.
    readers, read_min
        How many, and their mean minutes for one study.
    prevalence, sensitivity, false_positive_share
        Of hemorrhage, and of the AI that flags at once.
    """

    load: float
    readers: int = 1
    read_min: float = 10.0
    prevalence: float = 0.1
    sensitivity: float = 0.9
    false_positive_share: float = 0.1912

    @property
    def flagged_share(self) -> float:
        """Share of all studies that are flagged."""
        hits = self.prevalence * self.sensitivity
        return hits + (1 - self.prevalence) * self.false_positive_share


@dataclass(frozen=True, slots=True)
class Waits:
    """Mean waits in minutes."""

    everybody: float
    flagged: float
    unflagged: float
    bleeding: float
    clear: float


def erlang_wait_min(load: float, readers: int, read_min: float) -> float:
    """Return the mean wait of M/M/c.

    Examples
    --------
    >>> erlang_wait_min(0.8, 1, 10.0)
    40.0
    >>> round(erlang_wait_min(0.8, 2, 10.0), 3)
    17.778
    """
    offered = load * readers
    all_busy = offered**readers / math.factorial(readers) / (1 - load)
    below = sum(offered**count / math.factorial(count) for count in range(readers))
    waiting = all_busy / (below + all_busy)
    wait: float = waiting * read_min / (readers * (1 - load))
    # Rounded, as 0.8 / (1 - 0.8) is not 4 in binary.
    return round(wait, 9)


def finishing_waits(queue: Queue) -> Waits:
    """Return the waits where one reader finishes what was begun.

    Examples
    --------
    >>> waits = finishing_waits(Queue(load=0.8))
    >>> [round(w, 2) for w in (waits.flagged, waits.unflagged, waits.bleeding, waits.clear)]
    [10.12, 50.61, 14.17, 42.87]
    """
    residual = queue.load * queue.read_min
    open_to_flagged = 1 - queue.load * queue.flagged_share
    flagged = residual / open_to_flagged
    return _mixed(queue, flagged, flagged / (1 - queue.load))


def dropping_waits(queue: Queue) -> Waits:
    """Return the waits where readers drop an unflagged study for a flagged one.

    Examples
    --------
    >>> waits = dropping_waits(Queue(load=0.8))
    >>> [round(w, 3) for w in (waits.flagged, waits.unflagged, waits.bleeding)]
    [2.653, 53.264, 7.714]
    """
    share = queue.flagged_share
    flagged = erlang_wait_min(queue.load * share, queue.readers, queue.read_min)
    everybody = erlang_wait_min(queue.load, queue.readers, queue.read_min)
    return _mixed(queue, flagged, (everybody - share * flagged) / (1 - share))


def _mixed(queue: Queue, flagged: float, unflagged: float) -> Waits:
    share, hit = queue.flagged_share, queue.sensitivity
    false_alarm = queue.false_positive_share
    return Waits(
        everybody=share * flagged + (1 - share) * unflagged,
        flagged=flagged,
        unflagged=unflagged,
        bleeding=hit * flagged + (1 - hit) * unflagged,
        clear=false_alarm * flagged + (1 - false_alarm) * unflagged,
    )
