"""What the page says of webhooks: whether they are in force, and what did not arrive."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from preread.keys import Caller
from preread.resources import Resources
from preread.webhooks import subscriptions
from preread.webhooks.attempts import DeliveryFailure, DeliveryState
from preread.webhooks.subscriptions import Delivery, Webhook
from preread.webhooks.types import WebhookType

MOST_MESSAGES: Final = 100
"""As many messages as a page asks for; the API tells more."""

TYPE_WORD: Final[Mapping[WebhookType, str]] = {
    WebhookType.PRE_READ_READY: "pre-read ready",
    WebhookType.PRE_READ_FAILED: "pre-read failed",
    WebhookType.STUDY_FLAGGED: "study flagged",
    WebhookType.STUDY_REPORTED: "study reported",
    WebhookType.STUDY_IMAGES_UNSEEN: "images nobody saw",
    WebhookType.ALERT_RAISED: "alert raised",
    WebhookType.ALERT_REPEATED: "alert repeated",
    WebhookType.ALERT_ESCALATED: "alert escalated",
    WebhookType.ALERT_CLOSED: "alert closed",
    WebhookType.BREAKER_TRIPPED: "breaker tripped",
    WebhookType.BREAKER_RESET: "breaker reset",
}
_FAILURE_WORD: Final[Mapping[DeliveryFailure, str]] = {
    DeliveryFailure.TIMED_OUT: "no answer in time",
    DeliveryFailure.NAME_NOT_RESOLVED: "the name was not found",
    DeliveryFailure.ADDRESS_REFUSED: "the address is not public",
    DeliveryFailure.CONNECTION_FAILED: "no connection",
    DeliveryFailure.PROTOCOL_ERROR: "the answer is not HTTP",
    DeliveryFailure.REDIRECTED: "redirected",
    DeliveryFailure.STATUS: "refused",
    DeliveryFailure.GONE: "gone for good",
}


@dataclass(frozen=True, slots=True)
class WebhookLine:
    """A subscription in the list of all.

    Attributes
    ----------
    waiting_count, dead_count
        Messages that wait and that were given up, at most :data:`MOST_MESSAGES` of each.
    last_failure
        In words, of the newest message that did not arrive; None if all did.
    """

    webhook: Webhook
    waiting_count: int
    dead_count: int
    last_failure: str | None


def lines_of(resources: Resources, caller: Caller) -> tuple[WebhookLine, ...]:
    """Return the subscriptions that a caller may see, oldest first."""
    found = subscriptions.list_webhooks(resources, by=caller)
    return tuple(_line(resources, caller, webhook) for webhook in found)


def failure_words(message: Delivery) -> str | None:
    """Return why the last attempt failed; None if none failed, or a later one arrived."""
    if message.reason is None:
        return None
    status = "" if message.last_status is None else f": status {message.last_status}"
    return f"{_FAILURE_WORD[message.reason]}{status}"


def _line(resources: Resources, caller: Caller, webhook: Webhook) -> WebhookLine:
    waiting, dead = (
        subscriptions.deliveries(resources, webhook.id, state=state, limit=MOST_MESSAGES, by=caller)
        for state in (DeliveryState.PENDING, DeliveryState.DEAD)
    )
    failed = [one for one in (*waiting, *dead) if one.reason is not None]
    newest = max(failed, key=lambda one: one.created_at, default=None)
    words = None if newest is None else failure_words(newest)
    return WebhookLine(webhook, len(waiting), len(dead), words)
