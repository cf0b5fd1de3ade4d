"""What a sender says about an upload, and the answer that it gets."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from preread.terms import OrderClass


class FileStatus(StrEnum):
    """What became of one file."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REFUSED = "refused"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class FileOutcome(_Value):
    """What became of one file, numbered from 1 in the order sent."""

    number: int
    status: FileStatus
    code: str | None
    study_id: str | None


class ReceivedStudy(_Value):
    """A study that the files belong to."""

    study_id: str
    created: bool
    complete: bool
    instance_count: int


class Receipt(_Value):
    """The answer to an upload."""

    studies: tuple[ReceivedStudy, ...]
    files: tuple[FileOutcome, ...]


@dataclass(frozen=True, slots=True)
class Submission:
    """What the sender says about an upload.

    Attributes
    ----------
    site
        The hospital or customer the studies belong to.
    order_class
        None takes it from Requested Procedure Priority (0040,1003).
    accession_number
        None takes it from Accession Number (0008,0050).
    complete
        True if nothing will follow.
    actor
        Who sends: the ID of the API key.
    idempotency_key
        As in the request; None if there was none.
    """

    site: str
    order_class: OrderClass | None
    accession_number: str | None
    complete: bool
    actor: str
    idempotency_key: str | None
