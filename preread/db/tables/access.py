"""Who comes in: sites, keys, sign-ins, and the answers that a repeated request gets again."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from preread.db.tables.base import Base, Json, NullableJson


class SiteRow(Base):
    """What an administrator said of a site; a site that nobody described has no row."""

    __tablename__ = "site"

    site: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(120))
    viewer_url: Mapped[str] = mapped_column(sa.String(500))
    # A reader's key must name it to take studies of the site; None asks for none.
    license: Mapped[str | None] = mapped_column(sa.String(16))
    changed_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(sa.String(64))


class ApiKeyRow(Base):
    """One API key; only a hash of its secret is kept."""

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    secret_sha256: Mapped[str] = mapped_column(sa.String(64))
    label: Mapped[str] = mapped_column(sa.String(64))
    role: Mapped[str] = mapped_column(sa.String(16))
    # None: of all sites.
    sites: Mapped[list[str] | None] = mapped_column(NullableJson)
    licenses: Mapped[list[str] | None] = mapped_column(NullableJson)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class BrowserSessionRow(Base):
    """One sign-in on the page; only a hash of its token is kept."""

    __tablename__ = "browser_session"

    token_sha256: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    key_id: Mapped[str] = mapped_column(sa.ForeignKey("api_key.id"))
    expires_at: Mapped[datetime]


class IdempotencyRow(Base):
    """The answer once given to an Idempotency-Key of one API key."""

    __tablename__ = "idempotency"

    key_id: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(sa.String(64))
    answer: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(index=True)
