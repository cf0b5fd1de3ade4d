"""What decides ranks and is no study: the targets of orders, what a level promotes, and the bound of both."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from preread.terms import Level, OrderClass


@dataclass(frozen=True, slots=True)
class Promotion:
    """What a level does to a study's place: a target, in minutes, and a head start."""

    target_min: int
    head_start_min: int


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the targets.

    Attributes
    ----------
    version
        Named in every pre-read and every change of rank.
    order_target_min
        Minutes from completion to the read that each order class promises.
    promotions
        The levels that move a study up; a level without a promotion moves nothing.
    """

    version: str
    order_target_min: Mapping[OrderClass, int]
    promotions: Mapping[Level, Promotion]

    def __post_init__(self) -> None:
        missing = set(OrderClass) - set(self.order_target_min)
        if missing:
            message = f"policy {self.version} has no target for {sorted(missing)}"
            raise ValueError(message)
        if any(p.target_min < 0 or p.head_start_min < 0 for p in self.promotions.values()):
            message = f"policy {self.version} has a negative promotion, which would demote"
            raise ValueError(message)


DEFAULT_POLICY: Final = Policy(
    version="2026-1",
    order_target_min=MappingProxyType(
        {
            OrderClass.STAT: 30,
            OrderClass.ER: 60,
            OrderClass.INPATIENT: 240,
            OrderClass.ROUTINE: 1440,
        }
    ),
    promotions=MappingProxyType(
        {
            Level.CRITICAL: Promotion(target_min=10, head_start_min=60),
            Level.SUSPECTED: Promotion(target_min=20, head_start_min=60),
            Level.INDETERMINATE: Promotion(target_min=60, head_start_min=0),
        }
    ),
)


SHORTEST_TARGET_MIN: Final = 10
LONGEST_TARGET_MIN: Final = 10_080
"""What a site may promise. Nothing shorter than the target of a critical study, so that the
bound on overtaking holds across sites."""


def policy_of_site(
    site: str,
    version: int,
    order_target_min: Mapping[OrderClass, int],
    base: Policy = DEFAULT_POLICY,
) -> Policy:
    """Return a policy under the target times of a site.

    Raises
    ------
    ValueError
        If a target is missing or out of range.

    Examples
    --------
    >>> minutes = {order: 45 for order in OrderClass}
    >>> policy_of_site("north", 3, minutes).version
    '2026-1+t3'
    """
    wrong = [
        order.value
        for order, minutes in order_target_min.items()
        if not SHORTEST_TARGET_MIN <= minutes <= LONGEST_TARGET_MIN
    ]
    if wrong:
        message = f"the targets of {site} for {wrong} are out of range"
        raise ValueError(message)
    return Policy(
        version=f"{base.version}+t{version}",
        order_target_min=MappingProxyType(dict(order_target_min)),
        promotions=base.promotions,
    )


def overtaking_bound_min(policy: Policy, order_class: OrderClass) -> int:
    """Return after how many minutes nothing that arrives can pass a waiting study.

    Examples
    --------
    >>> [overtaking_bound_min(DEFAULT_POLICY, order) for order in OrderClass]
    [80, 110, 290, 1490]
    """
    soonest_min = min(policy.order_target_min.values())
    promoted_min = [
        min(soonest_min, promotion.target_min) - promotion.head_start_min
        for promotion in policy.promotions.values()
    ]
    earliest_key_min = min([soonest_min, *promoted_min])
    return policy.order_target_min[order_class] - earliest_key_min
