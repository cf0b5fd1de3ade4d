"""The pages of ranking policies: drafts, what they would do, putting in force and taking back.

They ask the functions of the API, so what the API refuses the page does not do either.
"""

from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.bodies import RequestBody
from api.claim_bodies import Reason
from api.deps import (
    AdminPageCaller,
    GlobalOperatorPageCaller,
    OperatorPageCaller,
    ResourcesDep,
)
from api.filters import SITE_PATTERN
from api.periods import Period
from api.policies import (
    Number,
    activate_policy,
    discard_policy,
    get_policies,
    get_policy,
    get_policy_diff,
    post_policy,
    revert_to_policy,
)
from api.policy_bodies import DiscardRequest, InForceRequest, PolicyRequest
from api.templating import render
from preread.errors import Conflict, InvalidRequest
from preread.keys import Caller, Role
from preread.policy_steps import PROMOTING
from preread.resources import Resources
from preread.terms import OrderClass

router = APIRouter(prefix="/policies", include_in_schema=False)

MOST_MOVES: Final = 50
"""As many moves as a page shows; the API tells all."""

Active = Annotated[int, Form(ge=0, le=2**31 - 1)]
WhyForm = Annotated[Reason, Form()]


class Replayed(BaseModel):
    """Which days' log a policy is replayed on."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    days: Annotated[int, Field(ge=1, le=400)] = 7
    site: Annotated[str | None, Field(pattern=f"{SITE_PATTERN}|^$")] = None


class DraftForm(RequestBody):
    """All figures of a draft, as a form sends them."""

    name: str
    STAT: int
    ER: int
    INPATIENT: int
    ROUTINE: int
    critical_target: int
    critical_head_start: int
    suspected_target: int
    suspected_head_start: int
    indeterminate_target: int
    indeterminate_head_start: int

    def body(self) -> PolicyRequest:
        """Return what the API is asked."""
        said = self.model_dump()
        return PolicyRequest.model_validate(
            {
                "name": self.name.strip(),
                "order_target_min": {order.value: said[order.value] for order in OrderClass},
                "promotions": {
                    level.value: {
                        "target_min": said[f"{level.value}_target"],
                        "head_start_min": said[f"{level.value}_head_start"],
                    }
                    for level in PROMOTING
                },
            }
        )


@router.get("")
def show_policies(
    caller: OperatorPageCaller, request: Request, resources: ResourcesDep
) -> Response:
    """List policies and what was done with them."""
    return render(request, "policies.html", _all(resources, caller))


@router.post("")
def draft(
    caller: GlobalOperatorPageCaller,
    request: Request,
    resources: ResourcesDep,
    form: Annotated[DraftForm, Form()],
) -> Response:
    """Store a draft and show what it would do."""
    try:
        made = post_policy(caller, form.body(), resources, Response())
    except (InvalidRequest, ValidationError) as error:
        context = _all(resources, caller) | {"message": _words(error), "form": form}
        return render(request, "policies.html", context, HTTPStatus.UNPROCESSABLE_ENTITY)
    return RedirectResponse(f"/policies/{made.policy.number}", HTTPStatus.SEE_OTHER)


@router.get("/{number}")
def show_policy(
    caller: OperatorPageCaller,
    number: Number,
    request: Request,
    resources: ResourcesDep,
    chosen: Annotated[Replayed, Query()],
) -> Response:
    """Show a policy, and what would happen if it were put in force now."""
    return render(request, "policy.html", _one(resources, caller, number, chosen))


@router.post("/{number}/activate")
def activate(
    caller: AdminPageCaller,
    number: Number,
    request: Request,
    resources: ResourcesDep,
    reason: WhyForm,
    instead_of: Active,
) -> Response:
    """Put a draft in force."""
    body = InForceRequest(reason=reason, instead_of=instead_of)
    return _taken(
        request, resources, caller, number, lambda: activate_policy(caller, number, body, resources)
    )


@router.post("/{number}/revert")
def revert(
    caller: GlobalOperatorPageCaller,
    number: Number,
    request: Request,
    resources: ResourcesDep,
    reason: WhyForm,
    instead_of: Active,
) -> Response:
    """Put a policy in force again."""
    body = InForceRequest(reason=reason, instead_of=instead_of)
    return _taken(
        request,
        resources,
        caller,
        number,
        lambda: revert_to_policy(caller, number, body, resources),
    )


@router.post("/{number}/discard")
def discard(
    caller: GlobalOperatorPageCaller,
    number: Number,
    request: Request,
    resources: ResourcesDep,
    reason: WhyForm,
) -> Response:
    """Give a draft up."""
    body = DiscardRequest(reason=reason)
    return _taken(
        request, resources, caller, number, lambda: discard_policy(caller, number, body, resources)
    )


def _taken(
    request: Request,
    resources: Resources,
    caller: Caller,
    number: int,
    step: Callable[[], object],
) -> Response:
    """Take a step and show the policy anew; what is refused is said in words."""
    try:
        step()
    except Conflict as error:
        context = _one(resources, caller, number, Replayed()) | {"message": str(error)}
        return render(request, "policy.html", context, HTTPStatus.CONFLICT)
    return RedirectResponse(f"/policies/{number}", HTTPStatus.SEE_OTHER)


def _words(error: InvalidRequest | ValidationError) -> str:
    if isinstance(error, InvalidRequest):
        return str(error)
    places = (".".join(map(str, one["loc"])) for one in error.errors(include_input=False))
    return f"Not accepted: {', '.join(sorted(set(places)))}."


def _all(resources: Resources, caller: Caller) -> dict[str, Any]:
    answer = get_policies(caller, resources)
    active = next(one for one in answer.policies if one.number == answer.active)
    return {
        "caller": caller,
        "here": "/policies",
        "answer": answer,
        "active": active,
        "levels": PROMOTING,
        "may_draft": caller.sites is None,
        "form": None,
        "message": None,
    }


def _one(resources: Resources, caller: Caller, number: int, chosen: Replayed) -> dict[str, Any]:
    answer = get_policy(caller, number, resources)
    active = get_policy(caller, answer.active, resources).policy
    now = resources.clock()
    said = {"site": chosen.site or None, "from": now - timedelta(days=chosen.days), "to": now}
    is_active = number == answer.active
    diff = None
    if not is_active:
        diff = get_policy_diff(caller, number, resources, Period.model_validate(said)).preview
    with resources.reading() as work:
        sites = work.worklist.sites(caller.sites) if caller.has_several_sites else ()
        moves = () if diff is None else diff.moves[:MOST_MOVES]
        moved = [(move, work.studies.get(move.study_id, sites=caller.sites)) for move in moves]
        kept = [one.site for one in work.breakers.tripped(caller.sites)]
    return {
        "caller": caller,
        "here": "/policies",
        "answer": answer,
        "policy": answer.policy,
        "active": active,
        "levels": PROMOTING,
        "diff": diff,
        "moved": moved,
        "kept_sites": kept,
        "chosen": chosen,
        "path": f"/policies/{number}",
        "sites": sites,
        "may_step": caller.sites is None,
        "is_admin": caller.role is Role.ADMIN,
        "message": None,
    }
