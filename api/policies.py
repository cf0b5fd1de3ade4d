"""Ranking policies: drafts are stored, shown against the one in force, put in force, taken back.

What a policy says is never changed, and what was done with it stays on record.
"""

from types import MappingProxyType
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Response, status

from api.contract import problems
from api.deps import (
    GlobalAdminCaller,
    GlobalOperatorCaller,
    OperatorCaller,
    ResourcesDep,
)
from api.errors import FieldRefused
from api.periods import Period
from api.policy_bodies import (
    DiscardRequest,
    DraftPolicy,
    InForceRequest,
    PoliciesAnswer,
    PolicyAnswer,
    PolicyChangeView,
    PolicyEffect,
    PolicyPreview,
    PolicyRequest,
    PolicyView,
    PromotionBody,
)
from preread.activating import Wish, draft_policy, take_policy_step
from preread.db.policies import PolicyChange, StoredPolicy, version_of
from preread.keys import Caller
from preread.notice import NOTICE
from preread.policy import DEFAULT_POLICY, Policy, Promotion, overtaking_bound_min
from preread.policy_steps import (
    ALLOWED,
    Done,
    PolicyStep,
    active_number,
    promised_bound_min,
    refusal,
    state_of,
)
from preread.previewing import preview
from preread.resources import Resources
from preread.scope import covers
from preread.terms import Level, OrderClass

router = APIRouter(prefix="/v1/policies", tags=["policies"])

Number = Annotated[int, Path(ge=0, le=2**31 - 1)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="Lets the same request be sent again: it is then answered as it was before.",
    ),
]


@router.post("/preview", responses=problems(401, 403, 413, 422, 503))
def preview_policy(
    caller: OperatorCaller,
    body: DraftPolicy,
    resources: ResourcesDep,
    wanted: Annotated[Period, Query()],
) -> PolicyPreview:
    """Tell who of the list would move under a draft, and how long studies would have waited.

    Works on copies: nothing is stored, and the list stays as it is.
    """
    return _previewed(_policy(body), caller, resources, wanted)


@router.get("", responses=problems(401, 403, 503))
def get_policies(caller: OperatorCaller, resources: ResourcesDep) -> PoliciesAnswer:
    """Return all policies with their states, and what was done with them."""
    with resources.reading() as work:
        record = work.policies.record()
        stored = work.policies.all()
        changes = work.policies.changes()
    return PoliciesAnswer(
        active=active_number(record),
        policies=tuple(_view(one, record) for one in stored),
        changes=tuple(_change_view(one, caller) for one in changes),
    )


@router.post("", status_code=status.HTTP_201_CREATED, responses=problems(401, 403, 413, 422, 503))
def post_policy(
    caller: GlobalOperatorCaller, body: PolicyRequest, resources: ResourcesDep, response: Response
) -> PolicyAnswer:
    """Store a draft. What it says is never changed; another idea is another draft."""
    policy = _policy(body)
    why = refusal(policy)
    if why is not None:
        raise FieldRefused("body", "policy", why)
    stored = draft_policy(resources, policy, name=body.name, by=caller)
    response.headers["Location"] = f"{router.prefix}/{stored.number}"
    return _answer(resources, caller, stored.number)


@router.get("/{number}", responses=problems(401, 403, 404, 422, 503))
def get_policy(caller: OperatorCaller, number: Number, resources: ResourcesDep) -> PolicyAnswer:
    """Return a policy and what was done with it."""
    return _answer(resources, caller, number)


@router.get("/{number}/diff", responses=problems(401, 403, 404, 422, 503))
def get_policy_diff(
    caller: OperatorCaller,
    number: Number,
    resources: ResourcesDep,
    wanted: Annotated[Period, Query()],
) -> PolicyPreview:
    """Tell who of the list would move if the policy were put in force now, and predict waits.

    The waits are those of a period's studies, replayed under the policy in force and this one.
    """
    with resources.reading() as work:
        policy = work.policies.get(number).policy
    return _previewed(policy, caller, resources, wanted)


