"""What a draft of the ranking policy would do; drafts are shown, not stored and not put in force."""

from types import MappingProxyType
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.contract import problems
from api.deps import OperatorCaller, ResourcesDep
from api.errors import FieldRefused
from api.periods import Period
from preread.notice import NOTICE
from preread.previewing import Preview, preview
from preread.ranking import DEFAULT_POLICY, Policy, Promotion, overtaking_bound_min
from preread.terms import Level, OrderClass

router = APIRouter(prefix="/v1/policies", tags=["measuring"])

Minutes = Annotated[int, Field(ge=1, le=10_080)]
Promoting = Literal[Level.CRITICAL, Level.SUSPECTED, Level.INDETERMINATE]


class PromotionBody(BaseModel):
    """What a level does to the place of a study."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target_min: Minutes
    head_start_min: Annotated[int, Field(ge=0, le=1440)]


class DraftPolicy(BaseModel):
    """A draft; what is left out is as in the shipped policy. Sites keep targets of their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    order_target_min: dict[OrderClass, Minutes] = Field(default_factory=dict)
    promotions: dict[Promoting, PromotionBody] = Field(default_factory=dict)


class PolicyPreview(BaseModel):
    """What a draft would do.

    ``overtaking_bound_min`` says after how many minutes nothing that arrives could pass a waiting
    study of each order class.
    """

    model_config = ConfigDict(frozen=True)

    overtaking_bound_min: dict[OrderClass, int]
    preview: Preview
    notice: str


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
    if wanted.order_class is not None:
        message = "A list without the other order classes is none."
        raise FieldRefused("query.order_class", "not_here", message)
    draft = _policy(body)
    with resources.reading() as work:
        shown = preview(work, draft, wanted.query(caller, resources))
    return PolicyPreview(
        overtaking_bound_min={order: overtaking_bound_min(draft, order) for order in OrderClass},
        preview=shown,
        notice=NOTICE,
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
