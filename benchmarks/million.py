"""The worklist at a million open studies: every filter's page, the counts, and a re-rank."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from benchmarks.databases import find_initdb, postgres_server
from benchmarks.figures import Figure, Ratio, Report, figure_of
from benchmarks.lists import PAGE, OpenList, postgres_lists, sqlite_lists
from benchmarks.open_studies import SITES
from benchmarks.plan import Plan
from benchmarks.rounds import in_rounds, walls_of
from benchmarks.worklist import ask, connected
from preread.db.tally import SUM_UP_AT
from preread.db.unit_of_work import UnitOfWork
from preread.db.worklist import NextQuery, WorklistQuery
from preread.study import AiState, ReadState
from preread.terms import HemorrhageType, Level, OrderClass

_SIZES: Final = (10_000, 100_000, 1_000_000)
_QUICK_SIZES: Final = (500, 1_000)
_CALLS: Final = 100
_QUICK_CALLS: Final = 3
GOAL_MS: Final = 10.0

_PLAIN: Final = "all"
_RERANK: Final = "re-rank of one study, committed"
_COUNTS: Final = ("counts, all sites", "counts, one site", "sites of the filter")
_SITE: Final = WorklistQuery(sites=frozenset({SITES[3]}), limit=PAGE)
_FILTERS: Final[Mapping[str, WorklistQuery]] = {
    _PLAIN: WorklistQuery(limit=PAGE),
    "one site": _SITE,
    "flagged": WorklistQuery(flagged=True, limit=PAGE),
    "flagged, one site": replace(_SITE, flagged=True),
    "order class ROUTINE": WorklistQuery(order_class=OrderClass.ROUTINE, limit=PAGE),
    "order class ROUTINE, one site": replace(_SITE, order_class=OrderClass.ROUTINE),
    "level critical": WorklistQuery(level=Level.CRITICAL, limit=PAGE),
    "level none, one site": replace(_SITE, level=Level.NONE),
    "AI pending (none is)": WorklistQuery(ai_state=AiState.QUEUED, limit=PAGE),
    "AI not assessed": WorklistQuery(ai_state=AiState.NOT_ASSESSED, limit=PAGE),
    "finding SDH": WorklistQuery(finding=HemorrhageType.SDH, limit=PAGE),
    "finding SDH, one site": replace(_SITE, finding=HemorrhageType.SDH),
    "finding EDH (none has)": WorklistQuery(finding=HemorrhageType.EDH, limit=PAGE),
    "claimed": WorklistQuery(read_state=ReadState.CLAIMED, limit=PAGE),
    "claimed, one site": replace(_SITE, read_state=ReadState.CLAIMED),
    "receiving": WorklistQuery(receiving=True, limit=PAGE),
    "ROUTINE and not assessed": WorklistQuery(
        order_class=OrderClass.ROUTINE, level=Level.NOT_ASSESSED, limit=PAGE
    ),
}
_SEARCH: Final = WorklistQuery(accession="bench000000007.", limit=PAGE)
_DEPTHS: Final = {"first page": None, "half way down": 0.5, "at 99 %": 0.99}

_Walls = list[float]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A page's statement as the service sent it, to be sent again without the service."""

    sql: str
    parameters: Any

    def seconds(self, connection: sa.Connection) -> float:
        """Send it over a plain connection and fetch its rows."""
        driver = connection.connection.driver_connection
        if driver is None:
            message = "the connection is closed"
            raise RuntimeError(message)
        cursor = driver.cursor()
        started = time.perf_counter()
        cursor.execute(self.sql, self.parameters)
        cursor.fetchall()
        seconds = time.perf_counter() - started
        cursor.close()
        return seconds


def measure(plan: Plan) -> Report:
    """Measure on SQLite and, where it is, on PostgreSQL."""
    sizes = _QUICK_SIZES if plan.quick else _SIZES
    with sqlite_lists(plan.folder, sizes) as lists:
        found = {"SQLite": _of(lists, plan) + _of_api(lists[sizes[-1]], plan)}
    initdb = find_initdb()
    if initdb is not None:
        with postgres_server(initdb) as server, postgres_lists(server, sizes) as lists:
            found["PostgreSQL"] = _of(lists, plan)
    figures = [figure for of_kind in found.values() for figure in of_kind]
    slow = [f.name for f in figures if "page" in f.name and _in_database(f) and f.p99 > GOAL_MS]
    return Report(
        name="million",
        checked="pages at twenty places of each list are in the order of preread.ranking.rank",
        figures=tuple(figures),
        ratios=tuple(ratio for kind, of_kind in found.items() for ratio in _ratios(kind, of_kind)),
        notes=(
            f"{PAGE} rows a page; «database»: the statement sent and its rows fetched by the driver",
            "«service»: that, a session and the values that are made of the rows",
            f"p99 of a page in the database above {GOAL_MS:.0f} ms: {', '.join(slow) or 'none'}",
            f"counts with {SUM_UP_AT} changes that have not been summed up",
            *(() if initdb else ("PostgreSQL's server is not on this machine: left out",)),
        ),
    )


