"""The worklist: one indexed ORDER BY, a page at a time, and its counts."""

from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from preread.db.scoped import within
from preread.db.studies import study_of
from preread.db.tables import RANKED, UNSETTLED, StudyRow
from preread.ranking import DEFAULT_POLICY
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


@dataclass(frozen=True, slots=True)
class WorklistCounts:
    """How many studies are in which condition."""

    waiting: int
    flagged: int
    critical: int
    pending: int
    failed: int
    not_assessed: int
    receiving: int
    claimed: int
    on_hold: int
    reopened: int
    second_requested: int


_COUNTED: Final = (
    ReadState.CLAIMED,
    ReadState.CLAIMED_SECOND,
    ReadState.ON_HOLD,
    ReadState.REOPENED,
    ReadState.SECOND_REQUESTED,
)
"""States off the list that somebody has to end."""


class WorklistRepository:
    """Every question about the list as a whole."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def page(self, query: WorklistQuery) -> WorklistPage:
        """Return a page in the order of :func:`preread.ranking.sort_key`."""
        statement = sa.select(StudyRow).where(*_conditions(query)).order_by(*_ORDER)
        if query.after is not None:
            statement = statement.where(sa.tuple_(*_ORDER) > _at(query.after))
        lists = [
            self._session.scalars(statement.where(*only).limit(query.limit + 1))
            for only in _each_site(query.sites)
        ]
        rows = list(islice(merge(*lists, key=_key), query.limit + 1))
        page = rows[: query.limit]
        more = len(rows) > query.limit
        return WorklistPage(
            studies=tuple(study_of(row) for row in page),
            next_cursor=_cursor(page[-1]) if more else None,
        )

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
        tops = [first.where(*only) for only in _each_site(query.sites)]
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
        # Grouped in the order of its index, the count is one walk over that index.
        kinds = (StudyRow.rank_level, StudyRow.ai_state)
        one_site = sites is not None and len(sites) == 1
        group = kinds if one_site else (StudyRow.site, *kinds)
        waiting = sa.select(*kinds, sa.func.count()).where(RANKED).group_by(*group)
        receiving = sa.select(sa.func.count()).where(UNSETTLED, StudyRow.completed_at.is_(None))
        elsewhere = (
            sa.select(StudyRow.read_state, sa.func.count())
            .where(StudyRow.read_state.in_(_COUNTED))
            .group_by(StudyRow.read_state)
        )
        scope = within(StudyRow.site, sites)
        waiting, receiving, elsewhere = (
            waiting.where(*scope),
            receiving.where(*scope),
            elsewhere.where(*scope),
        )
        rows = self._session.execute(waiting).all()
        off = {ReadState(state): number for state, number in self._session.execute(elsewhere)}
        pending = (AiState.RECEIVING, AiState.QUEUED, AiState.RUNNING)
        return WorklistCounts(
            waiting=sum(number for *_, number in rows),
            flagged=sum(number for level, _, number in rows if level in FLAGGED),
            critical=sum(number for level, _, number in rows if level == Level.CRITICAL),
            pending=sum(number for _, state, number in rows if state in pending),
            failed=sum(number for _, state, number in rows if state == AiState.FAILED),
            not_assessed=sum(number for _, state, number in rows if state == AiState.NOT_ASSESSED),
            receiving=self._session.scalars(receiving).one(),
            claimed=off.get(ReadState.CLAIMED, 0) + off.get(ReadState.CLAIMED_SECOND, 0),
            on_hold=off.get(ReadState.ON_HOLD, 0),
            reopened=off.get(ReadState.REOPENED, 0),
            second_requested=off.get(ReadState.SECOND_REQUESTED, 0),
        )

    def sites(self, sites: Sites = None) -> tuple[str, ...]:
        """Return those of some sites of which studies wait, by name."""
        query = sa.select(StudyRow.site).where(RANKED, *within(StudyRow.site, sites))
        query = query.distinct().order_by(StudyRow.site)
        return tuple(self._session.scalars(query))


def _each_site(sites: Sites) -> list[list[sa.ColumnElement[bool]]]:
    """Return the conditions that walk the list of each site in its own order.

    The lists of several sites are merged: an index gives the order of one site or of all.
    """
    if sites is None:
        return [[]]
    return [[StudyRow.site == site] for site in sorted(sites)]


def _key(row: StudyRow) -> tuple[int, int, int, str]:
    return row.lane, row.key_ms, row.t0_ms, row.id


def _conditions(query: WorklistQuery) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]]
    if query.receiving:
        conditions = [UNSETTLED, StudyRow.completed_at.is_(None)]
    elif query.read_state is ReadState.UNREAD:
        conditions = [RANKED]
    else:
        conditions = [StudyRow.read_state == query.read_state]
    if query.order_class is not None:
        conditions.append(StudyRow.order_class == query.order_class)
    if query.ai_state is not None:
        conditions.append(StudyRow.ai_state == query.ai_state)
    if query.level is not None:
        conditions.append(StudyRow.level == query.level)
        if query.level not in DEFAULT_POLICY.promotions:
            # «None» and «not assessed» are only said of all the images of a study.
            conditions.append(StudyRow.ai_state.in_((AiState.SUCCEEDED, AiState.NOT_ASSESSED)))
    if query.flagged:
        conditions.append(StudyRow.rank_level.in_(FLAGGED))
    return conditions + _contents(query)


def _contents(query: WorklistQuery) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that no index answers: only the rows of the list are searched."""
    conditions = []
    if query.accession is not None:
        conditions.append(StudyRow.accession_number.istartswith(query.accession, autoescape=True))
    if query.finding is not None:
        # The types stand in a short JSON list; its text is searched for the closed word.
        conditions.append(sa.cast(StudyRow.findings, sa.Text).contains(f'"{query.finding.value}"'))
    return conditions


def _at(cursor: Cursor) -> sa.Tuple:
    return sa.tuple_(cursor.lane, cursor.key_ms, cursor.t0_ms, cursor.study_id)


def _cursor(row: StudyRow) -> Cursor:
    return Cursor(row.lane, row.key_ms, row.t0_ms, row.id)
