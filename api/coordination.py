"""People decide about studies without reading them: hold, pin, assign, cancel, reopen."""

from typing import Final

from fastapi import APIRouter

from api.claim_bodies import (
    AssignRequest,
    HoldRequest,
    PinRequest,
    ReadersAnswer,
    ReaderView,
    ReasonRequest,
)
from api.contract import problems
from api.deps import OperatorCaller, ReaderCaller, ResourcesDep, StudyId
from api.study_bodies import StudyAnswer
from api.views import study_view
from preread import coordination
from preread.keys import Caller
from preread.notice import NOTICE
from preread.reading import ReadStep
from preread.resources import Resources
from preread.study import Study

router = APIRouter(prefix="/v1", tags=["reading"])

_REFUSALS: Final = problems(401, 403, 404, 409, 413, 422, 503)
_BODILESS: Final = problems(401, 403, 404, 409, 503)


@router.post("/studies/{study_id}/hold", responses=_REFUSALS)
def hold_study(
    caller: ReaderCaller, study_id: StudyId, body: HoldRequest, resources: ResourcesDep
) -> StudyAnswer:
    """Put a study aside until what it needs is there; its clock stops.

    Who claimed the study sends the token; coordinators may hold it over its reader's head.
    """
    study = coordination.hold_study(
        resources, study_id, by=caller, reason=body.reason, token=body.token
    )
    return _answer(resources, caller, study)


@router.post("/studies/{study_id}/resume", responses=_BODILESS)
def resume_study(caller: ReaderCaller, study_id: StudyId, resources: ResourcesDep) -> StudyAnswer:
    """Put a study on hold back in its place; it is due later by the time that it was held."""
    return _answer(resources, caller, coordination.resume_study(resources, study_id, by=caller))


@router.post("/studies/{study_id}/pin", responses=_REFUSALS)
def pin_study(
    caller: OperatorCaller, study_id: StudyId, body: PinRequest, resources: ResourcesDep
) -> StudyAnswer:
    """Put a waiting study in front of all that are not pinned, for up to an hour."""
    study = coordination.pin_study(
        resources, study_id, by=caller, reason=body.reason, minutes=body.minutes
    )
    return _answer(resources, caller, study)


@router.post("/studies/{study_id}/unpin", responses=_BODILESS)
def unpin_study(caller: OperatorCaller, study_id: StudyId, resources: ResourcesDep) -> StudyAnswer:
    """Put a pinned study back in its place."""
    return _answer(resources, caller, coordination.unpin_study(resources, study_id, by=caller))


@router.post("/studies/{study_id}/assign", responses={**problems(400), **_REFUSALS})
def assign_study(
    caller: OperatorCaller, study_id: StudyId, body: AssignRequest, resources: ResourcesDep
) -> StudyAnswer:
    """Leave a waiting study to one reader for a while; it keeps its place."""
    study = coordination.assign_study(resources, study_id, by=caller, reader=body.reader)
    return _answer(resources, caller, study)


@router.post("/studies/{study_id}/cancel", responses=_REFUSALS)
def cancel_study(
    caller: OperatorCaller, study_id: StudyId, body: ReasonRequest, resources: ResourcesDep
) -> StudyAnswer:
    """Take a study that has no final report off the list for good."""
    return _take(resources, caller, study_id, ReadStep.CANCEL, body)


@router.post("/studies/{study_id}/reopen", responses=_REFUSALS)
def reopen_study(
    caller: ReaderCaller, study_id: StudyId, body: ReasonRequest, resources: ResourcesDep
) -> StudyAnswer:
    """Open a finally reported study again; it waits off the list to be claimed."""
    return _take(resources, caller, study_id, ReadStep.REOPEN, body)


@router.post("/studies/{study_id}/second-read", responses=_REFUSALS)
def request_second_read(
    caller: ReaderCaller, study_id: StudyId, body: ReasonRequest, resources: ResourcesDep
) -> StudyAnswer:
    """Ask that a second reader looks at a finally reported study: nobody who reported it before."""
    return _take(resources, caller, study_id, ReadStep.REQUEST_SECOND_READ, body)


@router.post("/studies/{study_id}/second-read/withdraw", responses=_REFUSALS)
def withdraw_second_read(
    caller: ReaderCaller, study_id: StudyId, body: ReasonRequest, resources: ResourcesDep
) -> StudyAnswer:
    """Let the first report stand after all."""
    return _take(resources, caller, study_id, ReadStep.WITHDRAW_SECOND_READ, body)


@router.get("/readers", responses=problems(401, 403, 503))
def get_readers(caller: OperatorCaller, resources: ResourcesDep) -> ReadersAnswer:
    """Return who can be given studies, and how many are in their hands now."""
    return ReadersAnswer(
        readers=tuple(
            ReaderView(
                reader=reader.key_id,
                name=reader.name,
                role=reader.role,
                sites=None if reader.sites is None else tuple(sorted(reader.sites)),
                claimed=reader.claimed,
            )
            for reader in coordination.readers(resources, caller.sites)
        )
    )


def _take(
    resources: Resources, caller: Caller, study_id: str, step: ReadStep, body: ReasonRequest
) -> StudyAnswer:
    study = coordination.take_with_reason(resources, study_id, step, by=caller, reason=body.reason)
    return _answer(resources, caller, study)


def _answer(resources: Resources, caller: Caller, study: Study) -> StudyAnswer:
    mode = resources.settings.mode
    return StudyAnswer(study=study_view(study, caller, mode), mode=mode, notice=NOTICE)
