"""A radiologist's report as it is taken, and the turnaround time that it gets as an answer."""

from enum import StrEnum

from pydantic import Field

from api.bodies import AnswerBody, RequestBody
from api.claim_bodies import Token
from preread.study import ReadState


class ReportStatus(StrEnum):
    """How final a radiologist's report is."""

    PRELIMINARY = "preliminary"
    FINAL = "final"


class ReportRequest(RequestBody):
    """A radiologist reported the study."""

    status: ReportStatus = Field(description="preliminary keeps the study open for a final one.")
    token: Token | None = Field(default=None, description="Of the claim, if the study has one.")


class TurnaroundView(AnswerBody):
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


class ReportAnswer(AnswerBody):
    """The study's new state and its turnaround time up to this report."""

    study_id: str
    read_state: ReadState
    turnaround: TurnaroundView
