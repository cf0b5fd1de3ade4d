"""A study as it is sent: what it is, how far it got, in whose hands it is, what happened to it."""

from datetime import datetime

from api.bodies import AnswerBody
from preread.findings import Mode
from preread.reading import ReadStep
from preread.reasons import ReasonCode
from preread.study import AiState, FindingSummary, ReadState
from preread.terms import Level, OrderClass


class StudyLinks(AnswerBody):
    """Where to go from a study."""

    self: str
    events: str
    pre_read: str | None
    page: str


class ClaimView(AnswerBody):
    """Who reads a study now; the name is the label of the key, and ``mine`` says it is yours."""

    by: str
    mine: bool
    since: datetime
    lease_until: datetime


class AssignmentView(AnswerBody):
    """To whom the coordinator gave a study that waits; until then others are not offered it."""

    to: str
    mine: bool
    until: datetime


class HoldView(AnswerBody):
    """Why a study waits for something else than a reader; its clock is stopped."""

    reason: str
    since: datetime


class PinView(AnswerBody):
    """Why a person put a study in front of all others, and until when."""

    reason: str
    until: datetime


class StudyView(AnswerBody):
    """A study as the API shows it.

    ``level``, ``findings`` and the like are what the newest pre-read says, which may be that
    of an earlier revision while ``ai_state`` is not final. ``result_hidden`` is true for keys
    that may send but not read; then those members are null or empty. ``held_s`` is the time of
    all holds that ended; ``due_at`` is later by it.
    """

    study_id: str
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
    completed_at: datetime | None
    settled: bool
    revision: int
    ai_state: AiState
    ai_reason: ReasonCode | None
    ai_reason_text: str | None
    ai_started_at: datetime | None
    ai_done_at: datetime | None
    read_state: ReadState
    reported_at: datetime | None
    allowed_steps: tuple[ReadStep, ...]
    claim: ClaimView | None
    assignment: AssignmentView | None
    hold: HoldView | None
    held_s: float
    pin: PinView | None
    on_worklist: bool
    due_at: datetime | None
    policy_version: str | None
    result_hidden: bool
    rank_reason: str | None
    level: Level | None
    rank_level: Level | None
    findings: tuple[FindingSummary, ...]
    summary: str | None
    key_image_count: int
    key_image_url: str | None
    links: StudyLinks


class StudyAnswer(AnswerBody):
    """One study, with the notice that goes with every result."""

    study: StudyView
    mode: Mode
    notice: str


class StudiesAnswer(AnswerBody):
    """The studies that bear an identifier, the newest first."""

    studies: tuple[StudyView, ...]
    mode: Mode
    notice: str


class EventView(AnswerBody):
    """One thing that happened to a study."""

    seq: int
    at: datetime
    kind: str
    study_id: str
    site: str
    detail: dict[str, object]


class StudyEvents(AnswerBody):
    """Everything that happened to one study, oldest first."""

    events: tuple[EventView, ...]
