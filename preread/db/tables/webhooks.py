"""Subscriptions of other systems, and the messages to them."""

from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from preread.db.tables.base import Base, Json, Sequence, partial_index

PENDING: Final[sa.ColumnElement[bool]] = sa.literal_column("state = 'pending'")


class WebhookRow(Base):
    """One subscription; its secret is kept as it is, since each message is signed with it.

    ``cursor_seq`` is the last event that was looked at for it.
    """

    __tablename__ = "webhook"

    id: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    url: Mapped[str] = mapped_column(sa.String(500))
    types: Mapped[list[str]] = mapped_column(Json)
    # Empty for all sites.
    sites: Mapped[list[str]] = mapped_column(Json)
    secret: Mapped[str] = mapped_column(sa.String(100))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(sa.String(64))
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None] = mapped_column(sa.String(40))
    cursor_seq: Mapped[int] = mapped_column(sa.BigInteger)


class WebhookDeliveryRow(Base):
    """One message to one subscriber, and how far it got."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        sa.UniqueConstraint("webhook_id", "event_seq", "type"),
        partial_index("ix_webhook_delivery_due", "webhook_id", "not_before", where=PENDING),
        # Whether an earlier message of the same study still waits.
        partial_index("ix_webhook_delivery_order", "webhook_id", "study_id", "id", where=PENDING),
        sa.Index("ix_webhook_delivery_state", "state", "ended_at"),
    )

    id: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    message_id: Mapped[str] = mapped_column(sa.String(40), unique=True)
    webhook_id: Mapped[str] = mapped_column(sa.ForeignKey("webhook.id"))
    # None in a test message.
    event_seq: Mapped[int | None] = mapped_column(sa.BigInteger)
    study_id: Mapped[str | None] = mapped_column(sa.String(36))
    type: Mapped[str] = mapped_column(sa.String(24))
    body: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(sa.String(16))
    attempts: Mapped[int]
    not_before: Mapped[datetime]
    # Until then somebody is sending it; after that, it is sent again.
    lease_until: Mapped[datetime | None]
    last_status: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(sa.String(24))
    ended_at: Mapped[datetime | None]
