"""Target times of sites, in versions; nothing is ever changed or taken away."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from preread.db.tables.ranking import SiteTargetsRow
from preread.terms import OrderClass


@dataclass(frozen=True, slots=True)
class SiteTargets:
    """One version of the minutes from completion to the read that a site promises."""

    site: str
    version: int
    order_target_min: Mapping[OrderClass, int]
    created_at: datetime
    actor: str


class TargetsRepository:
    """Every question about targets."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def minutes(self, site: str, version: int) -> Mapping[OrderClass, int]:
        """Return what a site promised in one version."""
        return _targets(self._session.get_one(SiteTargetsRow, (site, version))).order_target_min

    def newest_version(self, site: str) -> int | None:
        """Return the number of a site's newest version, None if it has none."""
        query = sa.select(sa.func.max(SiteTargetsRow.version)).where(SiteTargetsRow.site == site)
        return self._session.scalars(query).one()

    def versions(self, site: str) -> tuple[SiteTargets, ...]:
        """Return all versions of a site's targets, oldest first."""
        query = (
            sa.select(SiteTargetsRow)
            .where(SiteTargetsRow.site == site)
            .order_by(SiteTargetsRow.version)
        )
        return tuple(_targets(row) for row in self._session.scalars(query))

    def lock(self, site: str) -> None:
        """Let one transaction at a time make versions of a site's targets."""
        # SQLite: BEGIN IMMEDIATE already keeps a second one waiting.
        if self._session.get_bind().dialect.name == "postgresql":
            self._session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(site))))

    def add(self, targets: SiteTargets) -> None:
        """Add a version."""
        minutes = {order.value: minutes for order, minutes in targets.order_target_min.items()}
        self._session.add(
            SiteTargetsRow(
                site=targets.site,
                version=targets.version,
                order_target_min=minutes,
                created_at=targets.created_at,
                actor=targets.actor,
            )
        )


def _targets(row: SiteTargetsRow) -> SiteTargets:
    minutes = {OrderClass(order): value for order, value in row.order_target_min.items()}
    return SiteTargets(row.site, row.version, minutes, row.created_at, row.actor)
