"""What lasts only for a time: claims, pins and assignments.

A claim is a lease under a token. Whoever let it lapse, or had the study taken over, is
refused when coming back with the old token. All functions take the time that it is.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Timer(StrEnum):
    """What can run out."""

    LEASE = "lease"
    PIN = "pin"
    ASSIGNMENT = "assignment"


@dataclass(frozen=True, slots=True)
class Timers:
    """When what runs out; None where nothing does."""

    lease_until: datetime | None = None
    pinned_until: datetime | None = None
    assigned_until: datetime | None = None


def wake_at(timers: Timers) -> datetime | None:
    """Return when the first timer runs out.

    Examples
    --------
    >>> from datetime import UTC
    >>> noon, later = (datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in (12, 13))
    >>> wake_at(Timers(lease_until=later, pinned_until=noon)) == noon
    True
    >>> wake_at(Timers()) is None
    True
    """
    return min((until for _, until in _running(timers)), default=None)


def run_out(timers: Timers, now: datetime) -> tuple[Timer, ...]:
    """Return what has run out: a timer set to noon has at noon.

    Examples
    --------
    >>> from datetime import UTC
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> run_out(Timers(lease_until=noon), noon)
    (<Timer.LEASE: 'lease'>,)
    """
    return tuple(timer for timer, until in _running(timers) if until <= now)


def _running(timers: Timers) -> Iterator[tuple[Timer, datetime]]:
    for timer, until in (
        (Timer.LEASE, timers.lease_until),
        (Timer.PIN, timers.pinned_until),
        (Timer.ASSIGNMENT, timers.assigned_until),
    ):
        if until is not None:
            yield timer, until


def new_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_urlsafe(24)


def token_digest(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_token(token: str, digest: str | None) -> bool:
    """Tell whether a token is the one that was stored, if one was.

    Examples
    --------
    >>> is_token("t", token_digest("t")), is_token("t", None)
    (True, False)
    """
    return digest is not None and hmac.compare_digest(token_digest(token), digest)
