"""The life of a study: two machines side by side, ingest/AI and reading.

Ingest/AI::

    receiving ─complete─▶ queued ─start─▶ running ─▶ succeeded | not_assessed | failed
                             ▲               │
                             └──lost worker──┘          late slices: back to receiving

The reading is the table of :mod:`preread.reading`.

A study is *ranked*, that is on the waiting list, while it is unread and has been
completed once. What the AI does never takes it off that list.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from preread.reasons import ReasonCode
from preread.terms import HemorrhageType, Level, OrderClass


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
    CLAIMED = "claimed"
    ON_HOLD = "on_hold"
    PRELIMINARY = "preliminary"
    FINAL = "final"
    REOPENED = "reopened"
    SECOND_REQUESTED = "second_requested"
    CLAIMED_SECOND = "claimed_second"
    CANCELLED = "cancelled"


class TaskState(StrEnum):
    """How far the work on one revision got."""

    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    SUPERSEDED = "superseded"


class FindingSummary(BaseModel):
    """What a row of the worklist shows of a finding."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: HemorrhageType
    probability: float
    volume_ml: float | None
    place: str | None


@dataclass(frozen=True, slots=True)
class Handling:
    """Who has a study in hand, and what people decided about it.

    Attributes
    ----------
    claimed_by, assigned_to
        IDs of keys; the names are the labels of those keys.
    held_at, held_ms
        Since when the study is on hold, and the milliseconds of all holds that ended.
    """

    claimed_by: str | None = None
    claimed_by_name: str | None = None
    claimed_at: datetime | None = None
    lease_until: datetime | None = None
    assigned_to: str | None = None
    assigned_to_name: str | None = None
    assigned_until: datetime | None = None
    held_at: datetime | None = None
    held_ms: int = 0
    hold_reason: str | None = None
    pinned_until: datetime | None = None
    pin_reason: str | None = None


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
    handling
        Who has it in hand.
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
    handling: Handling = Handling()
