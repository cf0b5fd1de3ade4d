"""When a study calls for attention, whom, and how often: pure rules with a passed clock.

An alert rings once, is repeated once if nobody acknowledged it, and goes to the coordinators
once after that. A revision of a study rings once in its life.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from preread.reading import CLAIMED_STATES
from preread.study import ReadState
from preread.terms import FLAGGED, Level


class AlertKind(StrEnum):
    """Why a study calls."""

    NEW_CRITICAL = "new_critical"
    FLAGGED_AFTER_CLAIM = "flagged_after_claim"


class AlertStage(StrEnum):
    """How often it has called so far."""

    RAISED = "raised"
    NAGGED = "nagged"
    ESCALATED = "escalated"


class AlertEnd(StrEnum):
    """What ended it."""

    ACKNOWLEDGED = "acknowledged"
    CLAIMED = "claimed"
    REPORTED = "reported"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long after an alert was raised it is repeated, and goes to the coordinators."""

    nag_s: float
    escalate_s: float


_ORDER: Final = tuple(AlertStage)
_OPEN: Final = frozenset({ReadState.UNREAD, ReadState.ON_HOLD, ReadState.REOPENED})


def alert_for(state: ReadState, level: Level) -> AlertKind | None:
    """Return what a result calls for when it comes to a study in a state.

    Nothing for a level that is not flagged, or where the place on the list says enough.

    Examples
    --------
    >>> alert_for(ReadState.UNREAD, Level.CRITICAL).value
    'new_critical'
    >>> alert_for(ReadState.CLAIMED, Level.SUSPECTED).value
    'flagged_after_claim'
    >>> alert_for(ReadState.UNREAD, Level.SUSPECTED) is None
    True
    """
    if state in CLAIMED_STATES:
        return AlertKind.FLAGGED_AFTER_CLAIM if level in FLAGGED else None
    return AlertKind.NEW_CRITICAL if state in _OPEN and level is Level.CRITICAL else None


def stage_due(raised_at: datetime, patience: Patience, now: datetime) -> AlertStage:
    """Return how far an alert that nobody ended must have gone by now.

    Examples
    --------
    >>> from datetime import UTC
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> stage_due(noon, Patience(120, 360), noon + timedelta(minutes=2)).value
    'nagged'
    """
    waited = now - raised_at
    if waited >= timedelta(seconds=patience.escalate_s):
        return AlertStage.ESCALATED
    if waited >= timedelta(seconds=patience.nag_s):
        return AlertStage.NAGGED
    return AlertStage.RAISED


def next_stage(
    stage: AlertStage, raised_at: datetime, patience: Patience, now: datetime
) -> AlertStage | None:
    """Return the stage that an open alert goes to now; None if it stays where it is.

    After a time without a clock, it goes to the last stage that is due, not through all.
    """
    due = stage_due(raised_at, patience, now)
    return due if _ORDER.index(due) > _ORDER.index(stage) else None


def end_of(kind: AlertKind, after: ReadState) -> AlertEnd | None:
    """Return how an alert ends when its study comes to a state; None if it goes on.

    A claim ends the call for somebody to take the study. What was flagged after the claim goes
    on until it is acknowledged or the study is reported, also when it changes hands.
    """
    if after is ReadState.CANCELLED:
        return AlertEnd.CANCELLED
    if after in {ReadState.PRELIMINARY, ReadState.FINAL}:
        return AlertEnd.REPORTED
    if kind is AlertKind.NEW_CRITICAL and after in CLAIMED_STATES:
        return AlertEnd.CLAIMED
    return None
