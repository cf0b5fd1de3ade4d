"""The reading of a study: one table of states and steps.

The picture of it is in ``docs/architecture.md``; in words::

    unread            claim, hold, report, cancel; assign and pin leave it unread
    claimed           release and expiry lead back to unread; report, hold, take over, cancel
    on_hold           resume, cancel
    preliminary       final report, cancel
    final             reopen, request a second read
    reopened          claim, report, assign, cancel; a claim that ends leaves it unread
    second_requested  claim, final report, withdraw, assign
    claimed_second    release and expiry lead back; final report, take over, withdraw
    cancelled         reopen leads back to unread, to the place that it had

A report without a claim is good while nobody holds the study. A second read is given by nobody
who reported the study before, so such a person can neither claim nor take it over nor report it. A study is *ranked*, that is on
the waiting list, while it is unread and was complete once.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from preread.errors import IllegalStep, SameReader
from preread.study import ReadState


class ReadStep(StrEnum):
    """What can be done to the reading of a study."""

    CLAIM = "claim"
    RELEASE = "release"
    EXPIRE = "expire"
    TAKE_OVER = "take_over"
    ASSIGN = "assign"
    HOLD = "hold"
    RESUME = "resume"
    PIN = "pin"
    UNPIN = "unpin"
    CANCEL = "cancel"
    PRELIMINARY_REPORT = "preliminary_report"
    FINAL_REPORT = "final_report"
    REOPEN = "reopen"
    REQUEST_SECOND_READ = "request_second_read"
    WITHDRAW_SECOND_READ = "withdraw_second_read"


CLAIMED_STATES: Final = frozenset({ReadState.CLAIMED, ReadState.CLAIMED_SECOND})
"""States in which exactly one reader holds the study, under a token and for a time."""

BY_THE_CLOCK: Final = frozenset({ReadStep.EXPIRE})
"""Steps that no person takes."""

SECOND_STATES: Final = frozenset({ReadState.SECOND_REQUESTED, ReadState.CLAIMED_SECOND})
"""Between the request of a second read and its report."""

_BY_THE_READER: Final = frozenset({ReadStep.CLAIM, ReadStep.TAKE_OVER, ReadStep.FINAL_REPORT})

_STEPS: Final[Mapping[ReadState, Mapping[ReadStep, ReadState]]] = MappingProxyType(
    {
        ReadState.UNREAD: {
            ReadStep.CLAIM: ReadState.CLAIMED,
            ReadStep.ASSIGN: ReadState.UNREAD,
            ReadStep.HOLD: ReadState.ON_HOLD,
            ReadStep.PIN: ReadState.UNREAD,
            ReadStep.UNPIN: ReadState.UNREAD,
            ReadStep.PRELIMINARY_REPORT: ReadState.PRELIMINARY,
            ReadStep.FINAL_REPORT: ReadState.FINAL,
            ReadStep.CANCEL: ReadState.CANCELLED,
        },
        ReadState.CLAIMED: {
            ReadStep.RELEASE: ReadState.UNREAD,
            ReadStep.EXPIRE: ReadState.UNREAD,
            ReadStep.TAKE_OVER: ReadState.CLAIMED,
            ReadStep.HOLD: ReadState.ON_HOLD,
            ReadStep.PRELIMINARY_REPORT: ReadState.PRELIMINARY,
            ReadStep.FINAL_REPORT: ReadState.FINAL,
            ReadStep.CANCEL: ReadState.CANCELLED,
        },
        ReadState.PRELIMINARY: {
            ReadStep.FINAL_REPORT: ReadState.FINAL,
            ReadStep.CANCEL: ReadState.CANCELLED,
        },
        ReadState.FINAL: {
            ReadStep.REOPEN: ReadState.REOPENED,
            ReadStep.REQUEST_SECOND_READ: ReadState.SECOND_REQUESTED,
        },
        ReadState.REOPENED: {
            ReadStep.CLAIM: ReadState.CLAIMED,
            ReadStep.ASSIGN: ReadState.REOPENED,
            ReadStep.PRELIMINARY_REPORT: ReadState.PRELIMINARY,
            ReadStep.FINAL_REPORT: ReadState.FINAL,
            ReadStep.CANCEL: ReadState.CANCELLED,
        },
        ReadState.SECOND_REQUESTED: {
            ReadStep.CLAIM: ReadState.CLAIMED_SECOND,
            ReadStep.ASSIGN: ReadState.SECOND_REQUESTED,
            ReadStep.FINAL_REPORT: ReadState.FINAL,
            ReadStep.WITHDRAW_SECOND_READ: ReadState.FINAL,
        },
        ReadState.CLAIMED_SECOND: {
            ReadStep.RELEASE: ReadState.SECOND_REQUESTED,
            ReadStep.EXPIRE: ReadState.SECOND_REQUESTED,
            ReadStep.TAKE_OVER: ReadState.CLAIMED_SECOND,
            ReadStep.FINAL_REPORT: ReadState.FINAL,
            ReadStep.WITHDRAW_SECOND_READ: ReadState.FINAL,
        },
        ReadState.ON_HOLD: {
            ReadStep.RESUME: ReadState.UNREAD,
            ReadStep.CANCEL: ReadState.CANCELLED,
        },
        ReadState.CANCELLED: {ReadStep.REOPEN: ReadState.UNREAD},
    }
)


def allowed_read_steps(state: ReadState) -> tuple[ReadStep, ...]:
    """Return the steps that people can take from ``state``.

    Examples
    --------
    >>> [step.value for step in allowed_read_steps(ReadState.PRELIMINARY)]
    ['final_report', 'cancel']
    """
    return tuple(step for step in _STEPS[state] if step not in BY_THE_CLOCK)


def take_read_step(state: ReadState, step: ReadStep) -> ReadState:
    """Return the state after ``step``.

    Raises
    ------
    IllegalStep
        If the step cannot be taken from ``state``; it names those that can.

    Examples
    --------
    >>> take_read_step(ReadState.CLAIMED, ReadStep.EXPIRE).value
    'unread'
    """
    steps = _STEPS[state]
    if step not in steps:
        allowed = [one.value for one in allowed_read_steps(state)]
        raise IllegalStep(state.value, step.value, allowed)
    return steps[step]


def is_second_read(state: ReadState, step: ReadStep) -> bool:
    """Whether who takes ``step`` from ``state`` is, or becomes, the second reader.

    Examples
    --------
    >>> is_second_read(ReadState.SECOND_REQUESTED, ReadStep.CLAIM)
    True
    >>> is_second_read(ReadState.SECOND_REQUESTED, ReadStep.WITHDRAW_SECOND_READ)
    False
    """
    return state in SECOND_STATES and step in _BY_THE_READER


def need_another_reader(
    state: ReadState, step: ReadStep, reader: str, reported_by: Collection[str]
) -> None:
    """Refuse a second read by somebody who reported the study before.

    Parameters
    ----------
    state, step
        Where the study is, and what is to be done.
    reader, reported_by
        IDs of keys: whose step it is, and who reported the study so far.

    Raises
    ------
    SameReader
        If they are the same person; it names what remains possible.

    Examples
    --------
    >>> need_another_reader(ReadState.SECOND_REQUESTED, ReadStep.CLAIM, "rao", ["vogt"])
    """
    if reader in reported_by and is_second_read(state, step):
        others = [one.value for one in allowed_read_steps(state) if one not in _BY_THE_READER]
        raise SameReader(state.value, others)
