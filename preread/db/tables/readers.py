"""What radiologists say of a study, in reports and feedback, and the alerts that call them."""

from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from preread.db.tables.base import Base, Json, Sequence, partial_index

OPEN: Final[sa.ColumnElement[bool]] = sa.literal_column("closed_at IS NULL")


class ReportRow(Base):
    """One report that a radiologist gave, preliminary or final."""

    __tablename__ = "report"
    __table_args__ = (sa.Index("ix_report_kind", "kind", "reported_at"),)

    id: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    study_id: Mapped[str] = mapped_column(sa.ForeignKey("study.id"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(16))
    reported_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(sa.String(64))
    turnaround: Mapped[dict[str, Any]] = mapped_column(Json)


class FeedbackRow(Base):
    """What one reader said of one pre-read; append-only, a reader's newest counts.

    What the pre-read said is copied, so that figures need not open documents.
    """

    __tablename__ = "feedback"

    id: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    study_id: Mapped[str] = mapped_column(sa.ForeignKey("study.id"), index=True)
    revision: Mapped[int]
    reader: Mapped[str] = mapped_column(sa.String(64))
    given_at: Mapped[datetime]
    level: Mapped[str] = mapped_column(sa.String(16))
    model_version: Mapped[str | None] = mapped_column(sa.String(64))
    probability: Mapped[float | None] = mapped_column(sa.Double)
    named: Mapped[list[str]] = mapped_column(Json)
    verdict: Mapped[str] = mapped_column(sa.String(2))
    score: Mapped[int | None] = mapped_column(sa.SmallInteger)
    types: Mapped[list[str]] = mapped_column(Json)
    places: Mapped[list[dict[str, str | None]]] = mapped_column(Json)
    volume: Mapped[str | None] = mapped_column(sa.String(16))
    false_positive_cause: Mapped[str | None] = mapped_column(sa.String(16))


class AlertRow(Base):
    """One call for attention; a revision of a study calls once."""

    __tablename__ = "alert"
    __table_args__ = (
        sa.UniqueConstraint("study_id", "revision"),
        partial_index("ix_alert_open", "raised_at", where=OPEN),
    )

    id: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    study_id: Mapped[str] = mapped_column(sa.ForeignKey("study.id"))
    revision: Mapped[int]
    site: Mapped[str] = mapped_column(sa.String(64))
    kind: Mapped[str] = mapped_column(sa.String(24))
    level: Mapped[str] = mapped_column(sa.String(16))
    raised_at: Mapped[datetime]
    addressee: Mapped[str | None] = mapped_column(sa.String(16))
    stage: Mapped[str] = mapped_column(sa.String(16))
    stage_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_how: Mapped[str | None] = mapped_column(sa.String(16))
    closed_by: Mapped[str | None] = mapped_column(sa.String(64))
    closed_name: Mapped[str | None] = mapped_column(sa.String(64))
