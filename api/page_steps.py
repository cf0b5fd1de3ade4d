"""What a person does on the page: forms that call the same functions as the API.

Every answer is short: the list and the study are asked for anew, because the step made events.
A browser's cookie is not enough for any of them: :func:`api.auth.authenticate` also asks that
the request comes from our own page.
"""

from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import parse_qsl, urlsplit

from fastapi import APIRouter, BackgroundTasks, Form, Path, Request, Response
from fastapi.responses import RedirectResponse

from api.auth import site_for
from api.claim_bodies import Reason
from api.deps import OperatorPageCaller, PageCaller, ResourcesDep, StudyId
from api.listing import PageFilters, read_filters
from api.page_claims import forget, held_tokens, remember
from api.report_bodies import ReportStatus
from api.templating import done, is_fragment
from preread import alerts, claims, retry
from preread import report as reports
from preread.claims import Lease
from preread.db.worklist import NextQuery
from preread.errors import ClaimNotHeld, StudyNotFound
from preread.leases import new_token
from preread.reading import ReadStep
from preread.resources import Resources

router = APIRouter(include_in_schema=False)

_CLAIMED: Final = "Claimed: it is yours to read."
_STEP: Final = {
    ReportStatus.PRELIMINARY: ReadStep.PRELIMINARY_REPORT,
    ReportStatus.FINAL: ReadStep.FINAL_REPORT,
}


@router.post("/next")
def take_next(caller: PageCaller, request: Request, resources: ResourcesDep) -> Response:
    """Claim the first study that waits, of the site that is shown if it is one, and open it."""
    filters = _filters(request)
    query = NextQuery(sites=site_for(caller, filters.site))
    lease = claims.claim_first(resources, query, by=caller)
    if lease is None:
        return done(request, "/", "Nothing waits that you could take.")
    path = filters.url(f"/studies/{lease.study.id}")
    answer: Response = RedirectResponse(path, HTTPStatus.SEE_OTHER)
    if is_fragment(request):
        answer = done(request, path, _CLAIMED, opens=path)
    return _given(answer, request, resources, lease)


@router.post("/studies/{study_id}/claim")
def claim(
    caller: PageCaller, study_id: StudyId, request: Request, resources: ResourcesDep
) -> Response:
    """Claim a study."""
    lease = claims.claim_study(
        resources, study_id, by=caller, token=held_tokens(request).get(study_id)
    )
    path = f"/studies/{study_id}"
    is_open = path in _came_from(request)
    opens = None if is_open else _filters(request).url(path)
    answer = done(request, path, _CLAIMED, opens=opens)
    return _given(answer, request, resources, lease)


@router.post("/studies/{study_id}/release")
def release(
    caller: PageCaller, study_id: StudyId, request: Request, resources: ResourcesDep
) -> Response:
    """Give a study back."""
    token = held_tokens(request).get(study_id, "")
    claims.release_study(resources, study_id, by=caller, token=token)
    answer = done(request, "/", "Released: it stands where it stood.")
    forget(answer, study_id)
    return answer


@router.post("/studies/{study_id}/take-over")
def take_over(
    caller: PageCaller,
    study_id: StudyId,
    request: Request,
    resources: ResourcesDep,
    reason: Annotated[Reason, Form()],
) -> Response:
    """Take a study out of a colleague's hands."""
    lease = claims.take_over(resources, study_id, by=caller, reason=reason, token=new_token())
    answer = done(request, f"/studies/{study_id}", "Taken over: it is yours to read.")
    return _given(answer, request, resources, lease)


@router.post("/heartbeat")
def keep_all(caller: PageCaller, request: Request, resources: ResourcesDep) -> Response:
    """Keep what this browser has claimed; say what it has lost."""
    answer = Response(status_code=HTTPStatus.NO_CONTENT)
    for study_id, token in held_tokens(request).items():
        try:
            lease = claims.keep_lease(resources, study_id, by=caller, token=token)
        except (ClaimNotHeld, StudyNotFound):
            forget(answer, study_id)
        else:
            _given(answer, request, resources, lease)
    return answer


@router.post("/studies/{study_id}/report")
def report(
    caller: PageCaller,
    study_id: StudyId,
    request: Request,
    resources: ResourcesDep,
    status: Annotated[ReportStatus, Form()],
) -> Response:
    """Say that the study was reported."""
    spent = reports.report_study(
        resources, study_id, _STEP[status], by=caller, token=held_tokens(request).get(study_id)
    )
    minutes, seconds = divmod(round(spent.total_s), 60)
    answer = done(request, f"/studies/{study_id}", f"Reported after {minutes}:{seconds:02} min.")
    forget(answer, study_id)
    return answer


@router.post("/alerts/{alert_id}/acknowledge")
def acknowledge(
    caller: PageCaller,
    alert_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
    request: Request,
    resources: ResourcesDep,
) -> Response:
    """Say that an alert was heard; the label of the key is noted."""
    alerts.acknowledge(resources, alert_id, by=caller, name=None)
    return done(request, "/", "Noted that you have heard it.")


@router.post("/studies/{study_id}/retry")
def retry_pre_read(
    caller: OperatorPageCaller,
    study_id: StudyId,
    request: Request,
    resources: ResourcesDep,
    background: BackgroundTasks,
) -> Response:
    """Let a failed pre-read be tried anew."""
    retry.retry_pre_read(resources, study_id, by=caller)
    background.add_task(resources.doorbell.ring)
    answer = done(request, f"/studies/{study_id}", "It is tried anew; its place did not change.")
    answer.background = background
    return answer


def _filters(request: Request) -> PageFilters:
    """Return the filters of the page from which a step comes, so that the list stays as it is."""
    return read_filters(dict(parse_qsl(urlsplit(_came_from(request)).query)))


def _came_from(request: Request) -> str:
    """Return the address of the page; our own policy lets browsers tell it to us."""
    headers = request.headers
    return headers.get("hx-current-url") or headers.get("referer") or ""


def _given(answer: Response, request: Request, resources: Resources, lease: Lease) -> Response:
    remember(answer, request, lease, lease_s=resources.settings.claim_lease_s)
    return answer
