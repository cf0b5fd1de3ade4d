"""What administrators do with webhooks: make, see, disable, try, repeat and delete them."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from preread.db.tables.webhooks import WebhookDeliveryRow, WebhookRow
from preread.db.webhooks import Message
from preread.errors import Conflict, InvalidRequest, NotAllowed
from preread.keys import Caller
from preread.resources import Resources
from preread.site_names import check_site
from preread.webhooks.addresses import check_url
from preread.webhooks.attempts import DeliveryFailure, DeliveryState
from preread.webhooks.signing import new_secret
from preread.webhooks.types import PING, WebhookType, body_of

_BY_HAND = "disabled by an administrator"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A subscription as it may be shown: never its secret.

    Attributes
    ----------
    sites
        Empty for all.
    disabled_at, disabled_reason
        None while it is in force.
    """

    id: str
    url: str
    types: tuple[WebhookType, ...]
    sites: tuple[str, ...]
    created_at: datetime
    created_by: str
    disabled_at: datetime | None
    disabled_reason: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to a subscriber, and how far it got.

    Attributes
    ----------
    next_attempt_at
        None once it is delivered or given up.
    reason, last_status
        Of the last attempt that failed, and the status of the last answer.
    """

    message_id: str
    type: str
    event_seq: int | None
    study_id: str | None
    created_at: datetime
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime | None
    last_status: int | None
    reason: DeliveryFailure | None
    ended_at: datetime | None


def subscribe(
    resources: Resources,
    *,
    url: str,
    types: Sequence[WebhookType],
    sites: Sequence[str],
    by: Caller,
) -> tuple[Webhook, str]:
    """Make a subscription; return it with its secret, which is not shown again.

    It hears of what happens from now on.

    Raises
    ------
    InvalidRequest
        If the URL may not be sent to, a site is not a plain word, or no type is named.
    NotAllowed
        If the caller is bound to sites and names none, or others.
    """
    settings = resources.settings
    check_url(
        url,
        allow_http=settings.webhook_allow_http,
        allow_private=settings.webhook_allow_private,
    )
    wanted = sorted({check_site(site) for site in sites})
    if by.sites is not None and not (wanted and by.sites.issuperset(wanted)):
        raise NotAllowed("An administrator of some sites names sites among them.")
    if not types:
        raise InvalidRequest("A webhook names at least one type.")
    secret = new_secret()
    with resources.unit_of_work() as work:
        row = WebhookRow(
            id=f"wh_{secrets.token_hex(5)}",
            url=url,
            types=[one.value for one in WebhookType if one in types],
            sites=wanted,
            secret=secret,
            created_at=resources.clock(),
            created_by=by.key_id,
            disabled_at=None,
            disabled_reason=None,
            cursor_seq=work.events.last_seq(),
        )
        work.webhooks.add(row)
        made = _webhook(row)
        work.commit()
    return made, secret


def list_webhooks(resources: Resources, *, by: Caller) -> tuple[Webhook, ...]:
    """Return the subscriptions that a caller may see, oldest first."""
    with resources.reading() as work:
        return tuple(_webhook(row) for row in work.webhooks.all(by.sites))


def find(resources: Resources, webhook_id: str, *, by: Caller) -> Webhook:
    """Return one subscription that a caller may see."""
    with resources.reading() as work:
        return _webhook(work.webhooks.get(webhook_id, sites=by.sites))


def switch(resources: Resources, webhook_id: str, *, on: bool, by: Caller) -> Webhook:
    """Put a subscription in force or out of it.

    While it is out, nothing is sent and what happens is not kept for it; messages that waited
    before go on when it is in force again.
    """
    with resources.unit_of_work() as work:
        row = work.webhooks.get(webhook_id, sites=by.sites)
        if on and row.disabled_at is not None:
            row.disabled_at = row.disabled_reason = None
            row.cursor_seq = work.events.last_seq()
        elif not on and row.disabled_at is None:
            row.disabled_at, row.disabled_reason = resources.clock(), _BY_HAND
        shown = _webhook(row)
        work.commit()
    return shown


def unsubscribe(resources: Resources, webhook_id: str, *, by: Caller) -> None:
    """Delete a subscription and its messages."""
    with resources.unit_of_work() as work:
        work.webhooks.get(webhook_id, sites=by.sites)
        work.webhooks.remove(webhook_id)
        work.commit()


def ping(resources: Resources, webhook_id: str, *, by: Caller) -> Delivery:
    """Queue a test message, which goes the way of all others.

    Raises
    ------
    Conflict
        If the subscription is disabled.
    """
    now = resources.clock()
    with resources.unit_of_work() as work:
        row = work.webhooks.get(webhook_id, sites=by.sites)
        if row.disabled_at is not None:
            raise Conflict("The webhook is disabled, so nothing is sent.")
        body = body_of(PING, now, site=None, study_id=None, seq=None, base="")
        (queued,) = work.webhooks.queue([Message(row.id, None, None, PING, body)], now)
        shown = _delivery(queued)
        work.commit()
    return shown


def deliveries(
    resources: Resources,
    webhook_id: str,
    *,
    state: DeliveryState | None,
    limit: int,
    by: Caller,
) -> tuple[Delivery, ...]:
    """Return the messages of a subscription, newest first."""
    with resources.reading() as work:
        work.webhooks.get(webhook_id, sites=by.sites)
        found = work.webhooks.deliveries(webhook_id, state=state, limit=limit)
        return tuple(_delivery(row) for row in found)


def retry(resources: Resources, webhook_id: str, message_id: str, *, by: Caller) -> Delivery:
    """Let a message that was given up be tried anew, with all its attempts.

    Raises
    ------
    Conflict
        If it was not given up.
    """
    now = resources.clock()
    with resources.unit_of_work() as work:
        work.webhooks.get(webhook_id, sites=by.sites)
        row = work.webhooks.delivery(webhook_id, message_id)
        if row.state != DeliveryState.DEAD:
            raise Conflict("Only a message that was given up can be tried anew.")
        row.state, row.attempts, row.not_before, row.ended_at = DeliveryState.PENDING, 0, now, None
        shown = _delivery(row)
        work.commit()
    return shown


def _webhook(row: WebhookRow) -> Webhook:
    return Webhook(
        id=row.id,
        url=row.url,
        types=tuple(WebhookType(one) for one in row.types),
        sites=tuple(row.sites),
        created_at=row.created_at,
        created_by=row.created_by,
        disabled_at=row.disabled_at,
        disabled_reason=row.disabled_reason,
    )


def _delivery(row: WebhookDeliveryRow) -> Delivery:
    state = DeliveryState(row.state)
    return Delivery(
        message_id=row.message_id,
        type=row.type,
        event_seq=row.event_seq,
        study_id=row.study_id,
        created_at=row.created_at,
        state=state,
        attempts=row.attempts,
        next_attempt_at=row.not_before if state is DeliveryState.PENDING else None,
        last_status=row.last_status,
        reason=None if row.reason is None else DeliveryFailure(row.reason),
        ended_at=row.ended_at,
    )
