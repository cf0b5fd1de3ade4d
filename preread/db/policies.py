"""Stored ranking policies and the record of what was done with them; nothing is ever changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from preread.db.tables.ranking import PolicyChangeRow, PolicyRow
from preread.db.tables.study import StudyRow
from preread.db.targets import TargetsRepository
from preread.errors import PolicyNotFound
from preread.policy import DEFAULT_POLICY, Policy, Promotion, policy_of_site
from preread.policy_steps import PUTS_IN_FORCE, SHIPPED, Done, PolicyStep
from preread.terms import Level, OrderClass

_LARGEST: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """A policy, and who made it when; None for the shipped one."""

    number: int
    name: str
    policy: Policy
    created_at: datetime | None
    actor: str | None
    actor_name: str | None


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """One step that was taken with a policy.

    Attributes
    ----------
    number, number_before
        The policy it was taken with, and the one that was in force before it.
    summary
        Of what the step did, as JSON: what a draft was seen to do before it was put in force.
    """

    id: int
    at: datetime
    step: PolicyStep
    number: int
    number_before: int
    actor: str
    actor_name: str
    reason: str
    summary: Mapping[str, Any]


SHIPPED_POLICY: Final = StoredPolicy(
    SHIPPED, "As shipped with the software", DEFAULT_POLICY, None, None, None
)


def version_of(number: int) -> str:
    """Return the name under which a policy is recorded with every place that it gave.

    Examples
    --------
    >>> version_of(0), version_of(3)
    ('2026-1', 'p3')
    """
    return DEFAULT_POLICY.version if number == SHIPPED else f"p{number}"


class PolicyRepository:
    """Every question about policies."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._targets = TargetsRepository(session)
        # Neither a policy nor a version of a site's targets ever changes.
        self._known: dict[int, StoredPolicy] = {SHIPPED: SHIPPED_POLICY}
        self._at_site: dict[tuple[str, int, str], Policy] = {}

    def lock_the_list(self) -> None:
        """Keep everybody else from changing any study until this transaction ends.

        Whoever places a study has locked one first, so whoever places after this lock was given
        back knows the new policy.
        """
        # SQLite: BEGIN IMMEDIATE already keeps all other writers waiting.
        if self._session.get_bind().dialect.name == "postgresql":
            self._session.execute(sa.text("SET LOCAL lock_timeout = '10s'"))
            self._session.execute(sa.text("LOCK TABLE study IN EXCLUSIVE MODE"))

    def get(self, number: int) -> StoredPolicy:
        """Return a policy.

        Raises
        ------
        PolicyNotFound
            If there is none of this number.
        """
        if number not in self._known:
            row = self._session.get(PolicyRow, number) if number <= _LARGEST else None
            if row is None:
                message = "There is no such policy."
                raise PolicyNotFound(message)
            self._known[number] = _stored(row)
        return self._known[number]

    def all(self) -> tuple[StoredPolicy, ...]:
        """Return all policies, the shipped one first."""
        rows = self._session.scalars(sa.select(PolicyRow).order_by(PolicyRow.number))
        return (SHIPPED_POLICY, *map(_stored, rows))

    def add(self, row: PolicyRow) -> int:
        """Add a policy and return its number."""
        self._session.add(row)
        self._session.flush()
        return row.number

    def active_number(self) -> int:
        """Return the number of the policy in force."""
        query = (
            sa.select(PolicyChangeRow.number)
            .where(PolicyChangeRow.step.in_(PUTS_IN_FORCE))
            .order_by(PolicyChangeRow.id.desc())
            .limit(1)
        )
        return self._session.scalars(query).first() or SHIPPED

    def record(self) -> tuple[Done, ...]:
        """Return what was done with which policy, oldest first."""
        query = sa.select(PolicyChangeRow.number, PolicyChangeRow.step).order_by(PolicyChangeRow.id)
        return tuple(
            Done(number, PolicyStep(step)) for number, step in self._session.execute(query)
        )

    def changes(self, limit: int = 100) -> tuple[PolicyChange, ...]:
        """Return the last steps with what is known of them, newest first."""
        query = sa.select(PolicyChangeRow).order_by(PolicyChangeRow.id.desc()).limit(limit)
        return tuple(_change(row) for row in self._session.scalars(query))

    def change(self, change_id: int) -> PolicyChange:
        """Return one step."""
        return _change(self._session.get_one(PolicyChangeRow, change_id))

    def add_change(self, row: PolicyChangeRow) -> PolicyChange:
        """Add a step to the record."""
        self._session.add(row)
        self._session.flush()
        return _change(row)

    def policy(self, number: int | None) -> Policy:
        """Return what a policy says; None is the shipped one."""
        return self.get(number or SHIPPED).policy

    def at_site(self, site: str, base: Policy, targets_version: int | None) -> Policy:
        """Return a policy under a version of a site's target times; None is the policy's own."""
        if targets_version is None:
            return base
        wanted = (site, targets_version, base.version)
        if wanted not in self._at_site:
            minutes = self._targets.minutes(site, targets_version)
            self._at_site[wanted] = policy_of_site(site, targets_version, minutes, base)
        return self._at_site[wanted]

    def promise(self, row: StudyRow) -> Policy:
        """Return the policy under which a study was completed, with its site's targets of then."""
        return self.at_site(row.site, self.policy(row.promise_policy), row.targets_version)

    def present(self, row: StudyRow) -> Policy:
        """Return the policy that promotes a study: its promise, unless another took its place."""
        if row.rank_policy == row.promise_policy:
            return self.promise(row)
        return self.policy(row.rank_policy)


def content_of(policy: Policy) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """Return targets and promotions as they are stored."""
    targets = {order.value: minutes for order, minutes in policy.order_target_min.items()}
    promotions = {
        level.value: {"target_min": one.target_min, "head_start_min": one.head_start_min}
        for level, one in policy.promotions.items()
    }
    return targets, promotions


def _stored(row: PolicyRow) -> StoredPolicy:
    targets = {OrderClass(order): minutes for order, minutes in row.order_target_min.items()}
    promotions = {Level(level): Promotion(**said) for level, said in row.promotions.items()}
    return StoredPolicy(
        number=row.number,
        name=row.name,
        policy=Policy(
            version=version_of(row.number),
            order_target_min=MappingProxyType(targets),
            promotions=MappingProxyType(promotions),
        ),
        created_at=row.created_at,
        actor=row.actor,
        actor_name=row.actor_name,
    )


def _change(row: PolicyChangeRow) -> PolicyChange:
    return PolicyChange(
        id=row.id,
        at=row.at,
        step=PolicyStep(row.step),
        number=row.number,
        number_before=row.number_before,
        actor=row.actor,
        actor_name=row.actor_name,
        reason=row.reason,
        summary=row.summary,
    )
