"""Subscriptions of webhooks, and the messages that wait, went or were given up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from preread.db.tables.webhooks import PENDING, WebhookDeliveryRow, WebhookRow
from preread.errors import WebhookNotFound
from preread.scope import Sites
from preread.webhooks.attempts import DeliveryState


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be sent to one subscriber.

    Attributes
    ----------
    event_seq, study_id
        Of the event that it tells; None in a test message.
    """

    webhook_id: str
    event_seq: int | None
    study_id: str | None
    told: str
    body: str


class WebhookRepository:
    """Every question about webhooks."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: WebhookRow) -> None:
        """Add a subscription."""
        self._session.add(row)

    def get(self, webhook_id: str, *, sites: Sites) -> WebhookRow:
        """Return a subscription; a caller of some sites sees those of these alone.

        Raises
        ------
        WebhookNotFound
            If there is none.
        """
        row = self._session.get(WebhookRow, webhook_id, populate_existing=True)
        if row is None or not _is_within(row, sites):
            raise WebhookNotFound("There is no such webhook.")
        return row

    def all(self, sites: Sites = None) -> tuple[WebhookRow, ...]:
        """Return subscriptions, oldest first."""
        query = sa.select(WebhookRow).order_by(WebhookRow.created_at, WebhookRow.id)
        rows = self._session.scalars(query)
        return tuple(row for row in rows if _is_within(row, sites))

    def remove(self, webhook_id: str) -> None:
        """Forget a subscription and all its messages."""
        of_it = WebhookDeliveryRow.webhook_id == webhook_id
        self._session.execute(sa.delete(WebhookDeliveryRow).where(of_it))
        self._session.execute(sa.delete(WebhookRow).where(WebhookRow.id == webhook_id))

    def behind(self, seq: int) -> bool:
        """Tell whether a subscription in force has not looked at all events up to a number."""
        query = sa.select(WebhookRow.id).where(
            WebhookRow.disabled_at.is_(None), WebhookRow.cursor_seq < seq
        )
        return self._session.scalars(query.limit(1)).first() is not None

    def locked_behind(self, seq: int) -> tuple[WebhookRow, ...]:
        """Return the subscriptions that are behind, locked; those that others hold are theirs."""
        query = (
            sa.select(WebhookRow)
            .where(WebhookRow.disabled_at.is_(None), WebhookRow.cursor_seq < seq)
            .order_by(WebhookRow.id)
            .with_for_update(skip_locked=True)
        )
        return tuple(self._session.scalars(query))

    def queue(self, messages: Iterable[Message], now: datetime) -> tuple[WebhookDeliveryRow, ...]:
        """Let messages wait for their first attempt."""
        rows = tuple(
            WebhookDeliveryRow(
                message_id=f"msg_{uuid4().hex}",
                webhook_id=message.webhook_id,
                event_seq=message.event_seq,
                study_id=message.study_id,
                type=message.told,
                body=message.body,
                created_at=now,
                state=DeliveryState.PENDING,
                attempts=0,
                not_before=now,
                lease_until=None,
                last_status=None,
                reason=None,
                ended_at=None,
            )
            for message in messages
        )
        self._session.add_all(rows)
        self._session.flush()
        return rows

    def with_due(self, now: datetime) -> tuple[str, ...]:
        """Return the subscriptions in force for which a message may be sent now."""
        query = (
            sa.select(WebhookDeliveryRow.webhook_id)
            .join(WebhookRow, WebhookRow.id == WebhookDeliveryRow.webhook_id)
            .where(PENDING, WebhookRow.disabled_at.is_(None), *_free(now))
            .distinct()
        )
        return tuple(self._session.scalars(query))

    def take(
        self, webhook_id: str, now: datetime, lease_until: datetime
    ) -> tuple[WebhookRow, WebhookDeliveryRow] | None:
        """Take the next message of a subscription in hand, with one more attempt counted.

        A message waits for all earlier ones about the same study, until they are delivered or
        given up.
        """
        webhook = self._session.scalars(
            sa.select(WebhookRow)
            .where(WebhookRow.id == webhook_id, WebhookRow.disabled_at.is_(None))
            .with_for_update()
        ).one_or_none()
        if webhook is None:
            return None
        earlier = aliased(WebhookDeliveryRow)
        waits = sa.exists().where(
            earlier.webhook_id == webhook_id,
            earlier.study_id == WebhookDeliveryRow.study_id,
            earlier.id < WebhookDeliveryRow.id,
            earlier.state == DeliveryState.PENDING,
        )
        query = (
            sa.select(WebhookDeliveryRow)
            .where(WebhookDeliveryRow.webhook_id == webhook_id, PENDING, *_free(now), ~waits)
            .order_by(WebhookDeliveryRow.not_before, WebhookDeliveryRow.id)
            .limit(1)
        )
        row = self._session.scalars(query).one_or_none()
        if row is None:
            return None
        row.attempts += 1
        row.lease_until = lease_until
        return webhook, row

    def delivery(self, webhook_id: str, message_id: str) -> WebhookDeliveryRow:
        """Return a message, locked.

        Raises
        ------
        WebhookNotFound
            If the subscription has none of this ID.
        """
        query = sa.select(WebhookDeliveryRow).where(
            WebhookDeliveryRow.message_id == message_id,
            WebhookDeliveryRow.webhook_id == webhook_id,
        )
        row = self._session.scalars(query.with_for_update()).one_or_none()
        if row is None:
            raise WebhookNotFound("The webhook has no such message.")
        return row

    def deliveries(
        self, webhook_id: str, *, state: DeliveryState | None, limit: int
    ) -> tuple[WebhookDeliveryRow, ...]:
        """Return messages of a subscription, newest first."""
        query = sa.select(WebhookDeliveryRow).where(WebhookDeliveryRow.webhook_id == webhook_id)
        if state is not None:
            query = query.where(WebhookDeliveryRow.state == state)
        newest = query.order_by(WebhookDeliveryRow.id.desc()).limit(limit)
        return tuple(self._session.scalars(newest))

    def counts(self) -> dict[DeliveryState, int]:
        """Return how many messages are in each state."""
        query = sa.select(WebhookDeliveryRow.state, sa.func.count()).group_by(
            WebhookDeliveryRow.state
        )
        found = {DeliveryState(state): count for state, count in self._session.execute(query)}
        return {state: found.get(state, 0) for state in DeliveryState}

    def oldest_pending_at(self) -> datetime | None:
        """Return when the message that waits longest was queued; None if none waits."""
        oldest = sa.select(WebhookDeliveryRow.created_at).where(PENDING)
        return self._session.scalars(
            oldest.order_by(WebhookDeliveryRow.created_at).limit(1)
        ).one_or_none()

    def forget_ended_before(self, before: datetime) -> None:
        """Forget messages that were delivered or given up before a time."""
        ended = WebhookDeliveryRow.state.in_([DeliveryState.DELIVERED, DeliveryState.DEAD])
        self._session.execute(
            sa.delete(WebhookDeliveryRow).where(ended, WebhookDeliveryRow.ended_at < before)
        )


def _free(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions under which nobody sends a message, and its pause is over."""
    lease = WebhookDeliveryRow.lease_until
    return (
        WebhookDeliveryRow.not_before <= now,
        sa.or_(lease.is_(None), lease <= now),
    )


def _is_within(row: WebhookRow, sites: Sites) -> bool:
    """Whether a subscription hears of no other sites than these; one that names none hears of all."""
    return sites is None or bool(row.sites and sites.issuperset(row.sites))
