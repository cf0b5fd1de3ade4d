"""Events: what happened, append-only, numbered in the order of commit.

A reader that remembers the last number it saw must never find a smaller one later. SQLite
has one writer at a time; on PostgreSQL a lock that lasts to the commit gives the same.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from preread.db.tables import EventRow

_LOCK: Final = 0x50524552  # any constant; «PRER»


class EventKind(StrEnum):
    """What can happen to a study."""

    STUDY_RECEIVED = "study_received"
    STUDY_GREW = "study_grew"
    STUDY_COMPLETED = "study_completed"
    ORDER_RAISED = "order_raised"
    PRE_READ_STARTED = "pre_read_started"
    PRE_READ_RETURNED = "pre_read_returned"
    PRE_READ_SUCCEEDED = "pre_read_succeeded"
    PRE_READ_NOT_ASSESSED = "pre_read_not_assessed"
    PRE_READ_FAILED = "pre_read_failed"
    PRE_READ_RETRIED = "pre_read_retried"
    RANK_CHANGED = "rank_changed"
    REPORTED = "reported"
    FLAGGED_AFTER_REPORT = "flagged_after_report"
    FLAGGED_AFTER_CLAIM = "flagged_after_claim"
    CLAIMED = "claimed"
    RELEASED = "released"
    CLAIM_EXPIRED = "claim_expired"
    TAKEN_OVER = "taken_over"
    ASSIGNED = "assigned"
    ASSIGNMENT_EXPIRED = "assignment_expired"
    HELD = "held"
    RESUMED = "resumed"
    PINNED = "pinned"
    UNPINNED = "unpinned"
    PIN_EXPIRED = "pin_expired"
    CANCELLED = "cancelled"
    REOPENED = "reopened"
    SECOND_READ_REQUESTED = "second_read_requested"
    SECOND_READ_WITHDRAWN = "second_read_withdrawn"
    ALERT_RAISED = "alert_raised"
    ALERT_NAGGED = "alert_nagged"
    ALERT_ESCALATED = "alert_escalated"
    ALERT_CLOSED = "alert_closed"
    BREAKER_TRIPPED = "breaker_tripped"
    BREAKER_RESET = "breaker_reset"
    POLICY_ACTIVATED = "policy_activated"
    POLICY_REVERTED = "policy_reverted"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened."""

    seq: int
    at: datetime
    site: str
    study_id: str
    kind: EventKind
    actor: str
    detail: dict[str, Any]


class EventRepository:
    """Appends at the commit and reads in order."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._new: list[EventRow] = []

    def append(
        self,
        kind: EventKind,
        *,
        study_id: str,
        site: str,
        actor: str,
        at: datetime,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Remember an event; it is written when the unit of work commits."""
        self._new.append(
            EventRow(
                at=at, site=site, study_id=study_id, kind=kind, actor=actor, detail=detail or {}
            )
        )

    def flush(self) -> None:
        """Write what was appended, after everything else of the transaction."""
        if not self._new:
            return
        self._session.flush()
        if self._session.get_bind().dialect.name == "postgresql":
            self._session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        for row in self._new:  # one by one: the numbers follow the order of appending
            self._session.add(row)
            self._session.flush()
        self._new.clear()

    def after(self, seq: int, limit: int = 500) -> tuple[Event, ...]:
        """Return the next events behind a number."""
        query = sa.select(EventRow).where(EventRow.seq > seq).order_by(EventRow.seq).limit(limit)
        return tuple(_event(row) for row in self._session.scalars(query))

    def of_study(self, study_id: str) -> tuple[Event, ...]:
        """Return all events of one study."""
        query = sa.select(EventRow).where(EventRow.study_id == study_id).order_by(EventRow.seq)
        return tuple(_event(row) for row in self._session.scalars(query))

    def last_seq(self) -> int:
        """Return the number of the newest event, 0 if there is none."""
        return self._session.scalars(sa.select(sa.func.max(EventRow.seq))).one() or 0


def _event(row: EventRow) -> Event:
    return Event(
        seq=row.seq,
        at=row.at,
        site=row.site,
        study_id=row.study_id,
        kind=EventKind(row.kind),
        actor=row.actor,
        detail=row.detail,
    )
