"""From events to messages, and from messages to what came of them.

The outbox is the event log itself: an event is written in the transaction of what happened, and
its number follows the commits. Each subscription has a cursor on the log; moving it and queueing
the messages is one transaction, so a crash neither loses nor doubles a message. What is sent is
taken under a lease with its attempt counted first, so it is sent at least once.
"""

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from preread.db.events import Event
from preread.db.tables.webhooks import WebhookRow
from preread.db.webhooks import Message
from preread.resources import Resources
from preread.webhooks.attempts import DeliveryFailure, DeliveryState, Outcome, pause_s
from preread.webhooks.types import body_of, types_of

_PAGE: Final = 500
_LEASE_MARGIN_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Posting:
    """A message in somebody's hand.

    Attributes
    ----------
    attempt
        Counted from 1, this one included.
    """

    webhook_id: str
    message_id: str
    url: str
    secret: str
    body: str
    attempt: int


def queue_messages(resources: Resources) -> int:
    """Turn events that nobody looked at yet into messages; return how many."""
    with resources.reading() as work:
        newest = work.events.last_seq()
        if not work.webhooks.behind(newest):
            return 0
    queued = 0
    while (more := _queue_page(resources, newest)) is not None:
        queued += more
    return queued


def _queue_page(resources: Resources, newest: int) -> int | None:
    """Move the cursors over one page of events; None once none is behind."""
    base = resources.settings.public_url.rstrip("/")
    with resources.unit_of_work() as work:
        webhooks = work.webhooks.locked_behind(newest)
        if not webhooks:
            return None
        page = work.events.after(min(one.cursor_seq for one in webhooks), _PAGE)
        messages = [
            message
            for event in page
            for webhook in webhooks
            if event.seq > webhook.cursor_seq
            for message in _messages(webhook, event, base)
        ]
        work.webhooks.queue(messages, resources.clock())
        for webhook in webhooks:
            webhook.cursor_seq = max(webhook.cursor_seq, page[-1].seq if page else newest)
        work.commit()
    return len(messages)


def _messages(webhook: WebhookRow, event: Event, base: str) -> list[Message]:
    if webhook.sites and event.site not in webhook.sites:
        return []
    return [
        Message(
            webhook_id=webhook.id,
            event_seq=event.seq,
            study_id=event.study_id,
            told=told,
            body=body_of(
                told,
                event.at,
                site=event.site,
                study_id=event.study_id,
                seq=event.seq,
                base=base,
            ),
        )
        for told in types_of(event.kind, event.detail)
        if told in webhook.types
    ]


def take_next(resources: Resources, webhook_id: str) -> Posting | None:
    """Take the next message of a subscription in hand; None if none may be sent now."""
    now = resources.clock()
    lease = timedelta(seconds=resources.settings.webhook_timeout_s + _LEASE_MARGIN_S)
    with resources.unit_of_work() as work:
        taken = work.webhooks.take(webhook_id, now, now + lease)
        if taken is None:
            return None
        webhook, row = taken
        posting = Posting(
            webhook.id, row.message_id, webhook.url, webhook.secret, row.body, row.attempts
        )
        work.commit()
    return posting


def settle(resources: Resources, posting: Posting, outcome: Outcome) -> None:
    """Note what came of an attempt: delivered, tried again later, or given up.

    Of two who sent the same message after a lease ran out, a success counts whoever had it, and
    a failure only of the later one.
    """
    now = resources.clock()
    with resources.unit_of_work() as work:
        row = work.webhooks.delivery(posting.webhook_id, posting.message_id)
        if row.state != DeliveryState.PENDING:
            return
        if outcome.failure is not None and row.attempts != posting.attempt:
            return
        row.lease_until = None
        row.last_status = outcome.status
        row.reason = outcome.failure
        if outcome.failure is None:
            row.state, row.ended_at = DeliveryState.DELIVERED, now
        elif _is_last(resources, posting, outcome.failure):
            row.state, row.ended_at = DeliveryState.DEAD, now
        else:
            pause = timedelta(seconds=pause_s(row.attempts, random.random))
            row.not_before = now + pause
        if outcome.failure is DeliveryFailure.GONE:
            webhook = work.webhooks.get(posting.webhook_id, sites=None)
            webhook.disabled_at = webhook.disabled_at or now
            webhook.disabled_reason = "the receiver answered 410 Gone"
        work.commit()


def _is_last(resources: Resources, posting: Posting, failure: DeliveryFailure) -> bool:
    out_of_patience = posting.attempt >= resources.settings.webhook_attempts
    return failure is DeliveryFailure.GONE or out_of_patience
