"""What people decide on the page without reading: hold, pin, give away, cancel, reopen."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Path, Request, Response

from api.auth import site_for
from api.claim_bodies import Reason
from api.deps import OperatorPageCaller, PageCaller, ResourcesDep, StudyId
from api.filters import SITE_PATTERN
from api.page_claims import forget, held_tokens
from api.templating import done
from preread import breaking, coordination
from preread.coordination import LONGEST_PIN_MIN
from preread.keys import Caller
from preread.reading import ReadStep

router = APIRouter(include_in_schema=False)

_SAID: Final = {
    ReadStep.CANCEL: "Cancelled: it is off the list for good.",
    ReadStep.REOPEN: "Reopened: it waits to be claimed.",
    ReadStep.REQUEST_SECOND_READ: "A second reader is asked for.",
    ReadStep.WITHDRAW_SECOND_READ: "Withdrawn: the report stands.",
}
WhyForm = Annotated[Reason, Form()]


class Reasoned:
    """A step that needs nothing but a reason, as a form brings it."""

    def __init__(self, request: Request, resources: ResourcesDep, reason: WhyForm) -> None:
        self._request, self._resources, self._reason = request, resources, reason

    def take(self, study_id: str, step: ReadStep, *, by: Caller) -> Response:
        """Take the step; who cancels goes on with the list, all others with the study."""
        coordination.take_with_reason(self._resources, study_id, step, by=by, reason=self._reason)
        back_to = "/" if step is ReadStep.CANCEL else f"/studies/{study_id}"
        return done(self._request, back_to, _SAID[step])


ReasonedDep = Annotated[Reasoned, Depends()]


@router.post("/studies/{study_id}/hold")
def hold(
    caller: PageCaller,
    study_id: StudyId,
    request: Request,
    resources: ResourcesDep,
    reason: WhyForm,
) -> Response:
    """Put a study aside; its clock stops."""
    token = held_tokens(request).get(study_id)
    coordination.hold_study(resources, study_id, by=caller, reason=reason, token=token)
    answer = done(request, f"/studies/{study_id}", "On hold: its clock stands still.")
    forget(answer, study_id)
    return answer


@router.post("/studies/{study_id}/resume")
def resume(
    caller: PageCaller, study_id: StudyId, request: Request, resources: ResourcesDep
) -> Response:
    """Put a study on hold back in its place."""
    coordination.resume_study(resources, study_id, by=caller)
    return done(request, f"/studies/{study_id}", "Back on the list, in its place.")


@router.post("/studies/{study_id}/pin")
def pin(
    caller: OperatorPageCaller,
    study_id: StudyId,
    request: Request,
    resources: ResourcesDep,
    reason: WhyForm,
) -> Response:
    """Put a waiting study in front for as long as a pin may last."""
    coordination.pin_study(resources, study_id, by=caller, reason=reason, minutes=LONGEST_PIN_MIN)
    return done(request, f"/studies/{study_id}", f"Pinned for {LONGEST_PIN_MIN} minutes.")


@router.post("/studies/{study_id}/unpin")
def unpin(
    caller: OperatorPageCaller, study_id: StudyId, request: Request, resources: ResourcesDep
) -> Response:
    """Put a pinned study back in its place."""
    coordination.unpin_study(resources, study_id, by=caller)
    return done(request, f"/studies/{study_id}", "Unpinned: it stands in its place.")


@router.post("/studies/{study_id}/assign")
def assign(
    caller: OperatorPageCaller,
    study_id: StudyId,
    request: Request,
    resources: ResourcesDep,
    reader: Annotated[str, Form(pattern=r"^[0-9a-f]{8}$|^$")] = "",
) -> Response:
    """Leave a waiting study to one reader for a while; to nobody in particular if empty."""
    coordination.assign_study(resources, study_id, by=caller, reader=reader or None)
    said = "Given to one reader." if reader else "It is everybody's again."
    return done(request, f"/studies/{study_id}", said)


@router.post("/studies/{study_id}/cancel")
def cancel(caller: OperatorPageCaller, study_id: StudyId, step: ReasonedDep) -> Response:
    """Take a study off the list for good."""
    return step.take(study_id, ReadStep.CANCEL, by=caller)


@router.post("/studies/{study_id}/reopen")
def reopen(caller: PageCaller, study_id: StudyId, step: ReasonedDep) -> Response:
    """Open a finally reported study again."""
    return step.take(study_id, ReadStep.REOPEN, by=caller)


@router.post("/studies/{study_id}/second-read")
def ask_second_read(caller: PageCaller, study_id: StudyId, step: ReasonedDep) -> Response:
    """Ask that a second reader looks at a study."""
    return step.take(study_id, ReadStep.REQUEST_SECOND_READ, by=caller)


@router.post("/studies/{study_id}/second-read/withdraw")
def withdraw_second_read(caller: PageCaller, study_id: StudyId, step: ReasonedDep) -> Response:
    """Let the report stand after all."""
    return step.take(study_id, ReadStep.WITHDRAW_SECOND_READ, by=caller)


@router.post("/sites/{site}/breaker/reset")
def reset_breaker(
    caller: OperatorPageCaller,
    site: Annotated[str, Path(pattern=SITE_PATTERN)],
    request: Request,
    resources: ResourcesDep,
    reason: WhyForm,
) -> Response:
    """Let a site's results promote again."""
    site_for(caller, site)
    breaking.reset_breaker(resources, site, actor=caller.key_id, reason=reason, share=None)
    return done(request, "/", "The results of this site promote again.")
