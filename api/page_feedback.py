"""How far a reader agrees with a pre-read: in one key press, or with what is really there.

The form always brings the types. Places come only from somebody who opened the corrections, so
that one key press does not put words about places into a reader's mouth.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Request, Response
from pydantic import Field

from api.deps import PageCaller, ResourcesDep, StudyId
from api.errors import FieldRefused
from api.templating import done
from api.wording import CAUSE_WORD
from preread import judging
from preread.errors import JudgmentContradicts
from preread.feedback import FalsePositiveCause, Judgment, MarkedPlace, VolumeVerdict
from preread.rubric import BEST_SCORE
from preread.terms import HemorrhageType, Laterality, Region

router = APIRouter(include_in_schema=False)

MOST_PLACES: Final = 40
_PLACE: Final = r"^[a-z_]{3,40}(:[LRBM])?$"
_FALSE_ALARM: Final = 0


class Said:
    """What the form says.

    What has a cause is a false alarm, and what is said to be no bleed is none, whatever else is
    still ticked.
    """

    def __init__(
        self,
        revision: Annotated[int, Form(ge=1)],
        *,
        score: Annotated[int | None, Form(ge=0, le=BEST_SCORE)] = None,
        types: Annotated[tuple[HemorrhageType, ...], Form()] = (),
        places: Annotated[
            tuple[Annotated[str, Field(pattern=_PLACE)], ...], Form(max_length=MOST_PLACES)
        ] = (),
        region: Annotated[Region | None, Form()] = None,
        side: Annotated[Laterality | None, Form()] = None,
        volume: Annotated[VolumeVerdict | None, Form()] = None,
        cause: Annotated[FalsePositiveCause | None, Form()] = None,
        no_bleed: Annotated[bool, Form()] = False,
    ) -> None:
        none_there = no_bleed or cause is not None
        marked = [place_of(text) for text in places]
        if region is not None:  # chosen, and not yet added to the places by a script
            marked.append(MarkedPlace(region, side))
        self.judgment = Judgment(
            revision=revision,
            score=(None if no_bleed else _FALSE_ALARM) if none_there else score,
            types=() if none_there else tuple(kind for kind in HemorrhageType if kind in types),
            places=() if none_there else tuple(dict.fromkeys(marked)),
            volume=None if none_there else volume,
            cause=cause,
        )


@router.post("/studies/{study_id}/feedback")
def judge(
    caller: PageCaller,
    study_id: StudyId,
    request: Request,
    resources: ResourcesDep,
    said: Annotated[Said, Depends()],
) -> Response:
    """Say how far a pre-read agrees with the report; a later word replaces an earlier one."""
    judgment = said.judgment
    try:
        judging.give_feedback(
            resources, study_id, judgment, reader=caller.key_id, sites=caller.sites
        )
    except JudgmentContradicts as error:
        raise FieldRefused(f"form.{error.member}", "contradiction", str(error)) from error
    return done(request, f"/studies/{study_id}", _thanks(judgment))


def place_of(text: str) -> MarkedPlace:
    """Return the place that a form carried.

    Raises
    ------
    FieldRefused
        If there is no such region or side.
    """
    region, _, side = text.partition(":")
    try:
        return MarkedPlace(Region(region), Laterality(side) if side else None)
    except ValueError as error:
        raise FieldRefused("form.places", "enum", "There is no such place.") from error


def _thanks(judgment: Judgment) -> str:
    if judgment.cause is not None:
        return f"False alarm noted: {CAUSE_WORD[judgment.cause]}. Thank you."
    if judgment.score is None:
        return "No bleed, and none flagged: noted. Thank you."
    more = len(judgment.places)
    places = f" with {more} place{'s' if more > 1 else ''}" if more else ""
    return f"Agreement {judgment.score} of {BEST_SCORE} noted{places}. Thank you."
