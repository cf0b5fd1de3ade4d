"""The worklist at 10³, 10⁴ and 10⁵ open studies: pages, counts, a re-rank, the whole answer."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Final

from benchmarks.databases import find_initdb, postgres_server
from benchmarks.figures import Figure, Ratio, Report, figure_of
from benchmarks.lists import OpenList, postgres_lists, sqlite_lists
from benchmarks.open_studies import SITES
from benchmarks.plan import Plan
from benchmarks.rounds import in_rounds, walls_of
from benchmarks.service import Connection, running_api

_SIZES: Final = (1_000, 10_000, 100_000)
_QUICK_SIZES: Final = (100, 1_000)
_CALLS: Final = 10
_SLOW_CALLS: Final = 2

_FIRST: Final = "first page of 50"
_AGAIN: Final = "first page again (A/A)"
_SITE: Final = "first page of one site"
_DEEP: Final = "page half way down"
_COUNTS: Final = "counts() over the list"
_QUIET: Final = "the reconciler's look for quiet studies"
_RERANK: Final = "re-rank of one study, committed"
_BARE: Final = "peer: first page, index dropped"
_SORT: Final = "peer: all keys fetched, sorted in Python"
_HTTP: Final = "GET /v1/worklist, whole answer"
_HTTP_SAME: Final = "GET /v1/worklist, 304 by ETag"

_Key = tuple[str, int]
_Walls = list[float]


def measure(plan: Plan) -> Report:
    """Measure all sizes, on SQLite and, where it is, on PostgreSQL."""
    sizes = _QUICK_SIZES if plan.quick else _SIZES
    with sqlite_lists(plan.folder, sizes) as lists:
        figures = {"SQLite": {**_of_database(lists, plan), **_of_api(lists, plan)}}
    initdb = find_initdb()
    if initdb is not None:
        with postgres_server(initdb) as server, postgres_lists(server, sizes) as lists:
            figures["PostgreSQL"] = _of_database(lists, plan)
    notes = (
        "wall time of one caller; a figure per call, not per round",
        "counts() runs with every page that the API gives, so the whole answer holds both",
        "what a million open studies cost is measured by the command million",
        "a peer runs on the same rows; the dropped index comes back with the rollback",
        *(() if initdb else ("PostgreSQL's server is not on this machine: left out",)),
    )
    return Report(
        name="worklist",
        checked="all pages together, at every size, are in the order of preread.ranking.rank",
        figures=tuple(figure for found in figures.values() for figure in found.values()),
        ratios=tuple(
            ratio for kind, found in figures.items() for ratio in _ratios(kind, found, sizes)
        ),
        notes=notes,
    )


def _of_database(lists: Mapping[int, OpenList], plan: Plan) -> dict[_Key, Figure]:
    for one in lists.values():
        one.check()
    kind = "SQLite" if "sqlite" in next(iter(lists.values())).url else "PostgreSQL"
    questions: dict[_Key, Callable[[], _Walls]] = {}
    for size, one in lists.items():
        for name, question in _questions(one).items():
            questions[name, size] = partial(walls_of, question, _CALLS)
        questions[_BARE, size] = partial(_walls_without_index, one)
        questions[_SORT, size] = partial(walls_of, one.sorted_in_python, _SLOW_CALLS)
    return _measured(kind, questions, plan.rounds)


def _questions(one: OpenList) -> dict[str, Callable[[], object]]:
    rng = random.Random(2)  # noqa: S311 - any study will do
    return {
        _FIRST: one.page,
        _AGAIN: one.page,
        _SITE: partial(one.page, SITES[0]),
        _DEEP: partial(one.page, None, one.middle()),
        _COUNTS: one.counts,
        _QUIET: one.quiet,
        _RERANK: partial(one.rerank, rng),
    }


def _of_api(lists: Mapping[int, OpenList], plan: Plan) -> dict[_Key, Figure]:
    with ExitStack() as stack:
        questions: dict[_Key, Callable[[], _Walls]] = {}
        for size, one in lists.items():
            connection = stack.enter_context(connected(plan.folder / f"api-{size}", one))
            tag = connection.get("/v1/worklist").headers["etag"]
            questions[_HTTP, size] = partial(walls_of, partial(ask, connection), _CALLS)
            questions[_HTTP_SAME, size] = partial(walls_of, partial(ask, connection, tag), _CALLS)
        return _measured("SQLite", questions, plan.rounds)


@contextmanager
def connected(folder: Path, one: OpenList) -> Iterator[Connection]:
    """Run the API on a database and connect to it."""
    folder.mkdir()
    with running_api(folder, one.url) as service:
        connection = service.connect()
        try:
            yield connection
        finally:
            connection.close()


def ask(connection: Connection, tag: str | None = None) -> None:
    """Ask for the worklist, and refuse what is not the answer that the tag makes expect."""
    answer = connection.get("/v1/worklist", {} if tag is None else {"If-None-Match": tag})
    expected = HTTPStatus.OK if tag is None else HTTPStatus.NOT_MODIFIED
    if answer.status != expected:
        message = f"the worklist was answered with {answer.status}"
        raise RuntimeError(message)


def _walls_without_index(one: OpenList) -> _Walls:
    with one.without_index() as page:
        return walls_of(page, _SLOW_CALLS)


def _measured(
    kind: str, questions: Mapping[_Key, Callable[[], _Walls]], rounds: int
) -> dict[_Key, Figure]:
    keys = {f"{kind}, {size:,} open: {name}": (name, size) for name, size in questions}
    found = in_rounds({title: questions[key] for title, key in keys.items()}, rounds)
    return {
        key: figure_of(title, "ms", [wall for walls in found[title] for wall in walls], 1000)
        for title, key in keys.items()
    }


def _ratios(kind: str, found: Mapping[_Key, Figure], sizes: Sequence[int]) -> Iterator[Ratio]:
    few, many = sizes[0], sizes[-1]
    for name in dict.fromkeys(name for name, _ in found if name not in {_AGAIN, _BARE, _SORT}):
        title = f"{kind}: {name}, {many:,} / {few:,} studies"
        yield Ratio.of(title, found[name, many], found[name, few])
    for peer in (_BARE, _SORT):
        title = f"{kind}, {many:,} open: {peer} / ours"
        yield Ratio.of(title, found[peer, many], found[_FIRST, many])
    yield Ratio.of(f"{kind}, {many:,} open: A/A", found[_AGAIN, many], found[_FIRST, many])
