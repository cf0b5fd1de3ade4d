"""Alerts: one row per revision of a study that called for attention."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from preread.alarms import AlertEnd, AlertKind, AlertStage
from preread.db.scoped import within
from preread.db.studies import insert_unless_there
from preread.db.tables.readers import OPEN, AlertRow
from preread.errors import AlertNotFound
from preread.scope import Sites, covers
from preread.terms import Level


@dataclass(frozen=True, slots=True)
class Alert:
    """A call for attention.

    Attributes
    ----------
    addressee
        ID of the key that has the study in hand; None calls all readers of the site.
    closed_by, closed_name
        The key that ended it, and the name of the person.
    """

    id: int
    study_id: str
    revision: int
    site: str
    kind: AlertKind
    level: Level
    raised_at: datetime
    addressee: str | None
    stage: AlertStage
    stage_at: datetime
    closed_at: datetime | None
    closed_how: AlertEnd | None
    closed_by: str | None
    closed_name: str | None


class AlertRepository:
    """Every question about alerts."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: AlertRow) -> int | None:
        """Add an alert and return its number; None if this revision has called before."""
        columns = {
            column.key: getattr(row, column.key)
            for column in sa.inspect(AlertRow).column_attrs
            if column.key != "id"
        }
        if not insert_unless_there(self._session, AlertRow, columns):
            return None
        query = sa.select(AlertRow.id).where(
            AlertRow.study_id == row.study_id, AlertRow.revision == row.revision
        )
        return self._session.scalars(query).one()

    def of_study(self, study_id: str) -> tuple[AlertRow, ...]:
        """Return the open alerts of a study; whoever changes one holds the study's lock."""
        query = sa.select(AlertRow).where(AlertRow.study_id == study_id, OPEN)
        return tuple(self._session.scalars(query.order_by(AlertRow.id)))

    def get(self, alert_id: int, *, sites: Sites) -> AlertRow:
        """Return an alert, read anew.

        Raises
        ------
        AlertNotFound
            If there is none, or it belongs to another site.
        """
        row = self._session.get(AlertRow, alert_id, populate_existing=True)
        if row is None or not covers(sites, row.site):
            message = "There is no such alert."
            raise AlertNotFound(message)
        return row

    def listed(
        self, *, sites: Sites, only_open: bool = True, limit: int = 200
    ) -> tuple[Alert, ...]:
        """Return alerts, oldest first while they are open, newest first otherwise."""
        query = sa.select(AlertRow).limit(limit)
        if only_open:
            query = query.where(OPEN).order_by(AlertRow.raised_at, AlertRow.id)
        else:
            query = query.order_by(AlertRow.id.desc())
        query = query.where(*within(AlertRow.site, sites))
        return tuple(alert_of(row) for row in self._session.scalars(query))

    def open_not_escalated(self, raised_before: datetime) -> tuple[tuple[int, str], ...]:
        """Return number and study of the open alerts that may have to go on."""
        query = sa.select(AlertRow.id, AlertRow.study_id).where(
            OPEN, AlertRow.raised_at <= raised_before, AlertRow.stage != AlertStage.ESCALATED
        )
        return tuple((number, study_id) for number, study_id in self._session.execute(query))


def alert_of(row: AlertRow) -> Alert:
    """Return the frozen value of a row."""
    return Alert(
        id=row.id,
        study_id=row.study_id,
        revision=row.revision,
        site=row.site,
        kind=AlertKind(row.kind),
        level=Level(row.level),
        raised_at=row.raised_at,
        addressee=row.addressee,
        stage=AlertStage(row.stage),
        stage_at=row.stage_at,
        closed_at=row.closed_at,
        closed_how=None if row.closed_how is None else AlertEnd(row.closed_how),
        closed_by=row.closed_by,
        closed_name=row.closed_name,
    )
