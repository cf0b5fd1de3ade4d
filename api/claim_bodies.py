"""Bodies of the requests and answers of claims, and of what coordinators decide."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from api.bodies import AnswerBody, RequestBody
from api.filters import LICENSE_PATTERN, SITE_PATTERN
from api.study_bodies import StudyView
from preread.coordination import LONGEST_PIN_MIN
from preread.findings import Mode
from preread.keys import Role

Token = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,64}$")]

Reason = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{3,200}$")]
"""A sentence for colleagues, kept for good; nobody puts a patient's name there."""


class ClaimRequest(RequestBody):
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


class TokenRequest(RequestBody):
    """Prove that the study is in the caller's hands."""

    token: Token


class ReasonRequest(RequestBody):
    """Say why."""

    reason: Reason


class HoldRequest(ReasonRequest):
    """Put a study aside."""

    token: Token | None = Field(default=None, description="Of the claim, if the study has one.")


class PinRequest(ReasonRequest):
    """Put a study in front."""

    minutes: Annotated[int, Field(ge=1, le=LONGEST_PIN_MIN)]


class AssignRequest(RequestBody):
    """Leave a study to a reader."""

    reader: Annotated[str | None, Field(pattern=r"^[0-9a-f]{8}$")] = Field(
        description="ID of the reader's key as in /v1/readers; null leaves it to everybody."
    )


class ReaderView(AnswerBody):
    """Who can be given studies; ``claimed`` are in their hands now."""

    reader: str
    name: str
    role: Role
    sites: tuple[str, ...] | None
    claimed: int


class ReadersAnswer(AnswerBody):
    """All readers that the caller may give studies to."""

    readers: tuple[ReaderView, ...]


class ClaimGiven(AnswerBody):
    """A claim and how to keep it."""

    token: str
    lease_until: datetime
    heartbeat_s: float


class ClaimAnswer(AnswerBody):
    """A study in the caller's hands, with the notice that goes with every result."""

    study: StudyView
    claim: ClaimGiven
    mode: Mode
    notice: str
