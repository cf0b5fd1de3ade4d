"""Bodies of requests and answers that are not values of the domain.

What we send carries no defaults, so that every member is «required» in the OpenAPI document
and a reader can rely on it; null says that there is nothing.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from preread.dicom.picture import WindowName
from preread.findings import FindingSummary, Mode
from preread.reading import ReadStep
from preread.reasons import ReasonCode
from preread.study import AiState, ReadState
from preread.terms import HemorrhageType, Level, OrderClass

Token = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,64}$")]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class RefusedFile(_Answer):
    """A file of an upload that was refused, numbered from 1 in the order sent."""

    number: int
    code: str


class RefusedValue(_Answer):
    """A value that breaks its rule; the value itself is never repeated."""

    location: str
    rule: str
    message: str


class Problem(_Answer):
    """A problem (RFC 9457); members below ``code`` are there only for some types."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: tuple[RefusedValue, ...] | None = None
    files: tuple[RefusedFile, ...] | None = None
    state: str | None = None
    allowed: tuple[str, ...] | None = None
    active: int | None = None
    ai_state: AiState | None = None
    ai_reason: ReasonCode | None = None
    checks: dict[str, str] | None = None


class StudyLinks(_Answer):
    """Where to go from a study."""

    self: str
    events: str
    pre_read: str | None
    page: str


class ClaimView(_Answer):
    """Who reads a study now; the name is the label of the key, and ``mine`` says it is yours."""

    by: str
    mine: bool
    since: datetime
    lease_until: datetime


class AssignmentView(_Answer):
    """To whom the coordinator gave a study that waits; until then others are not offered it."""

    to: str
    mine: bool
    until: datetime


class HoldView(_Answer):
    """Why a study waits for something else than a reader; its clock is stopped."""

    reason: str
    since: datetime


class PinView(_Answer):
    """Why a person put a study in front of all others, and until when."""

    reason: str
    until: datetime


class StudyView(_Answer):
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


class StudyAnswer(_Answer):
    """One study, with the notice that goes with every result."""

    study: StudyView
    mode: Mode
    notice: str


class StudiesAnswer(_Answer):
    """The studies that bear an identifier, the newest first."""

    studies: tuple[StudyView, ...]
    mode: Mode
    notice: str


class WorklistRow(_Answer):
    """One study on the worklist.

    ``position`` counts from 1 within this page only: a place in the whole list would be out
    of date as soon as it is read.
    """

    position: int
    study: StudyView


class Counts(_Answer):
    """How many studies are in which condition, for all that the key covers.

    The last four are off the waiting list and will not leave their state by themselves, but for
    claims that expire.
    """

    waiting: int
    flagged: int
    critical: int
    pending: int
    failed: int
    not_assessed: int
    receiving: int
    claimed: int
    on_hold: int
    reopened: int
    second_requested: int


class ListNotice(_Answer):
    """What everybody who reads the list has to know, as a banner."""

    code: str
    site: str
    since: datetime
    text: str


class WorklistAnswer(_Answer):
    """A page of the worklist.

    ``event_seq`` is the number of the newest event that the page contains; following
    ``/v1/worklist/events?after=<event_seq>`` misses nothing.
    """

    studies: tuple[WorklistRow, ...]
    next_cursor: str | None
    counts: Counts
    event_seq: int
    notices: tuple[ListNotice, ...]
    mode: Mode
    notice: str


class SliceWindow(_Answer):
    """A window that slices can be shown in, in HU."""

    name: WindowName
    center_hu: float
    width_hu: float


class SliceFinding(_Answer):
    """A finding with outlines; ``color`` is that of its outlines, #rrggbb."""

    finding_id: str
    type: HemorrhageType
    color: str


class SliceView(_Answer):
    """One slice.

    ``index`` counts from 0, feet to head, as everywhere in the pre-read; ``position_mm`` is
    the distance from the lowest slice; ``url`` is for ever and takes ``&window=`` and
    ``&overlay=true``.
    """

    index: int
    position_mm: float
    instance_number: int | None
    sop_instance_uid: str
    finding_ids: tuple[str, ...]
    url: str


class SlicesAnswer(_Answer):
    """All slices of the series that was read; findings are absent in triage-only mode."""

    study_id: str
    revision: int
    series_instance_uid: str
    count: int
    windows: tuple[SliceWindow, ...]
    findings: tuple[SliceFinding, ...]
    slices: tuple[SliceView, ...]
    mode: Mode
    notice: str


class EventView(_Answer):
    """One thing that happened to a study."""

    seq: int
    at: datetime
    kind: str
    study_id: str
    site: str
    detail: dict[str, object]


class StudyEvents(_Answer):
    """Everything that happened to one study, oldest first."""

    events: tuple[EventView, ...]


class ReportStatus(StrEnum):
    """How final a radiologist's report is."""

    PRELIMINARY = "preliminary"
    FINAL = "final"


class ReportRequest(BaseModel):
    """A radiologist reported the study."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: ReportStatus = Field(description="preliminary keeps the study open for a final one.")
    token: Token | None = Field(default=None, description="Of the claim, if the study has one.")


class TurnaroundView(_Answer):
    """Seconds between the milestones of a study; ``total_s`` is their sum, without ``held_s``.

    ``read_known`` is false for a report without a claim; its reading is part of ``wait_s``.
    """

    transfer_s: float
    completeness_s: float
    ai_queue_s: float
    ai_s: float
    wait_s: float
    read_s: float
    sign_s: float
    total_s: float
    held_s: float
    read_known: bool


class ReportAnswer(_Answer):
    """The study's new state and its turnaround time up to this report."""

    study_id: str
    read_state: ReadState
    turnaround: TurnaroundView


class Health(_Answer):
    """How the process is."""

    status: str


class Readiness(_Answer):
    """What the process needs, and how each of it is."""

    status: str
    checks: dict[str, str]


class Version(_Answer):
    """Which software this is."""

    version: str
    pre_read_schema_version: str
    policy_version: str
    mode: Mode
    notice: str
