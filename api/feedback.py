"""What readers say of a pre-read, and what coordinators see of it."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, status
from pydantic import ConfigDict, Field

from api.bodies import AnswerBody, RequestBody
from api.contract import problems
from api.deps import OperatorCaller, ReaderCaller, ResourcesDep, StudyId
from api.errors import FieldRefused
from preread import judging
from preread.db.feedback import GivenFeedback, that_count
from preread.errors import JudgmentContradicts
from preread.feedback import (
    FalsePositiveCause,
    Judgment,
    MarkedPlace,
    Verdict,
    VolumeVerdict,
)
from preread.rubric import BEST_SCORE, SCORE_WORDS
from preread.terms import HemorrhageType, Laterality, Level, Region

router = APIRouter(prefix="/v1/studies", tags=["measuring"])

_SCALE: Final = " ".join(f"{score} – {meaning}" for score, meaning in SCORE_WORDS.items())
_MOST_PLACES: Final = 40


class PlaceBody(RequestBody):
    """Where the reader sees blood."""

    model_config = ConfigDict(from_attributes=True)

    region: Region
    laterality: Laterality | None = None


class FeedbackRequest(RequestBody):
    """A reader's judgment of one pre-read. There is no free text, as it would hold patient data."""

    revision: Annotated[int, Field(ge=1, le=2**31 - 1)] = Field(
        description="Of the study, as the pre-read says it."
    )
    score: Annotated[int, Field(ge=0, le=BEST_SCORE)] | None = Field(
        default=None,
        description=f"Agreement with the pre-read. {_SCALE} Left out where nothing is there "
        "and nothing was flagged, and only there; of a false alarm, and of a bleed behind none, only 0 is taken.",
    )
    types: tuple[HemorrhageType, ...] = Field(
        max_length=len(HemorrhageType),
        description="The types that are really there, by the final report; [] for none.",
    )
    places: tuple[PlaceBody, ...] = Field(
        default=(), max_length=_MOST_PLACES, description="Where they really are."
    )
    volume: VolumeVerdict | None = Field(
        default=None, description="How the outlined volume compares with what is there."
    )
    false_positive_cause: FalsePositiveCause | None = Field(
        default=None, description="What was taken for blood; only of a false positive."
    )


class FeedbackView(AnswerBody):
    """One judgment; ``counts`` is false once the same reader gave a newer one."""

    study_id: str
    revision: int
    reader: str
    given_at: datetime
    level: Level
    model_version: str | None
    verdict: Verdict
    score: int | None
    types: tuple[HemorrhageType, ...]
    places: tuple[PlaceBody, ...]
    volume: VolumeVerdict | None
    false_positive_cause: FalsePositiveCause | None
    counts: bool


class StudyFeedback(AnswerBody):
    """Everything that readers said of one study, oldest first."""

    feedback: tuple[FeedbackView, ...]


@router.post(
    "/{study_id}/feedback",
    status_code=status.HTTP_201_CREATED,
    responses=problems(401, 403, 404, 409, 413, 422, 503),
)
def give_feedback(
    caller: ReaderCaller, study_id: StudyId, body: FeedbackRequest, resources: ResourcesDep
) -> FeedbackView:
    """Say how far a pre-read agrees with the final report; a later word replaces an earlier one.

    The verdict follows: flagged is critical or suspected, so TP and FP; else FN and TN.
    """
    judgment = Judgment(
        revision=body.revision,
        score=body.score,
        types=tuple(kind for kind in HemorrhageType if kind in body.types),
        places=tuple(MarkedPlace(place.region, place.laterality) for place in body.places),
        volume=body.volume,
        cause=body.false_positive_cause,
    )
    try:
        given = judging.give_feedback(
            resources, study_id, judgment, reader=caller.key_id, sites=caller.sites
        )
    except JudgmentContradicts as error:
        raise FieldRefused(f"body.{error.member}", "contradiction", str(error)) from error
    return _view(given, counts=True)


@router.get("/{study_id}/feedback", responses=problems(401, 403, 404, 503))
def get_feedback(
    caller: OperatorCaller, study_id: StudyId, resources: ResourcesDep
) -> StudyFeedback:
    """Return everything that readers said of a study's pre-reads."""
    with resources.reading() as work:
        work.studies.get(study_id, sites=caller.sites)
        given = work.feedback.of_study(study_id)
    counted = {one.number for one in that_count(given).values()}
    return StudyFeedback(feedback=tuple(_view(one, counts=one.number in counted) for one in given))


def _view(given: GivenFeedback, *, counts: bool) -> FeedbackView:
    said = given.judgment
    return FeedbackView(
        study_id=given.study_id,
        revision=said.revision,
        reader=given.reader,
        given_at=given.given_at,
        level=given.level,
        model_version=given.model_version,
        verdict=given.verdict,
        score=said.score,
        types=said.types,
        places=tuple(PlaceBody.model_validate(place) for place in said.places),
        volume=said.volume,
        false_positive_cause=said.cause,
        counts=counts,
    )
