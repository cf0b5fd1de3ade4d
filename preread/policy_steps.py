"""The life of a ranking policy: drafted, put in force, replaced, taken back to, or discarded.

What a policy says is never changed, and its state is not stored: it follows from the record of
what was done. The shipped policy is number 0 and was in force before there was a record.

::

    draft ── activate ──▶ active ── another one is put in force ──▶ retired
      └── discard ──▶ discarded     ▲                                  │
                                    └───────────── revert ─────────────┘

A policy that is put in force must keep what was promised to the studies that wait already. Their
order targets are fixed, so the bound on overtaking holds over every change of policy if no policy
lets a study start more than :data:`EARLIEST_KEY_MIN` before it was complete, at any site::

    key_i <= t0_i + T_order(i)             no policy raises a key above the order's own
    key_j >= t0_j + EARLIEST_KEY_MIN       every policy, every site's targets
    =>  j passes i only if t0_j < t0_i + T_order(i) - EARLIEST_KEY_MIN
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from preread.policy import LONGEST_TARGET_MIN, SHORTEST_TARGET_MIN, Policy
from preread.terms import Level

SHIPPED: Final = 0
"""The number of the policy that comes with the software."""

EARLIEST_KEY_MIN: Final = -50
"""The shipped policy's own: a target of 10 minutes less a head start of 60."""

PROMOTING: Final = (Level.CRITICAL, Level.SUSPECTED, Level.INDETERMINATE)
"""The levels that promote under every policy, the most urgent first."""


class PolicyStep(StrEnum):
    """What can be done with a policy."""

    ACTIVATE = "activate"
    REVERT = "revert"
    DISCARD = "discard"


class PolicyState(StrEnum):
    """Where a policy is in its life."""

    DRAFT = "draft"
    ACTIVE = "active"
    RETIRED = "retired"
    DISCARDED = "discarded"


ALLOWED: Final = MappingProxyType(
    {
        PolicyState.DRAFT: (PolicyStep.ACTIVATE, PolicyStep.DISCARD),
        PolicyState.ACTIVE: (),
        PolicyState.RETIRED: (PolicyStep.REVERT,),
        PolicyState.DISCARDED: (),
    }
)
"""The steps from each state."""

PUTS_IN_FORCE: Final = (PolicyStep.ACTIVATE, PolicyStep.REVERT)


@dataclass(frozen=True, slots=True)
class Done:
    """One step that was taken with a policy."""

    number: int
    step: PolicyStep


def active_number(record: Iterable[Done]) -> int:
    """Return the policy in force after a record, oldest step first.

    Examples
    --------
    >>> active_number([])
    0
    >>> active_number([Done(1, PolicyStep.ACTIVATE), Done(2, PolicyStep.DISCARD)])
    1
    """
    active = SHIPPED
    for one in record:
        if one.step in PUTS_IN_FORCE:
            active = one.number
    return active


def state_of(number: int, record: Sequence[Done]) -> PolicyState:
    """Return the state of a policy after a record, oldest step first.

    Examples
    --------
    >>> record = [Done(1, PolicyStep.ACTIVATE), Done(0, PolicyStep.REVERT)]
    >>> [state_of(number, record).value for number in (0, 1, 2)]
    ['active', 'retired', 'draft']
    """
    if number == active_number(record):
        return PolicyState.ACTIVE
    taken = {one.step for one in record if one.number == number}
    if PolicyStep.DISCARD in taken:
        return PolicyState.DISCARDED
    if number == SHIPPED or PolicyStep.ACTIVATE in taken:
        return PolicyState.RETIRED
    return PolicyState.DRAFT


def refusal(policy: Policy) -> str | None:
    """Return why a policy must not be put in force; None if it may be.

    Examples
    --------
    >>> from preread.policy import DEFAULT_POLICY
    >>> refusal(DEFAULT_POLICY) is None
    True
    """
    minutes = policy.order_target_min.values()
    if any(not SHORTEST_TARGET_MIN <= one <= LONGEST_TARGET_MIN for one in minutes):
        return f"The target of an order is {SHORTEST_TARGET_MIN} to {LONGEST_TARGET_MIN:,} minutes."
    if set(policy.promotions) != set(PROMOTING):
        return "A policy says what critical, suspected and indeterminate promote, and no other."
    promotions = [policy.promotions[level] for level in PROMOTING]
    targets = [one.target_min for one in promotions]
    head_starts = [one.head_start_min for one in promotions]
    if targets != sorted(targets) or head_starts != sorted(head_starts, reverse=True):
        return (
            "A more urgent level needs a target that is no longer and a head start that is no "
            "shorter, or a result could lower a study."
        )
    # A site may promise as little as the shortest target, and its head start counts from there.
    earliest = [min(SHORTEST_TARGET_MIN, one.target_min) - one.head_start_min for one in promotions]
    if min(earliest) < EARLIEST_KEY_MIN:
        return (
            "The head start is too long: it may be at most "
            f"{-EARLIEST_KEY_MIN} minutes more than the target, and counts from a target of "
            f"{SHORTEST_TARGET_MIN} at most. Waiting studies were promised their bound."
        )
    return None


def promised_bound_min(order_target_min: int) -> int:
    """Return after how many minutes no arriving study passes a waiting one, under any policy.

    Examples
    --------
    >>> from preread.policy import DEFAULT_POLICY
    >>> [promised_bound_min(one) for one in DEFAULT_POLICY.order_target_min.values()]
    [80, 110, 290, 1490]
    """
    return order_target_min - EARLIEST_KEY_MIN
