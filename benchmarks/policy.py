"""A ranking policy put in force over 10³ and 10⁴ open studies, and who waits for that."""

import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from benchmarks.databases import find_initdb, postgres_server
from benchmarks.figures import Figure, Report, figure_of
from benchmarks.lists import OpenList, postgres_lists, sqlite_lists
from benchmarks.plan import Plan
from benchmarks.rounds import Spent, clocked, in_rounds
from preread.activating import Wish, draft_policy, take_policy_step
from preread.keys import Caller, Role
from preread.policy import DEFAULT_POLICY, Policy, Promotion
from preread.policy_steps import SHIPPED, PolicyStep
from preread.resources import Resources, open_resources
from preread.settings import Settings
from preread.terms import Level

_SIZES: Final = (1_000, 10_000)
_QUICK_SIZES: Final = (100, 200)
_BY: Final = Caller("benchmark", Role.ADMIN, None, "benchmark")
_DRAFT: Final = Policy(
    "no head start for «suspected»",
    DEFAULT_POLICY.order_target_min,
    {
        **DEFAULT_POLICY.promotions,
        Level.SUSPECTED: Promotion(20, 0),
        Level.INDETERMINATE: Promotion(60, 0),
    },
)
_PROMPT_S: Final = 0.005


@dataclass(frozen=True, slots=True)
class _Put:
    """What putting one policy in force cost.

    Attributes
    ----------
    waited_s
        Of ``spent``, how long the process was ready to run and had no core.
    others_s
        How long the slowest re-rank of another writer took meanwhile.
    """

    spent: Spent
    waited_s: float
    others_s: float
    moved_count: int


@dataclass(slots=True)
class _Bench:
    """One list, and which of the two policies is in force on it."""

    open_list: OpenList
    resources: Resources
    draft: int
    present: int = SHIPPED
    rng: random.Random = field(default_factory=lambda: random.Random(5))  # noqa: S311 - any study

    def swap(self) -> _Put:
        """Put the other policy in force while somebody else re-ranks one study after another."""
        other = SHIPPED if self.present == self.draft else self.draft
        step = PolicyStep.REVERT if other == SHIPPED or self._was_in_force else PolicyStep.ACTIVATE
        wish = Wish(other, step, "benchmark", self.present)
        with _somebody_else(self.open_list, self.rng) as took_s:
            waited_s = _waited_s()
            change, spent = clocked(partial(take_policy_step, self.resources, wish, by=_BY))
            waited_s = _waited_s() - waited_s
        self.present = other
        return _Put(spent, waited_s, max(took_s), int(change.summary["moved_count"]))

    @property
    def _was_in_force(self) -> bool:
        with self.resources.reading() as work:
            return any(one.number == self.draft for one in work.policies.record())


def measure(plan: Plan) -> Report:
    """Measure on SQLite and, where it is, on PostgreSQL."""
    sizes = _QUICK_SIZES if plan.quick else _SIZES
    with sqlite_lists(plan.folder, sizes) as lists:
        figures = _of("SQLite", lists, plan)
    initdb = find_initdb()
    if initdb is not None:
        with postgres_server(initdb) as server, postgres_lists(server, sizes) as lists:
            figures += _of("PostgreSQL", lists, plan)
    return Report(
        name="policy",
        checked="before each database: all pages are in the order of preread.ranking.rank",
        figures=tuple(figures),
        ratios=(),
        notes=(
            "the whole request: seen beforehand without a lock, then all ranked under it; no closed studies",
            "CPU is of the service's process alone, not of PostgreSQL",
            "without a core: ready to run, while other programs had the cores; part of the wall",
            *(() if initdb else ("PostgreSQL's server is not on this machine: left out",)),
        ),
    )


def _of(kind: str, lists: Mapping[int, OpenList], plan: Plan) -> list[Figure]:
    figures: list[Figure] = []
    for size, one in lists.items():
        one.spot_check()
        with _bench(one, plan.folder) as bench:
            name = f"{kind}, {size:,} open"
            puts = in_rounds({name: bench.swap}, plan.rounds)[name]
        figures += [
            figure_of(f"{name}: wall", "s", [put.spent.wall_s for put in puts]),
            figure_of(f"{name}: of it without a core", "s", [put.waited_s for put in puts]),
            figure_of(f"{name}: CPU", "s", [put.spent.cpu_s for put in puts]),
            figure_of(f"{name}: slowest other writer", "s", [put.others_s for put in puts]),
            figure_of(f"{name}: moved", "studies", [float(put.moved_count) for put in puts]),
        ]
    return figures


@contextmanager
def _bench(one: OpenList, folder: Path) -> Iterator[_Bench]:
    settings = Settings(database_url=SecretStr(one.url), store_dir=folder / "store")
    with open_resources(settings) as resources:
        stored = draft_policy(resources, _DRAFT, name=_DRAFT.version, by=_BY)
        yield _Bench(one, resources, stored.number)


@contextmanager
def _somebody_else(one: OpenList, rng: random.Random) -> Iterator[list[float]]:
    """Re-rank one study after another in a thread; its times are complete at the end."""
    took_s: list[float] = []
    over = threading.Event()

    def write() -> None:
        while not over.wait(_PROMPT_S):
            started = time.perf_counter()
            one.rerank(rng)
            took_s.append(time.perf_counter() - started)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield took_s
    finally:
        over.set()
        thread.join()


def _waited_s() -> float:
    """Return for how long this thread was ready to run but had no core, since it began."""
    nanoseconds = Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()[1]
    return int(nanoseconds) / 1e9
