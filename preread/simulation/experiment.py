"""Every policy on the same studies, for several seeds: the runs of one scenario."""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from preread.simulation.figures import RunFigures, run_figures
from preread.simulation.policies import KeyedList, Name, make_worklist
from preread.simulation.room import read_all
from preread.simulation.scenario import Scenario
from preread.simulation.trace import Trace, draw_trace

Tell: TypeAlias = Callable[[int, int], None]
"""Told how many of the seeds are done, and of how many."""


class Source(Protocol):
    """Where the studies of a run come from."""

    @property
    def scenario(self) -> Scenario:
        """Who reads them, and by which targets."""
        ...

    @property
    def origin(self) -> str:
        """Where the studies come from, for people."""
        ...

    @property
    def studies(self) -> int:
        """How many a run has."""
        ...

    def trace(self, seed: int) -> Trace:
        """Return the studies of a seed."""
        ...


@dataclass(frozen=True, slots=True)
class Drawn:
    """Studies drawn from parameters."""

    scenario: Scenario
    studies: int
    origin: str = "drawn from parameters"

    def trace(self, seed: int) -> Trace:
        """Return the studies of a seed."""
        return draw_trace(self.scenario, self.studies, seed)


@dataclass(frozen=True, slots=True)
class Experiment:
    """All runs of one scenario.

    Attributes
    ----------
    scenario
        The parameters.
    origin
        Where the studies came from, for people.
    studies
        Of one run.
    seeds
        One run of each policy for each.
    runs
        By policy, in the order of the seeds.
    """

    scenario: Scenario
    origin: str
    studies: int
    seeds: tuple[int, ...]
    runs: Mapping[Name, tuple[RunFigures, ...]]


def run_experiment(
    source: Source,
    names: Sequence[Name],
    seeds: Sequence[int],
    *,
    processes: int = 1,
    tell: Tell | None = None,
) -> Experiment:
    """Return every run of every policy.

    Parameters
    ----------
    source
        Of the studies.
    names
        The policies.
    seeds
        One run of each policy for each.
    processes
        How many seeds at a time.
    tell
        Hears of the progress.
    """
    runs: dict[Name, list[RunFigures]] = {name: [] for name in names}
    for done, figures in enumerate(_by_seed(source, names, seeds, processes), start=1):
        for name, one in figures.items():
            runs[name].append(one)
        if tell is not None:
            tell(done, len(seeds))
    return Experiment(
        scenario=source.scenario,
        origin=source.origin,
        studies=source.studies,
        seeds=tuple(seeds),
        runs={name: tuple(of_name) for name, of_name in runs.items()},
    )


def run_seed(source: Source, names: Sequence[Name], seed: int) -> dict[Name, RunFigures]:
    """Return the figures of every policy on the studies of one seed."""
    trace = source.trace(seed)
    figures = {}
    for name in names:
        worklist = make_worklist(name, trace, source.scenario)
        run = read_all(trace, source.scenario.readers, worklist)
        monitor = worklist.monitor if isinstance(worklist, KeyedList) else None
        figures[name] = run_figures(
            trace,
            run,
            source.scenario.targets.policy(),
            tripped_after=None if monitor is None else monitor.tripped_after,
        )
    return figures


def _by_seed(
    source: Source, names: Sequence[Name], seeds: Sequence[int], processes: int
) -> Iterator[dict[Name, RunFigures]]:
    if processes == 1 or len(seeds) == 1:
        yield from (run_seed(source, names, seed) for seed in seeds)
        return
    # Spawned, not forked: the caller may have threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(seeds)), mp_context=context) as pool:
        many = len(seeds)
        yield from pool.map(run_seed, [source] * many, [names] * many, seeds)
