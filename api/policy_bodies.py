"""Bodies of the requests and answers of ranking policies."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from api.bodies import AnswerBody, RequestBody
from api.claim_bodies import Reason
from preread.policy_steps import PolicyState, PolicyStep
from preread.previewing import Preview
from preread.shadow import Waits
from preread.terms import Level, OrderClass

Minutes = Annotated[int, Field(ge=1, le=10_080)]
Promoting = Literal[Level.CRITICAL, Level.SUSPECTED, Level.INDETERMINATE]


class PromotionBody(RequestBody):
    """What a level does to the place of a study."""

    target_min: Minutes
    head_start_min: Annotated[int, Field(ge=0, le=1440)]


class DraftPolicy(RequestBody):
    """A draft; what is left out is as in the shipped policy. Sites keep targets of their own."""

    order_target_min: dict[OrderClass, Minutes] = Field(default_factory=dict)
    promotions: dict[Promoting, PromotionBody] = Field(default_factory=dict)


class PolicyRequest(DraftPolicy):
    """A draft to be stored."""

    name: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{3,120}$")]


class DiscardRequest(RequestBody):
    """Give a draft up."""

    reason: Reason


class InForceRequest(DiscardRequest):
    """Put a policy in force."""

    instead_of: Annotated[
        int,
        Field(
            ge=0,
            le=2**31 - 1,
            description="The policy that was in force when its diff was looked at. If another one "
            "is by now, nothing happens.",
        ),
    ]


class PolicyView(AnswerBody):
    """A policy. Number 0 is the shipped one, which nobody made.

    ``bound_min`` says after how many minutes no arriving study passes a waiting one of each order
    class, whatever policy is put in force meanwhile.
    """

    number: int
    version: str
    name: str
    state: PolicyState
    allowed_steps: tuple[PolicyStep, ...]
    order_target_min: dict[OrderClass, int]
    promotions: dict[Promoting, PromotionBody]
    bound_min: dict[OrderClass, int]
    created_at: datetime | None
    created_by: str | None
    created_by_name: str | None


class PolicyEffect(AnswerBody):
    """What a step did and was seen to do before; null where it put nothing in force.

    ``ranked_count`` open studies were ranked anew and ``moved_count`` of those that wait stand
    elsewhere; at ``kept_sites`` nothing moved, as their circuit breaker was tripped. The waits
    are those of the last ``log_days`` days' studies, replayed under the policy before and after.
    """

    waiting_count: int | None
    moved_count: int | None
    ranked_count: int | None
    kept_sites: tuple[str, ...] | None
    log_days: int | None
    log_count: int | None
    waits_present: tuple[Waits, ...] | None
    waits_draft: tuple[Waits, ...] | None


class PolicyChangeView(AnswerBody):
    """One step that was taken with a policy; never changed afterwards."""

    change_id: int
    at: datetime
    step: PolicyStep
    number: int
    version: str
    number_before: int
    actor: str
    actor_name: str
    reason: str
    effect: PolicyEffect


class PolicyAnswer(AnswerBody):
    """One policy, and whatever was done with it, newest first."""

    active: int
    policy: PolicyView
    changes: tuple[PolicyChangeView, ...]


class PoliciesAnswer(AnswerBody):
    """All policies, the shipped one first, and the last hundred steps, newest first."""

    active: int
    policies: tuple[PolicyView, ...]
    changes: tuple[PolicyChangeView, ...]


class PolicyPreview(AnswerBody):
    """What a draft would do.

    ``overtaking_bound_min`` says after how many minutes nothing that arrives could pass a waiting
    study of each order class.
    """

    overtaking_bound_min: dict[OrderClass, int]
    preview: Preview
    notice: str
