"""Readers take studies, keep them, give them back, and take the next one."""

from typing import Annotated, Final

from fastapi import APIRouter, Body, Response, status

from api.auth import site_for
from api.claim_bodies import (
    ClaimAnswer,
    ClaimGiven,
    ClaimRequest,
    NextRequest,
    TakeOverRequest,
    TokenRequest,
)
from api.contract import problems
from api.deps import ReaderCaller, ResourcesDep, StudyId
from api.study_bodies import StudyAnswer
from api.views import study_view
from preread import claims
from preread.claims import Lease
from preread.db.worklist import NextQuery
from preread.keys import Caller
from preread.notice import NOTICE
from preread.resources import Resources

router = APIRouter(prefix="/v1", tags=["reading"])

_BEATS_PER_LEASE: Final = 5
_REFUSALS: Final = problems(401, 403, 404, 409, 413, 422, 503)


@router.post(
    "/worklist/next",
    response_model=ClaimAnswer,
    responses={
        204: {"description": "No study waits that this reader could take."},
        **problems(401, 403, 409, 413, 422, 503),
    },
)
def claim_next_study(
    caller: ReaderCaller,
    resources: ResourcesDep,
    body: Annotated[NextRequest | None, Body()] = None,
) -> ClaimAnswer | Response:
    """Claim the study that is to be read next; no two readers get the same one.

    Sites that ask for a license which the key does not name are passed over.
    """
    said = body or NextRequest()
    query = NextQuery(
        sites=site_for(caller, said.site), modality=said.modality, license=said.license
    )
    lease = claims.claim_first(resources, query, by=caller, token=said.token)
    if lease is None:
        return Response(status_code=status.HTTP_204_NO_CONTENT)
    return _answer(resources, caller, lease)


@router.post("/studies/{study_id}/claim", responses=_REFUSALS)
def claim_study(
    caller: ReaderCaller,
    study_id: StudyId,
    resources: ResourcesDep,
    body: Annotated[ClaimRequest | None, Body()] = None,
) -> ClaimAnswer:
    """Claim a study: it leaves the list while its reader gives signs of life.

    The answer's token releases, holds and reports it. Without a heartbeat in time it goes back
    to its place.
    """
    token = None if body is None else body.token
    lease = claims.claim_study(resources, study_id, by=caller, token=token)
    return _answer(resources, caller, lease)


@router.post("/studies/{study_id}/heartbeat", responses=_REFUSALS)
def keep_study(
    caller: ReaderCaller, study_id: StudyId, body: TokenRequest, resources: ResourcesDep
) -> ClaimAnswer:
    """Keep a claimed study for another lease."""
    lease = claims.keep_lease(resources, study_id, by=caller, token=body.token)
    return _answer(resources, caller, lease)


@router.post("/studies/{study_id}/release", responses=_REFUSALS)
def release_study(
    caller: ReaderCaller, study_id: StudyId, body: TokenRequest, resources: ResourcesDep
) -> StudyAnswer:
    """Give a claimed study back; it stands where it stood."""
    study = claims.release_study(resources, study_id, by=caller, token=body.token)
    mode = resources.settings.mode
    return StudyAnswer(study=study_view(study, caller, mode), mode=mode, notice=NOTICE)


@router.post("/studies/{study_id}/take-over", responses=_REFUSALS)
def take_study_over(
    caller: ReaderCaller, study_id: StudyId, body: TakeOverRequest, resources: ResourcesDep
) -> ClaimAnswer:
    """Take a study out of a colleague's hands; the colleague's token is void."""
    lease = claims.take_over(resources, study_id, by=caller, reason=body.reason, token=body.token)
    return _answer(resources, caller, lease)


def _answer(resources: Resources, caller: Caller, lease: Lease) -> ClaimAnswer:
    mode = resources.settings.mode
    return ClaimAnswer(
        study=study_view(lease.study, caller, mode),
        claim=ClaimGiven(
            token=lease.token,
            lease_until=lease.lease_until,
            heartbeat_s=resources.settings.claim_lease_s / _BEATS_PER_LEASE,
        ),
        mode=mode,
        notice=NOTICE,
    )
