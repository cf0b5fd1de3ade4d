"""What ranks studies beside their orders: targets of sites, policies, circuit breakers."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from preread.db.tables.base import Base, Json, Sequence


class SiteTargetsRow(Base):
    """One version of the minutes that a site promises for each order class."""

    __tablename__ = "site_targets"

    site: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    order_target_min: Mapped[dict[str, int]] = mapped_column(Json)
    created_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(sa.String(64))


class PolicyRow(Base):
    """One ranking policy; its content is never changed, its state follows from the record."""

    __tablename__ = "policy"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy's own hook

    number: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(sa.String(120))
    order_target_min: Mapped[dict[str, int]] = mapped_column(Json)
    promotions: Mapped[dict[str, dict[str, int]]] = mapped_column(Json)
    created_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(sa.String(64))
    actor_name: Mapped[str] = mapped_column(sa.String(64))


class PolicyChangeRow(Base):
    """One step that was taken with a policy; append-only."""

    __tablename__ = "policy_change"

    id: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    step: Mapped[str] = mapped_column(sa.String(16))
    # 0 is the shipped policy, which has no row; hence no foreign key.
    number: Mapped[int]
    number_before: Mapped[int]
    actor: Mapped[str] = mapped_column(sa.String(64))
    actor_name: Mapped[str] = mapped_column(sa.String(64))
    reason: Mapped[str] = mapped_column(sa.String(200))
    summary: Mapped[dict[str, Any]] = mapped_column(Json)


class BreakerRow(Base):
    """The circuit breaker of one site as it is now.

    ``flags`` holds a 0 or 1 for each counted study, the newest last.
    """

    __tablename__ = "breaker"

    site: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    flags: Mapped[str] = mapped_column(sa.String(100))
    expected_share: Mapped[float | None] = mapped_column(sa.Double)
    tripped_at: Mapped[datetime | None]
    tripped_by_study: Mapped[str | None] = mapped_column(sa.ForeignKey("study.id"))
    cause: Mapped[str | None] = mapped_column(sa.String(16))
    reason: Mapped[str | None] = mapped_column(sa.String(200))


class BreakerChangeRow(Base):
    """One trip or reset of a breaker; append-only."""

    __tablename__ = "breaker_change"

    id: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    site: Mapped[str] = mapped_column(sa.String(64), index=True)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(sa.String(16))
    cause: Mapped[str] = mapped_column(sa.String(16), server_default="flagged_share")
    actor: Mapped[str] = mapped_column(sa.String(64))
    reason: Mapped[str] = mapped_column(sa.String(200))
    flagged_count: Mapped[int]
    counted: Mapped[int]
    expected_share: Mapped[float] = mapped_column(sa.Double)
