"""What webhooks are sent for, and what a message says: types, IDs and links, nothing of a patient.

A receiver that wants to know more follows a link with a key of its own, so that a wrong address
or a log of somebody else's learns nothing of anybody.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from preread.terms import FLAGGED


class WebhookType(StrEnum):
    """What one can subscribe to."""

    PRE_READ_READY = "pre_read.ready"
    PRE_READ_FAILED = "pre_read.failed"
    STUDY_FLAGGED = "study.flagged"
    STUDY_REPORTED = "study.reported"
    STUDY_IMAGES_UNSEEN = "study.images_unseen"
    ALERT_RAISED = "alert.raised"
    ALERT_REPEATED = "alert.repeated"
    ALERT_ESCALATED = "alert.escalated"
    ALERT_CLOSED = "alert.closed"
    BREAKER_TRIPPED = "breaker.tripped"
    BREAKER_RESET = "breaker.reset"


PING: Final = "webhook.ping"
"""The type of a test message; it is sent when somebody asks for it, to whoever subscribed."""

_OF_EVENT: Final = {
    "pre_read_succeeded": WebhookType.PRE_READ_READY,
    "pre_read_not_assessed": WebhookType.PRE_READ_READY,
    "pre_read_failed": WebhookType.PRE_READ_FAILED,
    "reported": WebhookType.STUDY_REPORTED,
    "images_unseen": WebhookType.STUDY_IMAGES_UNSEEN,
    "alert_raised": WebhookType.ALERT_RAISED,
    "alert_nagged": WebhookType.ALERT_REPEATED,
    "alert_escalated": WebhookType.ALERT_ESCALATED,
    "alert_closed": WebhookType.ALERT_CLOSED,
    "breaker_tripped": WebhookType.BREAKER_TRIPPED,
    "breaker_reset": WebhookType.BREAKER_RESET,
}
_BREAKER: Final = frozenset({WebhookType.BREAKER_TRIPPED, WebhookType.BREAKER_RESET})
_FLAGGED: Final = frozenset(level.value for level in FLAGGED)


def types_of(kind: str, detail: Mapping[str, Any]) -> tuple[WebhookType, ...]:
    """Return what an event is told as; nothing for most kinds.

    Parameters
    ----------
    kind, detail
        Of the event, as in :mod:`preread.db.events`.

    Examples
    --------
    >>> [one.value for one in types_of("pre_read_succeeded", {"level": "critical"})]
    ['pre_read.ready', 'study.flagged']
    >>> types_of("claimed", {})
    ()
    """
    told = _OF_EVENT.get(kind)
    if told is None:
        return ()
    flagged = kind == "pre_read_succeeded" and detail.get("level") in _FLAGGED
    return (told, WebhookType.STUDY_FLAGGED) if flagged else (told,)


def body_of(
    told: str, at: datetime, *, site: str | None, study_id: str | None, seq: int | None, base: str
) -> str:
    """Return a message as the JSON that is signed and sent.

    Parameters
    ----------
    told
        A :class:`WebhookType`, or :data:`PING`.
    at
        When it happened; an aware time.
    site, study_id, seq
        Of the event; None in a test message.
    base
        What links begin with: the service's public address without a slash at its end, or
        nothing, which leaves paths.
    """
    data: dict[str, Any] = {"site": site, "study_id": study_id, "event_seq": seq}
    links = {}
    if study_id is not None:
        links["study"] = f"{base}/v1/studies/{study_id}"
        links["page"] = f"{base}/studies/{study_id}"
    if told in _BREAKER and site is not None:
        links["breaker"] = f"{base}/v1/sites/{site}/breaker"
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    message = {"type": told, "timestamp": stamp, "data": {**data, "links": links}}
    return json.dumps(message, separators=(",", ":"))
