"""Events: what happened, append-only, numbered in the order of commit, chained by hashes.

A reader that remembers the last number it saw must never find a smaller one later. SQLite
has one writer at a time; on PostgreSQL the lock of the log's head lasts to the commit and gives
the same. Numbers and the chain (:mod:`preread.chain`) come from that head, so that nobody waits
for the chain who would not have waited for a number.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from preread.chain import START, Entry, Head, link
from preread.db.studies import insert_unless_there
from preread.db.tables.base import Base
from preread.db.tables.log import EventRow, LogHeadRow

_LOG: Final = "event"
_HEAD: Final = Base.metadata.tables[LogHeadRow.__tablename__]
_AT_ONCE: Final = 1000


class EventKind(StrEnum):
    """What can happen to a study."""

    STUDY_RECEIVED = "study_received"
    STUDY_GREW = "study_grew"
    IMAGES_UNSEEN = "images_unseen"
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
        head = self._locked_head()
        previous = head.sha256
        for row, seq in zip(self._new, itertools.count(head.last_seq + 1), strict=False):
            row.seq = seq
            row.sha256 = previous = link(previous, _entry(row))
        self._session.add_all(self._new)
        self._session.flush()
        moved = {
            "first_seq": head.first_seq or self._new[0].seq,
            "last_seq": self._new[-1].seq,
            "sha256": previous,
        }
        self._session.execute(sa.update(_HEAD).where(_HEAD.c.log == _LOG).values(**moved))
        self._new.clear()

    def _locked_head(self) -> Head:
        """Return the end of the chain, locked to the end of the transaction."""
        columns = (_HEAD.c.first_seq, _HEAD.c.last_seq, _HEAD.c.sha256)
        query = sa.select(*columns).where(_HEAD.c.log == _LOG).with_for_update()
        found = self._session.execute(query).one_or_none()
        if found is None:
            # Rows from before the chain keep their numbers.
            empty = {"log": _LOG, "first_seq": 0, "last_seq": self.last_seq(), "sha256": START}
            insert_unless_there(self._session, LogHeadRow, empty)
            found = self._session.execute(query).one()
        return Head(*found)

    def head(self) -> Head | None:
        """Return the end of the chain; None if nothing was ever appended to it."""
        columns = (_HEAD.c.first_seq, _HEAD.c.last_seq, _HEAD.c.sha256)
        found = self._session.execute(sa.select(*columns).where(_HEAD.c.log == _LOG)).one_or_none()
        return None if found is None or found[0] == 0 else Head(*found)

    def chained(self, first_seq: int) -> Iterator[tuple[Entry, str | None]]:
        """Yield all entries from a number on, with their hashes, without holding them all."""
        behind = first_seq - 1
        query = sa.select(EventRow).order_by(EventRow.seq).limit(_AT_ONCE)
        while rows := self._session.scalars(query.where(EventRow.seq > behind)).all():
            for row in rows:
                yield _entry(row), row.sha256
            behind = rows[-1].seq

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


def _entry(row: EventRow) -> Entry:
    return Entry(
        seq=row.seq,
        at=row.at,
        site=row.site,
        study_id=row.study_id,
        kind=row.kind,
        actor=row.actor,
        detail=row.detail,
    )
