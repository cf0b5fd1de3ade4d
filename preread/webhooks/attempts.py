"""How often and when a message is tried, and why an attempt failed.

Pauses double from five seconds to six hours. With the default of 18 attempts the last one comes
between 26 and 45 hours after the first, so a receiver may be away for a day and loses nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final

FIRST_PAUSE_S: Final = 5.0
LONGEST_PAUSE_S: Final = 6 * 3600.0
_JITTER: Final = 0.25


class DeliveryState(StrEnum):
    """How far a message got."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class DeliveryFailure(StrEnum):
    """Why an attempt failed; nothing of what the receiver answered is kept but its status."""

    TIMED_OUT = "timed_out"
    NAME_NOT_RESOLVED = "name_not_resolved"
    ADDRESS_REFUSED = "address_refused"
    CONNECTION_FAILED = "connection_failed"
    PROTOCOL_ERROR = "protocol_error"
    REDIRECTED = "redirected"
    STATUS = "status"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt.

    Attributes
    ----------
    failure
        None if the receiver has taken the message.
    status
        What it answered; None where it did not.
    """

    failure: DeliveryFailure | None
    status: int | None = None


def outcome_of_status(status: int) -> Outcome:
    """Return what an answer means: only 2xx takes a message, and no redirect is followed.

    Examples
    --------
    >>> outcome_of_status(204).failure is None
    True
    >>> outcome_of_status(302).failure.value, outcome_of_status(410).failure.value
    ('redirected', 'gone')
    """
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Outcome(None, status)
    if status == HTTPStatus.GONE:
        return Outcome(DeliveryFailure.GONE, status)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Outcome(DeliveryFailure.REDIRECTED, status)
    return Outcome(DeliveryFailure.STATUS, status)


def pause_s(attempts: int, draw: Callable[[], float]) -> float:
    """Return how long to wait after so many failed attempts, in seconds.

    Parameters
    ----------
    attempts
        At least 1.
    draw
        Gives a random number from 0 to 1; it spreads those who failed together.

    Examples
    --------
    >>> [pause_s(number, lambda: 0.5) for number in (1, 2, 3, 30)]
    [5.0, 10.0, 20.0, 21600.0]
    """
    plain = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 30))
    return plain * (1 + _JITTER * (2 * draw() - 1))
