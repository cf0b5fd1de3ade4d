"""What final reports closed: the intervals, the places and the claims, as they were then.

A ledger entry is written with each report and never changed: a pre-read that comes later, or a
new target of the site, does not rewrite what the reader was asked to do at the time.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from preread.db.events import EventKind
from preread.db.scoped import within
from preread.db.tables.log import EventRow
from preread.db.tables.pre_reads import InstanceRow
from preread.db.tables.readers import ReportRow
from preread.db.tables.study import StudyRow
from preread.fairness import Pick, Read
from preread.ledger import LedgerLine
from preread.ranking import from_ms, to_ms
from preread.scope import Sites
from preread.study import ReadState
from preread.terms import Level, OrderClass
from preread.turnaround import Hold, Turnaround

_FINAL: Final = ReadState.FINAL.value
_PRELIMINARY: Final = ReadState.PRELIMINARY.value


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a study stood when it was first reported.

    Attributes
    ----------
    due_ms, taken_ms, first_report_ms
        When it was due, claimed (or reported, without a claim), and first reported.
    key_ms, unaided_key_ms
        Its place, and that which it would have had without any pre-read.
    """

    due_ms: int
    taken_ms: int
    first_report_ms: int
    key_ms: int
    unaided_key_ms: int


@dataclass(frozen=True, slots=True)
class FirstReport:
    """The first report of a study, preliminary or final, and when it was claimed for it."""

    reported_at: datetime
    claimed_at: datetime | None
    standing: Standing


@dataclass(frozen=True, slots=True)
class LedgerQuery:
    """Which first final reports: ``since`` up to, but without, ``until``; None for all."""

    since: datetime
    until: datetime
    sites: Sites = None
    order_class: OrderClass | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """One study that was finally reported."""

    line: LedgerLine
    scanner: str | None
    read: Read


def entry(spent: Turnaround, standing: Standing) -> dict[str, Any]:
    """Return what is stored with a report."""
    return {**asdict(spent), "standing": asdict(standing)}


class LedgerRepository:
    """Every question about reports, taken together."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def first_report(self, study_id: str) -> FirstReport | None:
        """Return the first report of a study, if it has one."""
        query = (
            sa.select(ReportRow, StudyRow)
            .join(StudyRow, StudyRow.id == ReportRow.study_id)
            .where(ReportRow.study_id == study_id, ReportRow.kind.in_((_PRELIMINARY, _FINAL)))
            .order_by(ReportRow.id)
            .limit(1)
        )
        found = self._session.execute(query).first()
        if found is None:
            return None
        report, study = found
        standing = _standing(report, study)
        claimed = bool(report.turnaround.get("read_known"))
        claimed_at = from_ms(standing.taken_ms) if claimed else None
        return FirstReport(report.reported_at, claimed_at, standing)

    def transferred_at(self, study_id: str, completed_at: datetime) -> datetime | None:
        """Return when the last instance came of what was complete first."""
        query = sa.select(sa.func.max(InstanceRow.received_at)).where(
            InstanceRow.study_id == study_id, InstanceRow.received_at <= completed_at
        )
        return self._session.scalars(query).one()

    def closed(self, query: LedgerQuery) -> tuple[Closed, ...]:
        """Return the studies whose first final report fell into a time, in its order."""
        earlier = aliased(ReportRow)
        is_first = ~sa.exists().where(
            earlier.study_id == ReportRow.study_id,
            earlier.kind == _FINAL,
            earlier.id < ReportRow.id,
        )
        statement = (
            sa.select(ReportRow, StudyRow)
            .join(StudyRow, StudyRow.id == ReportRow.study_id)
            .where(
                ReportRow.kind == _FINAL,
                ReportRow.reported_at >= query.since,
                ReportRow.reported_at < query.until,
                is_first,
            )
            .order_by(ReportRow.reported_at, ReportRow.id)
        )
        statement = statement.where(*within(StudyRow.site, query.sites))
        if query.order_class is not None:
            statement = statement.where(StudyRow.order_class == query.order_class)
        rows = self._session.execute(statement).all()
        return tuple(_closed(report, study) for report, study in rows)

    def holds(self, study_id: str) -> tuple[Hold, ...]:
        """Return the holds of a study that ended."""
        return tuple(self._holds(study_id))

    def picks(self, query: LedgerQuery) -> tuple[Pick, ...]:
        """Return the claims of studies that waited on the list, in order.

        What the list itself gave out skipped nothing, whoever else a study before it is left to.
        """
        statement = sa.select(EventRow).where(
            EventRow.kind == EventKind.CLAIMED,
            EventRow.at >= query.since,
            EventRow.at < query.until,
        )
        statement = statement.where(*within(EventRow.site, query.sites))
        return tuple(
            Pick(event.actor, event.at, int(event.detail["rank"]) - 1)
            for event in self._session.scalars(statement.order_by(EventRow.seq))
            if event.detail.get("rank") is not None
        )

    def _holds(self, study_id: str) -> Iterator[Hold]:
        query = (
            sa.select(EventRow.kind, EventRow.at)
            .where(
                EventRow.study_id == study_id,
                EventRow.kind.in_((EventKind.HELD, EventKind.RESUMED)),
            )
            .order_by(EventRow.seq)
        )
        since: datetime | None = None
        for kind, at in self._session.execute(query):
            if kind == EventKind.HELD:
                since = at
            elif since is not None:
                yield since, at
                since = None


def _closed(report: ReportRow, study: StudyRow) -> Closed:
    stored = report.turnaround
    spent = Turnaround(**{field.name: stored.get(field.name, 0) for field in fields(Turnaround)})
    standing = _standing(report, study)
    level = None if study.rank_level is None else Level(study.rank_level)
    return Closed(
        line=LedgerLine(
            study_id=study.id,
            site=study.site,
            order_class=OrderClass(study.order_class),
            level=level,
            received_at=study.received_at,
            completed_at=from_ms(study.t0_ms),
            due_at=from_ms(standing.due_ms),
            reported_at=report.reported_at,
            late_s=(standing.first_report_ms - standing.due_ms) / 1000,
            spent=spent,
        ),
        scanner=study.scanner,
        read=Read(
            promoted=standing.key_ms < standing.unaided_key_ms,
            t0_ms=study.t0_ms,
            read_ms=standing.taken_ms,
            key_ms=standing.key_ms,
            unaided_key_ms=standing.unaided_key_ms,
        ),
    )


def _standing(report: ReportRow, study: StudyRow) -> Standing:
    """Return where a study stood; reports older than the ledger say nothing, so it stands still."""
    stored = report.turnaround.get("standing")
    if stored is not None:
        return Standing(**stored)
    reported_ms = to_ms(report.reported_at)
    due_ms = reported_ms if study.due_at is None else to_ms(study.due_at)
    return Standing(due_ms, reported_ms, reported_ms, study.key_ms, study.key_ms)
