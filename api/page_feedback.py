"""How far a reader agrees with a pre-read, in one key press or with what is really there."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from api.deps import PageCaller, ResourcesDep, StudyId
from api.errors import FieldRefused
from api.templating import done
from preread import judging
from preread.errors import JudgmentContradicts
from preread.feedback import BEST, FalsePositiveCause, Judgment
from preread.terms import HemorrhageType

router = APIRouter(include_in_schema=False)


@router.post("/studies/{study_id}/feedback")
def judge(
    caller: PageCaller,
    study_id: StudyId,
    request: Request,
    resources: ResourcesDep,
    *,
    revision: Annotated[int, Form(ge=1)],
    score: Annotated[int, Form(ge=0, le=BEST)],
    types: Annotated[tuple[HemorrhageType, ...], Form()] = (),
    cause: Annotated[FalsePositiveCause | None, Form()] = None,
) -> Response:
    """Say how far a pre-read agrees with the report; a later word replaces an earlier one."""
    judgment = Judgment(
        revision=revision,
        score=score,
        types=tuple(kind for kind in HemorrhageType if kind in types),
        places=(),
        volume=None,
        cause=cause,
    )
    try:
        judging.give_feedback(
            resources, study_id, judgment, reader=caller.key_id, sites=caller.sites
        )
    except JudgmentContradicts as error:
        raise FieldRefused(f"form.{error.member}", "contradiction", str(error)) from error
    return done(request, f"/studies/{study_id}", f"Agreement {score} of {BEST} noted. Thank you.")
