"""What the service answers, as far as the packaged client uses it."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from preread.findings import FindingSummary
from preread.terms import Level, OrderClass


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
    on_worklist: bool
    due_at: datetime | None
    rank_reason: str | None
    level: Level | None
    findings: tuple[FindingSummary, ...]
    summary: str | None
    key_image_count: int


class RemoteEvent(_Answer):
    """One thing that happened to a study."""

    seq: int
    at: datetime
    kind: str
    study_id: str
    site: str
    detail: dict[str, Any]
