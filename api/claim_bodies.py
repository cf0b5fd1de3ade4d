"""Bodies of the requests and answers of claims, and of what coordinators decide."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.filters import LICENSE_PATTERN, SITE_PATTERN
from api.study_bodies import StudyView
from preread.coordination import LONGEST_PIN_MIN
from preread.findings import Mode
from preread.keys import Role

Token = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,64}$")]

Reason = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{3,200}$")]
"""A sentence for colleagues, kept for good; nobody puts a patient's name there."""


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClaimRequest(_Request):
    """Take a study."""

    token: Token | None = Field(
        default=None,
        description="Made up by the caller, so that the request can be sent again; or given by "
        "the service.",
    )


class NextRequest(ClaimRequest):
    """Take the first study of the list, or of a part of it."""

    site: Annotated[str | None, Field(pattern=SITE_PATTERN)] = None
    modality: Annotated[str | None, Field(pattern=r"^[A-Z0-9_ ]{1,16}$")] = None
    license: Annotated[
        str | None,
        Field(
            pattern=LICENSE_PATTERN, description="Only studies of sites that ask for this license."
        ),
    ] = None


class TakeOverRequest(ClaimRequest):
    """Take a study out of a colleague's hands."""

    reason: Reason


class TokenRequest(_Request):
    """Prove that the study is in the caller's hands."""

    token: Token


class ReasonRequest(_Request):
    """Say why."""

    reason: Reason


class HoldRequest(ReasonRequest):
    """Put a study aside."""

    token: Token | None = Field(default=None, description="Of the claim, if the study has one.")


class PinRequest(ReasonRequest):
    """Put a study in front."""

    minutes: Annotated[int, Field(ge=1, le=LONGEST_PIN_MIN)]


class AssignRequest(_Request):
    """Leave a study to a reader."""

    reader: Annotated[str | None, Field(pattern=r"^[0-9a-f]{8}$")] = Field(
        description="ID of the reader's key as in /v1/readers; null leaves it to everybody."
    )


class ReaderView(BaseModel):
    """Who can be given studies; ``claimed`` are in their hands now."""

    model_config = ConfigDict(frozen=True)

    reader: str
    name: str
    role: Role
    sites: tuple[str, ...] | None
    claimed: int


class ReadersAnswer(BaseModel):
    """All readers that the caller may give studies to."""

    model_config = ConfigDict(frozen=True)

    readers: tuple[ReaderView, ...]


class ClaimGiven(BaseModel):
    """A claim and how to keep it."""

    model_config = ConfigDict(frozen=True)

    token: str
    lease_until: datetime
    heartbeat_s: float


class ClaimAnswer(BaseModel):
    """A study in the caller's hands, with the notice that goes with every result."""

    model_config = ConfigDict(frozen=True)

    study: StudyView
    claim: ClaimGiven
    mode: Mode
    notice: str
