"""What is known of sites: what an administrator said, and which ones left a trace."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from preread.db.studies import insert_unless_there
from preread.db.tables.access import ApiKeyRow, SiteRow
from preread.db.tables.ranking import BreakerRow, SiteTargetsRow
from preread.db.tables.study import RANKED, StudyRow


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """A site.

    Attributes
    ----------
    title
        Its name for people; empty where nobody gave one.
    viewer_url
        Template of the link to its viewer; empty for that of the settings.
    license
        What a reader's key must name to take its studies; None asks for none.
    changed_at, actor
        Who described it last, and when; None where nobody did.
    """

    site: str
    title: str
    viewer_url: str
    license: str | None
    changed_at: datetime | None
    actor: str | None


class SiteRepository:
    """Every question about sites themselves."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, site: str) -> SiteInfo:
        """Return a site; one that nobody described is empty."""
        row = self._session.get(SiteRow, site)
        return SiteInfo(site, "", "", None, None, None) if row is None else _info(row)

    def store(self, info: SiteInfo) -> None:
        """Store what an administrator said, in the place of what was said before."""
        columns = {
            "title": info.title,
            "viewer_url": info.viewer_url,
            "license": info.license,
            "changed_at": info.changed_at,
            "actor": info.actor,
        }
        if not insert_unless_there(self._session, SiteRow, {"site": info.site, **columns}):
            statement = sa.update(SiteRow).where(SiteRow.site == info.site).values(columns)
            self._session.execute(statement)

    def licenses(self) -> Mapping[str, str]:
        """Return the license that each site asks for, without the sites that ask for none."""
        query = sa.select(SiteRow.site, SiteRow.license).where(SiteRow.license.is_not(None))
        return {site: name for site, name in self._session.execute(query) if name is not None}

    def known(self) -> tuple[SiteInfo, ...]:
        """Return the sites that were described, or left a trace, by name.

        A trace is a key, target times, an assessed study or one that waits: a site needs no
        description to send studies.
        """
        names: set[str] = set()
        for query in (
            sa.select(SiteRow.site),
            sa.select(SiteTargetsRow.site).distinct(),
            sa.select(BreakerRow.site),
            sa.select(StudyRow.site).where(RANKED).distinct(),
        ):
            names.update(self._session.scalars(query))
        for listed in self._session.scalars(sa.select(ApiKeyRow.sites)):
            names.update(listed or ())
        return tuple(self.get(name) for name in sorted(names))


def _info(row: SiteRow) -> SiteInfo:
    return SiteInfo(
        site=row.site,
        title=row.title,
        viewer_url=row.viewer_url,
        license=row.license,
        changed_at=row.changed_at,
        actor=row.actor,
    )
