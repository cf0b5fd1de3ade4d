"""Studies: sending them, completing them, asking for them, reporting them."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, BackgroundTasks, Header, Query, Request, Response, status
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool

from api.auth import one_site_for, site_for
from api.contract import UPLOAD_BODY, problems
from api.deps import AnyCaller, MetricsDep, ReaderCaller, ResourcesDep, SenderCaller, StudyId
from api.errors import FieldRefused
from api.filters import SITE_PATTERN, UID_PATTERN
from api.report_bodies import ReportAnswer, ReportRequest, ReportStatus, TurnaroundView
from api.study_bodies import StudiesAnswer, StudyAnswer, StudyEvents
from api.upload import Intake, take_body
from api.views import event_view, study_view
from preread import completion
from preread import report as reports
from preread.keys import Caller
from preread.notice import NOTICE
from preread.reading import ReadStep
from preread.receive import receive
from preread.study import ReadState
from preread.submission import Receipt, Submission
from preread.terms import OrderClass

router = APIRouter(prefix="/v1/studies", tags=["studies"])


_ACCESSION: Final = r"^[^\x00-\x1f\x7f\\]{1,64}$"
_MOST_FOUND: Final = 100
_KEY: Final = r"^[\x21-\x7e]{1,255}$"

_STEP: Final = {
    ReportStatus.PRELIMINARY: ReadStep.PRELIMINARY_REPORT,
    ReportStatus.FINAL: ReadStep.FINAL_REPORT,
}
_READ_STATE: Final = {
    ReportStatus.PRELIMINARY: ReadState.PRELIMINARY,
    ReportStatus.FINAL: ReadState.FINAL,
}


class _Said(BaseModel):
    """What a sender may say beside the files, in the query or as form fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: Annotated[str | None, Field(pattern=SITE_PATTERN)] = None
    order_class: OrderClass | None = None
    accession_number: Annotated[str | None, Field(pattern=_ACCESSION)] = None
    complete: bool | None = None


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    openapi_extra={"requestBody": UPLOAD_BODY},
    responses=problems(400, 401, 403, 408, 409, 413, 415, 422, 503, 507),
)
async def submit_studies(
    caller: SenderCaller,
    request: Request,
    response: Response,
    background: BackgroundTasks,
    resources: ResourcesDep,
    *,
    metrics: MetricsDep,
    site: Annotated[str | None, Query(pattern=SITE_PATTERN)] = None,
    order_class: Annotated[OrderClass | None, Query()] = None,
    accession_number: Annotated[str | None, Query(pattern=_ACCESSION)] = None,
    complete: Annotated[bool | None, Query()] = None,
    idempotency_key: Annotated[str | None, Header(pattern=_KEY)] = None,
) -> Receipt:
    """Send DICOM files: many in a form, one ZIP, or one file.

    When this answers, the files and the study are durable. Files that could not be read are
    listed with their reasons; the others are kept. The same bytes again change nothing.
    """
    in_query = _Said(
        site=site, order_class=order_class, accession_number=accession_number, complete=complete
    )
    site_for(caller, site)  # refuses before the body comes
    with Intake(resources.store, resources.settings) as intake:
        form = await take_body(request, intake, resources.settings)
        submission = _submission(caller, in_query, form, idempotency_key)
        files = await run_in_threadpool(intake.files)
        receipt = await run_in_threadpool(receive, resources, files, submission)
    metrics.uploaded_files.inc(len(files))
    response.headers["Location"] = f"/v1/studies/{receipt.studies[0].study_id}"
    if any(study.complete for study in receipt.studies):
        background.add_task(resources.doorbell.ring)  # after the answer, which never waits for it
    return receipt


@router.post(
    "/{study_id}/complete",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(401, 403, 404, 503),
)
def complete_study(
    caller: SenderCaller, study_id: StudyId, resources: ResourcesDep, background: BackgroundTasks
) -> StudyAnswer:
    """Say that nothing will follow, so that the pre-read can begin; again changes nothing."""
    with resources.unit_of_work() as work:
        work.studies.get(study_id, sites=caller.sites)
        row = work.studies.locked(study_id)
        completed = completion.complete_study(work, row, actor=caller.key_id, now=resources.clock())
        work.commit()
        study = work.studies.get(study_id)
    if completed:
        background.add_task(resources.doorbell.ring)
    mode = resources.settings.mode
    return StudyAnswer(study=study_view(study, caller, mode), mode=mode, notice=NOTICE)


