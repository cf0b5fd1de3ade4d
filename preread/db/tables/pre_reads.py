"""What came in of a study, the work on it, and the pre-reads that it gave."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from preread.db.tables.base import Base, Json, Sequence


class InstanceRow(Base):
    """One stored DICOM instance; its bytes lie in the store under their SHA-256."""

    __tablename__ = "instance"
    __table_args__ = (sa.UniqueConstraint("study_id", "sop_instance_uid"),)

    id: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    study_id: Mapped[str] = mapped_column(sa.ForeignKey("study.id"))
    sop_instance_uid: Mapped[str] = mapped_column(sa.String(64))
    series_instance_uid: Mapped[str] = mapped_column(sa.String(64))
    sha256: Mapped[str] = mapped_column(sa.String(64))
    byte_count: Mapped[int] = mapped_column(sa.BigInteger)
    received_at: Mapped[datetime]


class TaskRow(Base):
    """The work on one revision of a study: who has it, since when, at which attempt."""

    __tablename__ = "task"
    __table_args__ = (
        sa.UniqueConstraint("study_id", "revision"),
        sa.Index("ix_task_state", "state", "not_before"),
    )

    id: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    study_id: Mapped[str] = mapped_column(sa.ForeignKey("study.id"))
    revision: Mapped[int]
    state: Mapped[str] = mapped_column(sa.String(16))
    fence: Mapped[int]
    attempts: Mapped[int]
    worker: Mapped[str | None] = mapped_column(sa.String(64))
    lease_until: Mapped[datetime | None]
    not_before: Mapped[datetime]
    reason: Mapped[str | None] = mapped_column(sa.String(40))
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class PreReadRow(Base):
    """One pre-read: the document and the files of its key images."""

    __tablename__ = "pre_read"
    __table_args__ = (sa.UniqueConstraint("study_id", "revision"),)

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    study_id: Mapped[str] = mapped_column(sa.ForeignKey("study.id"))
    revision: Mapped[int]
    created_at: Mapped[datetime]
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    key_images: Mapped[list[dict[str, str]]] = mapped_column(Json)
