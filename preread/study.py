"""The life of a study: two machines side by side, ingest/AI and read.

Ingest/AI::

    receiving ─complete─▶ queued ─start─▶ running ─▶ succeeded | not_assessed | failed
                             ▲               │
                             └──lost worker──┘          late slices: back to receiving

Read::

    unread ─preliminary_report─▶ preliminary ─final_report─▶ final
      └────────────────────final_report────────────────────────▲

A study is *ranked*, that is on the waiting list, while it is unread and has been
completed once. What the AI does never takes it off that list.
"""

from enum import StrEnum
from typing import Final

from preread.errors import IllegalStep


class AiState(StrEnum):
    """How far the software got with the present revision of a study."""

    RECEIVING = "receiving"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    NOT_ASSESSED = "not_assessed"
    FAILED = "failed"


class ReadState(StrEnum):
    """How far the radiologist got."""

    UNREAD = "unread"
    PRELIMINARY = "preliminary"
    FINAL = "final"


class TaskState(StrEnum):
    """How far the work on one revision got."""

    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    SUPERSEDED = "superseded"


class ReadStep(StrEnum):
    """What a reader can do to a study."""

    PRELIMINARY_REPORT = "preliminary_report"
    FINAL_REPORT = "final_report"


_READ_STEPS: Final = {
    ReadState.UNREAD: {
        ReadStep.PRELIMINARY_REPORT: ReadState.PRELIMINARY,
        ReadStep.FINAL_REPORT: ReadState.FINAL,
    },
    ReadState.PRELIMINARY: {ReadStep.FINAL_REPORT: ReadState.FINAL},
    ReadState.FINAL: {},
}


def allowed_read_steps(state: ReadState) -> tuple[ReadStep, ...]:
    """Return the steps that a reader can take from ``state``.

    Examples
    --------
    >>> [step.value for step in allowed_read_steps(ReadState.PRELIMINARY)]
    ['final_report']
    """
    return tuple(_READ_STEPS[state])


def take_read_step(state: ReadState, step: ReadStep) -> ReadState:
    """Return the state after ``step``.

    Raises
    ------
    IllegalStep
        If the step cannot be taken from ``state``; it names those that can.

    Examples
    --------
    >>> take_read_step(ReadState.UNREAD, ReadStep.FINAL_REPORT).value
    'final'
    """
    steps = _READ_STEPS[state]
    if step not in steps:
        raise IllegalStep(state.value, step.value, [allowed.value for allowed in steps])
    return steps[step]
