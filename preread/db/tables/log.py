"""The event log and the end of its chain."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from preread.db.tables.base import Base, Json, Sequence


class EventRow(Base):
    """One thing that happened; append-only, numbered in the order of commit."""

    __tablename__ = "event"

    seq: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    site: Mapped[str] = mapped_column(sa.String(64))
    study_id: Mapped[str] = mapped_column(sa.ForeignKey("study.id"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(32))
    actor: Mapped[str] = mapped_column(sa.String(64))
    detail: Mapped[dict[str, Any]] = mapped_column(Json)
    # Of this row and of the hash before it; None in rows from before there was a chain.
    sha256: Mapped[str | None] = mapped_column(sa.String(64))

    __table_args__ = (sa.Index("ix_event_kind", "kind", "at"), {"sqlite_autoincrement": True})


class LogHeadRow(Base):
    """The end of the chain over a log; whoever appends holds its lock to the commit."""

    __tablename__ = "log_head"

    log: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    # 0 until the first row is appended.
    first_seq: Mapped[int] = mapped_column(sa.BigInteger)
    last_seq: Mapped[int] = mapped_column(sa.BigInteger)
    sha256: Mapped[str] = mapped_column(sa.String(64))
