"""What the service answers, as far as the packaged client uses it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from preread.errors import PreReadError
from preread.study import FindingSummary
from preread.terms import Level, OrderClass


class ProblemError(PreReadError):
    """The service answered with a problem (RFC 9457).

    Attributes
    ----------
    status
        Of the HTTP answer.
    problem_code
        What went wrong, as a stable word.
    files
        ``(number, code)`` of each refused file, where the problem is an upload's.
    allowed
        The steps that the study can take, where it could not take the one asked for.
    """

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.status = status
        self.problem_code = str(body.get("code", "unknown"))
        self.title = str(body.get("title", f"HTTP status {status}"))
        self.detail = str(body.get("detail", ""))
        self.allowed = tuple(str(step) for step in body.get("allowed") or ())
        self.files = tuple((one["number"], one["code"]) for one in body.get("files") or ())
        super().__init__(f"{self.title}. {self.detail}".strip())


class PreReadFailed(PreReadError):
    """The software gave up on a study; it stays on the worklist.

    Attributes
    ----------
    reason
        Why, in words.
    """

    code = "pre-read-failed"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Answer(BaseModel):
    """A part of an answer; members that this client does not know are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class SentStudy(_Answer):
    """A study that files went into."""

    study_id: str
    created: bool
    complete: bool
    instance_count: int


class FileOutcome(_Answer):
    """What became of one file: stored, duplicate, conflict or refused."""

    number: int
    status: str
    code: str | None
    study_id: str | None


class SendOutcome(_Answer):
    """What became of an upload; files are numbered from 1 in the order sent."""

    studies: tuple[SentStudy, ...]
    files: tuple[FileOutcome, ...]


class RemoteStudy(_Answer):
    """A study as the service shows it."""

    study_id: str
    site: str
    accession_number: str | None
    order_class: OrderClass
    synthetic: bool
    instance_count: int
    received_at: datetime
    completed_at: datetime | None
    revision: int
    ai_state: str
    ai_reason_text: str | None
    read_state: str
    on_worklist: bool
    due_at: datetime | None
    rank_reason: str | None
    level: Level | None
    findings: tuple[FindingSummary, ...]
    summary: str | None
    key_image_count: int


class RemoteClaim(_Answer):
    """What proves a claim, and how to keep it: a sign of life every ``heartbeat_s`` seconds."""

    token: str
    lease_until: datetime
    heartbeat_s: float


class ClaimedStudy(_Answer):
    """A study in the caller's hands."""

    study: RemoteStudy
    claim: RemoteClaim


class RemoteAlert(_Answer):
    """A study that calls for attention; ``mine`` says that it is in the caller's hands."""

    alert_id: int
    study_id: str
    revision: int
    site: str
    kind: str
    level: Level
    raised_at: datetime
    stage: str
    mine: bool
    closed_how: str | None
    closed_name: str | None


class RemoteEvent(_Answer):
    """One thing that happened to a study."""

    seq: int
    at: datetime
    kind: str
    study_id: str
    site: str
    detail: dict[str, Any]