@router.get("", responses=problems(401, 403, 422, 503))
def find_studies(
    caller: AnyCaller,
    resources: ResourcesDep,
    *,
    site: Annotated[str | None, Query(pattern=SITE_PATTERN)] = None,
    study_instance_uid: Annotated[
        str | None, Query(pattern=UID_PATTERN, description="(0020,000D), exactly.")
    ] = None,
    accession_number: Annotated[
        str | None, Query(pattern=_ACCESSION, description="(0008,0050), exactly.")
    ] = None,
) -> StudiesAnswer:
    """Return the studies with a study UID or an accession number, whatever state they are in.

    One of the two must be given; of both, what bears both. At most 100, the newest first; none is
    an empty list.
    """
    if study_instance_uid is None and accession_number is None:
        message = "Name a study_instance_uid or an accession_number."
        raise FieldRefused("query", "missing", message)
    with resources.reading() as work:
        studies = work.studies.find(
            sites=site_for(caller, site),
            study_instance_uid=study_instance_uid,
            accession_number=accession_number,
            limit=_MOST_FOUND,
        )
    mode = resources.settings.mode
    views = tuple(study_view(study, caller, mode) for study in studies)
    return StudiesAnswer(studies=views, mode=mode, notice=NOTICE)


@router.get("/{study_id}", responses=problems(401, 403, 404, 503))
def get_study(caller: AnyCaller, study_id: StudyId, resources: ResourcesDep) -> StudyAnswer:
    """Return a study and how far it got; keys that may only send do not see the result."""
    with resources.reading() as work:
        study = work.studies.get(study_id, sites=caller.sites)
    mode = resources.settings.mode
    return StudyAnswer(study=study_view(study, caller, mode), mode=mode, notice=NOTICE)


@router.get("/{study_id}/events", responses=problems(401, 403, 404, 503))
def get_study_events(
    caller: ReaderCaller, study_id: StudyId, resources: ResourcesDep
) -> StudyEvents:
    """Return everything that happened to a study, oldest first."""
    with resources.reading() as work:
        work.studies.get(study_id, sites=caller.sites)
        events = work.events.of_study(study_id)
    return StudyEvents(events=tuple(event_view(event) for event in events))


@router.post("/{study_id}/report", responses=problems(401, 403, 404, 409, 413, 422, 503))
def report_study(
    caller: ReaderCaller, study_id: StudyId, body: ReportRequest, resources: ResourcesDep
) -> ReportAnswer:
    """Say that a radiologist reported the study; a report takes it off the worklist.

    Who claimed the study sends the token. A study that nobody holds can be reported without one.
    """
    spent = reports.report_study(
        resources, study_id, _STEP[body.status], by=caller, token=body.token
    )
    return ReportAnswer(
        study_id=study_id,
        read_state=_READ_STATE[body.status],
        turnaround=TurnaroundView.model_validate(spent, from_attributes=True),
    )


def _submission(
    caller: Caller, in_query: _Said, form: dict[str, str], idempotency_key: str | None
) -> Submission:
    try:
        in_form = _Said.model_validate(form)
    except ValidationError as error:
        errors: list[dict[str, Any]] = [
            {**one, "loc": ("form", *one["loc"])} for one in error.errors(include_input=False)
        ]
        raise RequestValidationError(errors) from error
    said = in_query.model_dump(exclude_none=True)
    for name, value in in_form.model_dump(exclude_none=True).items():
        if said.setdefault(name, value) != value:
            message = "The query and the form say different things."
            raise FieldRefused(f"form.{name}", "contradiction", message)
    return Submission(
        site=one_site_for(caller, said.get("site")),
        order_class=said.get("order_class"),
        accession_number=said.get("accession_number"),
        complete=said.get("complete", False),
        actor=caller.key_id,
        idempotency_key=idempotency_key,
    )
