"""Worklists of several sizes in one kind of database, and the questions asked of each."""

import heapq
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from benchmarks.databases import create_database, migrated, sqlite_url
from benchmarks.open_studies import SITES, fill
from preread.db.engine import Database
from preread.db.placing import place_study
from preread.db.tables.study import StudyRow
from preread.db.unit_of_work import UnitOfWork
from preread.db.worklist import Cursor, WorklistPage, WorklistQuery
from preread.ranking import WorklistEntry, rank
from preread.terms import Level

PAGE: Final = 50
_CHECK_PAGE: Final = 1_000
_INDEXES: Final = ("ix_study_worklist", "ix_study_worklist_site")
_NOW: Final = datetime(2026, 2, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class OpenList:
    """One database full of open studies.

    Attributes
    ----------
    ranked
        All of them in the order of :func:`preread.ranking.rank`.
    url
        Of the database.
    """

    database: Database
    ranked: tuple[WorklistEntry, ...]
    url: str

    def page(self, site: str | None = None, after: Cursor | None = None) -> WorklistPage:
        """Return a page, as the API asks for it."""
        with UnitOfWork(self.database.reading) as work:
            sites = None if site is None else frozenset({site})
            return work.worklist.page(WorklistQuery(sites=sites, limit=PAGE, after=after))

    def counts(self) -> int:
        """Return how many wait; all counts are asked, as the API does with each page."""
        with UnitOfWork(self.database.reading) as work:
            return work.worklist.counts().waiting

    def quiet(self) -> int:
        """Return how many studies wait to be complete, as the reconciler asks every second."""
        with UnitOfWork(self.database.reading) as work:
            return len(work.studies.ids_to_settle(quiet_since=_NOW, open_since=_NOW))

    def rerank(self, rng: random.Random) -> None:
        """Change what a pre-read said of one study, and commit its new place."""
        study_id = rng.choice(self.ranked).study_id
        with UnitOfWork(self.database.writing) as work:
            row = work.studies.locked(study_id)
            other = Level.NONE if row.rank_level == Level.SUSPECTED else Level.SUSPECTED
            row.rank_level = row.level = other  # both, or the place might stay
            place_study(work, row, actor="benchmark", cause="benchmark", now=_NOW)
            work.commit()

    def sorted_in_python(self) -> list[str]:
        """Return the first IDs by fetching every key and choosing here."""
        columns = (StudyRow.lane, StudyRow.key_ms, StudyRow.t0_ms, StudyRow.id)
        with self.database.reading() as session:
            rows = session.execute(sa.select(*columns).where(StudyRow.ranked))
            keys: list[tuple[int, int, int, str]] = [(*row,) for row in rows]
        return [study_id for *_, study_id in heapq.nsmallest(PAGE, keys)]

    @contextmanager
    def without_index(self) -> Iterator[Callable[[], WorklistPage]]:
        """Drop the indexes of the order, give the first page's question, and roll back."""
        with UnitOfWork(self.database.writing) as work:
            for name in _INDEXES:
                work.session.execute(sa.text(f"DROP INDEX {name}"))
            yield lambda: work.worklist.page(WorklistQuery(limit=PAGE))

    def middle(self) -> Cursor:
        """Return a cursor half way down."""
        return self.cursor(len(self.ranked) // 2)

    def cursor(self, position: int) -> Cursor:
        """Return the cursor at a position, from 0."""
        entry = self.ranked[position]
        return Cursor(entry.place.lane, entry.place.key_ms, entry.place.t0_ms, entry.study_id)

    def spot_check(self, places: int = 20) -> None:
        """Compare pages at some places with the pure order.

        Raises
        ------
        ValueError
            If one differs.
        """
        size = len(self.ranked)
        for start in range(0, size, max(1, size // places)):
            after = self.cursor(start - 1) if start else None
            expected = [entry.study_id for entry in self.ranked[start : start + PAGE]]
            if [study.id for study in self.page(after=after).studies] != expected:
                message = f"the page behind place {start} is not in the order of rank()"
                raise ValueError(message)

    def check(self) -> None:
        """Compare all pages together with the pure order.

        Raises
        ------
        ValueError
            If they differ, or a page by site, or the plain sort does.
        """
        ids = [entry.study_id for entry in self.ranked]
        if self._all_pages() != ids:
            message = f"the pages of {len(ids)} studies are not in the order of rank()"
            raise ValueError(message)
        with self.without_index() as page:
            scanned = [study.id for study in page().studies]
        if scanned != ids[:PAGE] or self.sorted_in_python() != ids[:PAGE]:
            message = "a peer gives another first page"
            raise ValueError(message)
        if {study.site for study in self.page(SITES[0]).studies} != {SITES[0]}:
            message = "a page by site shows other sites"
            raise ValueError(message)

    def _all_pages(self) -> list[str]:
        ids: list[str] = []
        query = WorklistQuery(limit=_CHECK_PAGE)
        with UnitOfWork(self.database.reading) as work:
            while True:
                page = work.worklist.page(query)
                ids += [study.id for study in page.studies]
                if page.next_cursor is None:
                    return ids
                query = WorklistQuery(limit=_CHECK_PAGE, after=page.next_cursor)


@contextmanager
def sqlite_lists(folder: Path, sizes: Sequence[int]) -> Iterator[dict[int, OpenList]]:
    """Fill one SQLite file per size."""
    with ExitStack() as stack:
        found = {}
        for size in sizes:
            place = folder / str(size)
            place.mkdir()
            found[size] = _filled(stack, sqlite_url(place), size)
        yield found


@contextmanager
def postgres_lists(server: sa.URL, sizes: Sequence[int]) -> Iterator[dict[int, OpenList]]:
    """Fill one PostgreSQL database per size."""
    with ExitStack() as stack:
        yield {size: _filled(stack, create_database(server, f"list{size}"), size) for size in sizes}


def _filled(stack: ExitStack, url: str, size: int) -> OpenList:
    database = stack.enter_context(migrated(url))
    entries = fill(database, size)
    # As autovacuum does some minutes after such a load; SQLite plans the same without.
    if database.engine.dialect.name == "postgresql":
        with database.engine.connect().execution_options(
            isolation_level="AUTOCOMMIT"
        ) as connection:
            connection.execute(sa.text("VACUUM ANALYZE study"))
            # A million studies at once left a million rows in it, of which none is valid any more.
            connection.execute(sa.text("VACUUM FULL ANALYZE worklist_tally"))
    return OpenList(database, tuple(rank(entries)), url)
