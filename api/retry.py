"""Trying a failed pre-read anew, for who looks after the service."""

from fastapi import APIRouter, BackgroundTasks, status

from api.contract import problems
from api.deps import OperatorCaller, ResourcesDep, StudyId
from api.study_bodies import StudyAnswer
from api.views import study_view
from preread import retry
from preread.notice import NOTICE

router = APIRouter(prefix="/v1/studies", tags=["studies"])


@router.post(
    "/{study_id}/retry",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(401, 403, 404, 409, 503),
)
def retry_pre_read(
    caller: OperatorCaller, study_id: StudyId, resources: ResourcesDep, background: BackgroundTasks
) -> StudyAnswer:
    """Let a pre-read that failed be tried anew, with all its attempts."""
    study = retry.retry_pre_read(resources, study_id, by=caller)
    background.add_task(resources.doorbell.ring)
    mode = resources.settings.mode
    return StudyAnswer(study=study_view(study, caller, mode), mode=mode, notice=NOTICE)
