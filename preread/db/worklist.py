"""The worklist: one indexed ORDER BY, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from preread.db.scoped import within
from preread.db.studies import study_of
from preread.db.tables.study import (
    FLAGGED_WAITING,
    RANKED,
    RANKED_TOO,
    UNSETTLED,
    StudyRow,
    has_finding,
)
from preread.db.tally import Tally, WorklistCounts, counts_of
from preread.policy import DEFAULT_POLICY
from preread.ranking import NORMAL_LANE
from preread.scope import Sites
from preread.study import AiState, ReadState, Study
from preread.terms import FLAGGED, HemorrhageType, Level, OrderClass

_ORDER: Final = (StudyRow.lane, StudyRow.key_ms, StudyRow.t0_ms, StudyRow.id)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page; the next page starts behind it."""

    lane: int
    key_ms: int
    t0_ms: int
    study_id: str


@dataclass(frozen=True, slots=True)
class WorklistQuery:
    """What to list. None leaves a filter out.

    ``read_state`` UNREAD lists the ranked studies; the others list what left the list.
    ``receiving`` lists instead the studies that were never complete yet. ``accession`` is how
    an accession number begins.
    """

    sites: Sites = None
    order_class: OrderClass | None = None
    ai_state: AiState | None = None
    read_state: ReadState = ReadState.UNREAD
    receiving: bool = False
    level: Level | None = None
    flagged: bool = False
    finding: HemorrhageType | None = None
    accession: str | None = None
    limit: int = 50
    after: Cursor | None = None


@dataclass(frozen=True, slots=True)
class NextQuery:
    """Which of the waiting studies a reader takes from. None leaves a filter out.

    ``license`` is that of the sites to take from; ``barred`` are sites that ask for one which the
    reader does not have. The repository knows sites only: see :func:`preread.claims.claim_first`.
    """

    sites: Sites = None
    modality: str | None = None
    license: str | None = None
    barred: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class WorklistPage:
    """One page in reading order, and whether more follow."""

    studies: tuple[Study, ...]
    next_cursor: Cursor | None


