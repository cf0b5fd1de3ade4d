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

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from preread.errors import IllegalStep
from preread.findings import FindingSummary
from preread.terms import Level, OrderClass, ReasonCode


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


@dataclass(frozen=True, slots=True)
class Study:
    """What the service knows of one study.

    Attributes
    ----------
    id
        Opaque; the only name of the study in URLs, logs and metrics.
    received_at, completed_at
        First durable instance; first completion (t0 of the ranking, never moves).
    settled
        False while instances arrived that belong to no revision yet.
    revision
        How often the study was complete with other contents; 0 before the first time.
    level, rank_level
        What the present pre-read says; the most urgent that any revision said, which is
        what ranks the study.
    ranked
        Whether the study is on the waiting list.
    """

    id: str
    site: str
    study_instance_uid: str
    accession_number: str | None
    order_class: OrderClass
    modality: str | None
    body_part: str | None
    patient_age_years: int | None
    acquired_at: datetime | None
    synthetic: bool
    instance_count: int
    byte_count: int
    received_at: datetime
    last_instance_at: datetime
    completed_at: datetime | None
    settled: bool
    revision: int
    ai_state: AiState
    ai_reason: ReasonCode | None
    ai_started_at: datetime | None
    ai_done_at: datetime | None
    read_state: ReadState
    reported_at: datetime | None
    level: Level | None
    rank_level: Level | None
    findings: tuple[FindingSummary, ...]
    key_image_count: int
    summary: str | None
    ranked: bool
    lane: int
    key_ms: int
    t0_ms: int
    due_at: datetime | None
    rank_reason: str | None
    policy_version: str | None


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