def _of(lists: Mapping[int, OpenList], plan: Plan) -> list[Figure]:
    for one in lists.values():
        one.spot_check()
    rng = random.Random(3)  # noqa: S311 - any study will do
    largest = lists[max(lists)]
    calls = _QUICK_CALLS if plan.quick else _CALLS
    reranks = {
        f"{size:,} open: {_RERANK}": partial(walls_of, partial(one.rerank, rng), calls)
        for size, one in lists.items()
    }
    # First, so that their changes are there for the counts to sum.
    figures = _measured(largest, reranks, plan.rounds)
    with _questions(largest, calls) as questions:
        return figures + _measured(largest, questions, plan.rounds)


@contextmanager
def _questions(one: OpenList, calls: int) -> Iterator[dict[str, Callable[[], _Walls]]]:
    size = f"{len(one.ranked):,} open"
    pages = dict(_pages(one))
    whole = {
        f"{size}: {name} (service)": partial(_page, one, query) for name, query in pages.items()
    }
    engine = one.database.engines[1]
    asked = {name: _asked(one, query) for name, query in pages.items()}
    search = _asked(one, _SEARCH)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        alone = {
            f"{size}: {name} (database)": partial(statement.seconds, connection)
            for name, statement in asked.items()
        }
        yield {
            **{name: partial(_times, ask, calls) for name, ask in alone.items()},
            **{name: partial(walls_of, ask, calls) for name, ask in whole.items()},
            **{
                f"{size}: {name}": partial(walls_of, ask, calls)
                for name, ask in _others(one).items()
            },
            f"{size}: search by accession number (database)": partial(
                _times, partial(search.seconds, connection), 1
            ),
        }


def _pages(one: OpenList) -> Iterator[tuple[str, WorklistQuery]]:
    for depth, share in _DEPTHS.items():
        after = None if share is None else one.cursor(int(share * len(one.ranked)))
        for name, query in _FILTERS.items():
            yield f"{depth}, {name}", replace(query, after=after)


def _others(one: OpenList) -> dict[str, Callable[[], object]]:
    middle = one.ranked[len(one.ranked) // 2].study_id

    def ahead() -> int:
        with UnitOfWork(one.database.reading) as work:
            return work.worklist.ahead_of(work.studies.locked(middle), None)

    def first() -> object:
        with UnitOfWork(one.database.reading) as work:
            return work.worklist.first_for(NextQuery(modality="CT"), "nobody", datetime.now(UTC))

    def of_tally(ask: Callable[[UnitOfWork], object]) -> object:
        with UnitOfWork(one.database.reading) as work:
            return ask(work)

    return {
        _COUNTS[0]: partial(of_tally, lambda work: work.worklist.counts()),
        _COUNTS[1]: partial(of_tally, lambda work: work.worklist.counts(frozenset({SITES[3]}))),
        _COUNTS[2]: partial(of_tally, lambda work: work.worklist.sites()),
        "the reader's next study": first,
        "how many wait before the one in the middle": ahead,
    }


def _asked(one: OpenList, query: WorklistQuery) -> _Asked:
    """Let the service ask, and return what it sent."""
    sent: list[_Asked] = []
    engine = one.database.engines[1]

    def hear(*call: Any) -> None:  # noqa: ANN401 - SQLAlchemy's hook
        sent.append(_Asked(call[2], call[3]))

    sa.event.listen(engine, "before_cursor_execute", hear)
    try:
        _page(one, query)
    finally:
        sa.event.remove(engine, "before_cursor_execute", hear)
    return sent[-1]


def _page(one: OpenList, query: WorklistQuery) -> object:
    with UnitOfWork(one.database.reading) as work:
        return work.worklist.page(query)


def _of_api(one: OpenList, plan: Plan) -> list[Figure]:
    with connected(plan.folder / "api", one) as connection:
        name = f"{len(one.ranked):,} open: GET /v1/worklist, whole answer"
        calls = _QUICK_CALLS if plan.quick else _CALLS
        questions = {name: partial(walls_of, partial(ask, connection), calls)}
        return _measured(one, questions, plan.rounds)


def _times(question: Callable[[], float], calls: int) -> _Walls:
    return [question() for _ in range(calls)]


def _measured(
    one: OpenList, questions: Mapping[str, Callable[[], _Walls]], rounds: int
) -> list[Figure]:
    kind = "SQLite" if one.url.startswith("sqlite") else "PostgreSQL"
    found = in_rounds(questions, rounds)
    return [
        figure_of(f"{kind}, {name}", "ms", [wall for walls in of_name for wall in walls], 1000)
        for name, of_name in found.items()
    ]


def _in_database(figure: Figure) -> bool:
    return figure.name.endswith("(database)") and "search" not in figure.name


def _ratios(kind: str, figures: Sequence[Figure]) -> Iterator[Ratio]:
    reranks = [figure for figure in figures if figure.name.endswith(_RERANK)]
    for figure in reranks[:-1]:
        names = " / ".join(one.name.partition(", ")[2].split()[0] for one in (reranks[-1], figure))
        yield Ratio.of(f"{kind}: {_RERANK}, {names}", reranks[-1], figure)