class WorklistRepository:
    """Every question about the list as a whole."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def page(self, query: WorklistQuery) -> WorklistPage:
        """Return a page in the order of :func:`preread.ranking.sort_key`."""
        lists = [self._behind(query, only) for only in _each(query.sites)]
        rows = list(islice(merge(*lists, key=_key), query.limit + 1))
        page = rows[: query.limit]
        more = len(rows) > query.limit
        return WorklistPage(
            studies=tuple(study_of(row) for row in page),
            next_cursor=_cursor(page[-1]) if more else None,
        )

    def _behind(self, query: WorklistQuery, site: str | None) -> list[StudyRow]:
        """Return one row more than the page has, so that it is known whether any follow.

        The lists of several sites are merged: an index gives the order of one site or of all.

        Each lane is asked for by itself: comparing lane and key at once, PostgreSQL expects
        nothing behind a row of the last lane, and walks the whole list to find a rare filter.
        """
        conditions = [*_conditions(query), *_at_site(query, site)]
        statement = sa.select(StudyRow).where(*conditions).order_by(*_ORDER)
        wanted, after = query.limit + 1, query.after
        if after is None:
            return list(self._session.scalars(statement.limit(wanted)))
        place = sa.tuple_(StudyRow.key_ms, StudyRow.t0_ms, StudyRow.id)
        at = sa.tuple_(after.key_ms, after.t0_ms, after.study_id)
        same = statement.where(StudyRow.lane == after.lane, place > at)
        rows = list(self._session.scalars(same.limit(wanted)))
        if len(rows) < wanted and after.lane < NORMAL_LANE:
            later = statement.where(StudyRow.lane > after.lane)
            rows += self._session.scalars(later.limit(wanted - len(rows)))
        return rows

    def first_for(self, query: NextQuery, key_id: str, now: datetime) -> StudyRow | None:
        """Return the first waiting study that is not left to another reader, locked.

        A row that somebody else is claiming at this moment is passed over, not waited for.
        """
        free = sa.or_(
            StudyRow.assigned_to.is_(None),
            StudyRow.assigned_to == key_id,
            StudyRow.assigned_until <= now,
        )
        conditions = [RANKED, free]
        if query.modality is not None:
            conditions.append(StudyRow.modality == query.modality)
        if query.barred:
            conditions.append(StudyRow.site.not_in(sorted(query.barred)))
        first = sa.select(StudyRow).where(*conditions).order_by(*_ORDER).limit(1)
        tops = [
            first if site is None else first.where(StudyRow.site == site)
            for site in _each(query.sites)
        ]
        if len(tops) == 1:
            return self._session.scalars(tops[0].with_for_update(skip_locked=True)).first()
        tried: set[str] = set()
        while True:
            untried = StudyRow.id.not_in(sorted(tried))
            found = [self._session.scalars(top.where(untried)).first() for top in tops]
            waiting = [row for row in found if row is not None]
            if not waiting:
                return None
            best = min(waiting, key=_key)
            chosen = first.where(StudyRow.id == best.id).with_for_update(skip_locked=True)
            chosen = chosen.execution_options(populate_existing=True)
            row = self._session.scalars(chosen).first()
            if row is not None:
                return row
            tried.add(best.id)  # somebody is claiming it at this moment

    def ahead_of(self, row: StudyRow, sites: Sites) -> int:
        """Return how many waiting studies, of some sites or of all, are to be read before one."""
        conditions = [
            RANKED,
            sa.tuple_(*_ORDER) < _at(_cursor(row)),
            *within(StudyRow.site, sites),
        ]
        return self._session.scalars(sa.select(sa.func.count()).where(*conditions)).one()

    def counts(self, sites: Sites = None) -> WorklistCounts:
        """Return the counts over all studies that wait, or are still being received."""
        return counts_of(Tally(self._session).conditions(sites))

    def sites(self, sites: Sites = None) -> tuple[str, ...]:
        """Return those of some sites of which studies wait, by name."""
        return Tally(self._session).sites_waiting(sites)


def _each(sites: Sites) -> Sequence[str | None]:
    """Return each site by itself; None stands for all of them."""
    return [None] if sites is None else sorted(sites)


def _key(row: StudyRow) -> tuple[int, int, int, str]:
    return row.lane, row.key_ms, row.t0_ms, row.id


def _conditions(query: WorklistQuery) -> list[sa.ColumnElement[bool]]:
    conditions = _list_of(query)
    if query.order_class is not None:
        conditions.append(StudyRow.order_class == query.order_class)
    if query.ai_state is not None:
        conditions.append(StudyRow.ai_state == query.ai_state)
    if query.level is not None:
        conditions.append(StudyRow.level == query.level)
        if query.level not in DEFAULT_POLICY.promotions:
            # «None» and «not assessed» are only said of all the images of a study.
            conditions.append(StudyRow.ai_state.in_((AiState.SUCCEEDED, AiState.NOT_ASSESSED)))
    if query.accession is not None:  # no index answers this: the rows of the list are searched
        conditions.append(StudyRow.accession_number.istartswith(query.accession, autoescape=True))
    return conditions


def _at_site(query: WorklistQuery, site: str | None) -> list[sa.ColumnElement[bool]]:
    if site is None:
        return []
    # No type has an index by site. SQLite would take that of the studies' UIDs, for its site,
    # and sort all of them; a site that is put together is looked up in none.
    column = StudyRow.site if query.finding is None else StudyRow.site.concat("")
    return [column == site]


def _list_of(query: WorklistQuery) -> list[sa.ColumnElement[bool]]:
    """Return which list is asked for, in the words of the smallest index that holds it."""
    flagged = [StudyRow.rank_level.in_(FLAGGED)] if query.flagged else []
    found = [] if query.finding is None else [has_finding(query.finding)]
    if query.receiving:
        return [UNSETTLED, StudyRow.completed_at.is_(None), *flagged, *found]
    if query.read_state is not ReadState.UNREAD:
        return [StudyRow.read_state == query.read_state, *flagged, *found]
    if found:
        return [RANKED_TOO, *found, *flagged]
    return [FLAGGED_WAITING if query.flagged else RANKED]


def _at(cursor: Cursor) -> sa.Tuple:
    return sa.tuple_(cursor.lane, cursor.key_ms, cursor.t0_ms, cursor.study_id)


def _cursor(row: StudyRow) -> Cursor:
    return Cursor(row.lane, row.key_ms, row.t0_ms, row.id)
