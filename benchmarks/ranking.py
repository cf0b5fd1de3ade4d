"""The ranking rules alone: 10⁴ studies placed and put in order, no database."""

import random
from datetime import UTC, datetime, timedelta
from typing import Final

from benchmarks.figures import Ratio, Report, figure_of
from benchmarks.plan import Plan
from benchmarks.rounds import clocked, in_rounds
from preread.ranking import Place, WorklistEntry, place, rank
from preread.terms import Level, OrderClass

_STUDIES: Final = 10_000
_QUICK_STUDIES: Final = 100
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_LEVELS: Final = (None, *Level)

_Facts = tuple[datetime, OrderClass, Level | None]
_Key = tuple[int, int, int, str]


def measure(plan: Plan) -> Report:
    """Measure placing and ranking."""
    count = _QUICK_STUDIES if plan.quick else _STUDIES
    facts = _facts(count)
    entries = [WorklistEntry(f"{number:036d}", place(*one)) for number, one in enumerate(facts)]
    keys = [_key(entry) for entry in entries]
    if [_key(entry) for entry in rank(entries)] != sorted(keys):
        message = "rank() and a plain sort of the keys disagree"
        raise ValueError(message)
    spent = in_rounds(
        {
            "place": lambda: clocked(lambda: _places(facts))[1],
            "rank": lambda: clocked(lambda: rank(entries))[1],
            "rank again": lambda: clocked(lambda: rank(entries))[1],
            "sort": lambda: clocked(lambda: sorted(keys))[1],
        },
        plan.rounds,
    )
    cpu = {name: [one.cpu_s for one in samples] for name, samples in spent.items()}
    placed = figure_of(f"place() of {count} studies", "ms", cpu["place"], 1000)
    ranked = figure_of(f"rank() of {count} studies", "ms", cpu["rank"], 1000)
    again = figure_of("the same again (A/A)", "ms", cpu["rank again"], 1000)
    bare = figure_of("limit: sort of ready keys", "ms", cpu["sort"], 1000)
    return Report(
        name="ranking",
        checked="rank() gives the order of the plain keys",
        figures=(placed, ranked, again, bare),
        ratios=(
            Ratio.of("rank / limit", ranked, bare),
            Ratio.of("A/A", again, ranked),
        ),
        notes=("CPU time of one thread",),
    )


def _facts(count: int) -> list[_Facts]:
    rng = random.Random(1)  # noqa: S311 - studies, not secrets
    return [
        (
            _START + timedelta(seconds=rng.uniform(0, 86_400)),
            rng.choice(tuple(OrderClass)),
            rng.choice(_LEVELS),
        )
        for _ in range(count)
    ]


def _places(facts: list[_Facts]) -> list[Place]:
    return [place(*one) for one in facts]


def _key(entry: WorklistEntry) -> _Key:
    return (entry.place.lane, entry.place.key_ms, entry.place.t0_ms, entry.study_id)
