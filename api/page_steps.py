"""What a person does on the page: forms that call the same functions as the API.

Every answer is short: the list and the study are asked for anew, because the step made events.
A browser's cookie is not enough for any of them: :func:`api.auth.authenticate` also asks that
the request comes from our own page.
"""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from api.deps import PageCaller, ResourcesDep, StudyId
from api.schemas import ReportStatus
from api.studies import READ_STEP
from api.templating import done
from preread import report as reports

router = APIRouter(prefix="/studies/{study_id}", include_in_schema=False)


@router.post("/report")
def report(
    caller: PageCaller,
    study_id: StudyId,
    request: Request,
    resources: ResourcesDep,
    status: Annotated[ReportStatus, Form()],
) -> Response:
    """Say that the study was reported."""
    spent = reports.report_study(
        resources, study_id, READ_STEP[status], actor=caller.key_id, site=caller.site
    )
    minutes, seconds = divmod(round(spent.total_s), 60)
    return done(request, f"/studies/{study_id}", f"Reported after {minutes}:{seconds:02} min.")
