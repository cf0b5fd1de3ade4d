"""The circuit breakers of the sites, and the record of their trips and resets."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from preread.breaker import BreakerCause, Window
from preread.db.scoped import within
from preread.db.studies import insert_unless_there
from preread.db.tables.ranking import BreakerChangeRow, BreakerRow
from preread.scope import Sites


class BreakerStep(StrEnum):
    """What can happen to a breaker."""

    TRIPPED = "tripped"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Breaker:
    """The breaker of one site.

    Attributes
    ----------
    expected_share
        Of this site; None for that of the settings.
    tripped_at, tripped_by_study, cause, reason
        None while it is closed, and promotions are made.
    """

    site: str
    window: Window
    expected_share: float | None = None
    tripped_at: datetime | None = None
    tripped_by_study: str | None = None
    cause: BreakerCause | None = None
    reason: str | None = None

    @property
    def tripped(self) -> bool:
        """Whether promotions are withheld."""
        return self.tripped_at is not None


@dataclass(frozen=True, slots=True)
class BreakerChange:
    """One trip or reset, and what was counted.

    Attributes
    ----------
    flagged_count, counted
        Flagged ones of the last assessed studies; where calibration is the cause, false alarms
        of the last flagged ones.
    expected_share
        What share of them was expected.
    """

    site: str
    at: datetime
    kind: BreakerStep
    cause: BreakerCause
    actor: str
    reason: str
    flagged_count: int
    counted: int
    expected_share: float


class BreakerRepository:
    """Every question about breakers."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, site: str) -> Breaker:
        """Return the breaker of a site as it is; one that never counted is closed and empty."""
        row = self._session.get(BreakerRow, site)
        return Breaker(site, Window()) if row is None else _breaker(row)

    def locked(self, site: str) -> Breaker:
        """Return the breaker of a site, locked to the end of the transaction."""
        empty = {"site": site, "flags": ""}
        insert_unless_there(self._session, BreakerRow, empty)
        query = sa.select(BreakerRow).where(BreakerRow.site == site).with_for_update()
        query = query.execution_options(populate_existing=True)
        return _breaker(self._session.scalars(query).one())

    def store(self, breaker: Breaker) -> None:
        """Store the new state of a breaker that was read locked."""
        row = self._session.get_one(BreakerRow, breaker.site)
        row.flags = "".join("1" if flagged else "0" for flagged in breaker.window.flagged)
        row.expected_share = breaker.expected_share
        row.tripped_at = breaker.tripped_at
        row.tripped_by_study = breaker.tripped_by_study
        row.cause = breaker.cause
        row.reason = breaker.reason

    def record(self, change: BreakerChange) -> None:
        """Add a trip or a reset to the record."""
        self._session.add(
            BreakerChangeRow(
                site=change.site,
                at=change.at,
                kind=change.kind,
                cause=change.cause,
                actor=change.actor,
                reason=change.reason,
                flagged_count=change.flagged_count,
                counted=change.counted,
                expected_share=change.expected_share,
            )
        )

    def changes(self, site: str, limit: int = 20) -> tuple[BreakerChange, ...]:
        """Return the last trips and resets of a site, newest first."""
        query = sa.select(BreakerChangeRow).where(BreakerChangeRow.site == site)
        rows = self._session.scalars(query.order_by(BreakerChangeRow.id.desc()).limit(limit))
        return tuple(_change(row) for row in rows)

    def last_reset_at(self, site: str) -> datetime | None:
        """Return when a person last reset the breaker of a site."""
        query = sa.select(sa.func.max(BreakerChangeRow.at)).where(
            BreakerChangeRow.site == site, BreakerChangeRow.kind == BreakerStep.RESET
        )
        return self._session.scalars(query).one()

    def tripped(self, sites: Sites = None) -> tuple[Breaker, ...]:
        """Return the breakers that are tripped, of some sites or of all."""
        query = sa.select(BreakerRow).where(BreakerRow.tripped_at.is_not(None))
        query = query.where(*within(BreakerRow.site, sites))
        return tuple(
            _breaker(row) for row in self._session.scalars(query.order_by(BreakerRow.site))
        )

    def all(self) -> tuple[Breaker, ...]:
        """Return the breakers of all sites that ever counted a study."""
        query = sa.select(BreakerRow).order_by(BreakerRow.site)
        return tuple(_breaker(row) for row in self._session.scalars(query))


def _breaker(row: BreakerRow) -> Breaker:
    return Breaker(
        site=row.site,
        window=Window(tuple(flag == "1" for flag in row.flags)),
        expected_share=row.expected_share,
        tripped_at=row.tripped_at,
        tripped_by_study=row.tripped_by_study,
        cause=None if row.cause is None else BreakerCause(row.cause),
        reason=row.reason,
    )


def _change(row: BreakerChangeRow) -> BreakerChange:
    return BreakerChange(
        site=row.site,
        at=row.at,
        kind=BreakerStep(row.kind),
        cause=BreakerCause(row.cause),
        actor=row.actor,
        reason=row.reason,
        flagged_count=row.flagged_count,
        counted=row.counted,
        expected_share=row.expected_share,
    )