@router.post("/{number}/activate", responses=problems(401, 403, 404, 409, 413, 422, 503))
def activate_policy(
    caller: GlobalAdminCaller,
    number: Number,
    body: InForceRequest,
    resources: ResourcesDep,
    idempotency_key: IdempotencyKey = None,
) -> PolicyAnswer:
    """Put a draft in force: all open studies are ranked anew, at once.

    Claims, pins and due times stay, orders keep the target that they were promised, and at a site
    whose circuit breaker is tripped nothing moves.
    """
    wish = Wish(number, PolicyStep.ACTIVATE, body.reason, body.instead_of, idempotency_key)
    take_policy_step(resources, wish, by=caller)
    return _answer(resources, caller, number)


@router.post("/{number}/revert", responses=problems(401, 403, 404, 409, 413, 422, 503))
def revert_to_policy(
    caller: GlobalOperatorCaller,
    number: Number,
    body: InForceRequest,
    resources: ResourcesDep,
    idempotency_key: IdempotencyKey = None,
) -> PolicyAnswer:
    """Put a policy in force again that was before; coordinators may, as the way back is short."""
    wish = Wish(number, PolicyStep.REVERT, body.reason, body.instead_of, idempotency_key)
    take_policy_step(resources, wish, by=caller)
    return _answer(resources, caller, number)


@router.post("/{number}/discard", responses=problems(401, 403, 404, 409, 413, 422, 503))
def discard_policy(
    caller: GlobalOperatorCaller, number: Number, body: DiscardRequest, resources: ResourcesDep
) -> PolicyAnswer:
    """Give a draft up; it stays on record."""
    take_policy_step(resources, Wish(number, PolicyStep.DISCARD, body.reason), by=caller)
    return _answer(resources, caller, number)


def _previewed(
    policy: Policy, caller: Caller, resources: Resources, wanted: Period
) -> PolicyPreview:
    if wanted.order_class is not None:
        message = "A list without the other order classes is none."
        raise FieldRefused("query.order_class", "not_here", message)
    with resources.reading() as work:
        shown = preview(work, policy, wanted.query(caller, resources))
    return PolicyPreview(
        overtaking_bound_min={order: overtaking_bound_min(policy, order) for order in OrderClass},
        preview=shown,
        notice=NOTICE,
    )


def _answer(resources: Resources, caller: Caller, number: int) -> PolicyAnswer:
    with resources.reading() as work:
        record = work.policies.record()
        stored = work.policies.get(number)
        changes = work.policies.changes()
    return PolicyAnswer(
        active=active_number(record),
        policy=_view(stored, record),
        changes=tuple(_change_view(one, caller) for one in changes if one.number == number),
    )


def _view(stored: StoredPolicy, record: tuple[Done, ...]) -> PolicyView:
    policy = stored.policy
    state = state_of(stored.number, record)
    promotions: dict[Any, PromotionBody] = {
        level: PromotionBody(target_min=one.target_min, head_start_min=one.head_start_min)
        for level, one in policy.promotions.items()
    }
    return PolicyView(
        number=stored.number,
        version=policy.version,
        name=stored.name,
        state=state,
        allowed_steps=ALLOWED[state],
        order_target_min=dict(policy.order_target_min),
        promotions=promotions,
        bound_min={
            order: promised_bound_min(minutes) for order, minutes in policy.order_target_min.items()
        },
        created_at=stored.created_at,
        created_by=stored.actor,
        created_by_name=stored.actor_name,
    )


def _change_view(change: PolicyChange, caller: Caller) -> PolicyChangeView:
    said: dict[str, Any] = dict.fromkeys(PolicyEffect.model_fields)
    said |= change.summary
    if said["kept_sites"] is not None:
        said["kept_sites"] = [one for one in said["kept_sites"] if covers(caller.sites, one)]
    return PolicyChangeView(
        change_id=change.id,
        at=change.at,
        step=change.step,
        number=change.number,
        version=version_of(change.number),
        number_before=change.number_before,
        actor=change.actor,
        actor_name=change.actor_name,
        reason=change.reason,
        effect=PolicyEffect.model_validate(said),
    )


def _policy(body: DraftPolicy) -> Policy:
    said: dict[Level, Promotion] = {
        level: Promotion(promotion.target_min, promotion.head_start_min)
        for level, promotion in body.promotions.items()
    }
    return Policy(
        version="draft",
        order_target_min=MappingProxyType(
            {**DEFAULT_POLICY.order_target_min, **body.order_target_min}
        ),
        promotions=MappingProxyType({**DEFAULT_POLICY.promotions, **said}),
    )
