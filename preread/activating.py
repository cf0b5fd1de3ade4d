"""Stores ranking policies, puts them in force, takes them back and discards drafts.

Putting a policy in force is one transaction that keeps everybody else from changing a study:
every open study is ranked anew, by what the policy promotes and by the target that its order was
promised. Claims, pins and due times stay. At a site whose circuit breaker is tripped nothing
moves: its AI is not believed, whatever a policy would promote.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import load_only

from preread.db.events import EventKind
from preread.db.ledger import LedgerQuery
from preread.db.placing import PLACING, place_study, standing, write_places
from preread.db.policies import (
    PolicyChange,
    StoredPolicy,
    content_of,
    version_of,
)
from preread.db.tables.ranking import PolicyChangeRow, PolicyRow
from preread.db.tables.study import StudyRow
from preread.db.unit_of_work import UnitOfWork
from preread.errors import (
    IdempotencyKeyReused,
    IllegalStep,
    InvalidRequest,
    PolicyReplaced,
)
from preread.keys import Caller
from preread.policy import Policy
from preread.policy_steps import ALLOWED, PolicyStep, refusal, state_of
from preread.previewing import preview
from preread.resources import Resources
from preread.study import ReadState

LOG_DAYS: Final = 14
"""How many days of the log the summary that is kept with an activation looks back."""

_EVENT_OF: Final = {
    PolicyStep.ACTIVATE: EventKind.POLICY_ACTIVATED,
    PolicyStep.REVERT: EventKind.POLICY_REVERTED,
}
_OVER: Final = frozenset({ReadState.FINAL, ReadState.CANCELLED})
_OPEN: Final = tuple(state.value for state in ReadState if state not in _OVER)
_READING_ORDER: Final = (StudyRow.lane, StudyRow.key_ms, StudyRow.t0_ms, StudyRow.id)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to do with a policy.

    Attributes
    ----------
    number, step
        With which policy, and what.
    reason
        Why; on record.
    instead_of
        The policy that was in force when they looked; another one refuses the step. None for a
        step that puts nothing in force.
    idempotency_key
        Lets the same request be sent again; None if it is sent once.
    """

    number: int
    step: PolicyStep
    reason: str
    instead_of: int | None = None
    idempotency_key: str | None = None

    def fingerprint(self) -> str:
        """Return a digest of what makes two requests the same one."""
        said = repr(("policy", self.number, self.step.value, self.reason, self.instead_of))
        return hashlib.sha256(said.encode()).hexdigest()


def draft_policy(resources: Resources, policy: Policy, *, name: str, by: Caller) -> StoredPolicy:
    """Store a policy as a draft; what it says is never changed.

    Raises
    ------
    InvalidRequest
        If it could not be put in force.
    """
    why = refusal(policy)
    if why is not None:
        raise InvalidRequest(why)
    targets, promotions = content_of(policy)
    with resources.unit_of_work() as work:
        number = work.policies.add(
            PolicyRow(
                name=name,
                order_target_min=targets,
                promotions=promotions,
                created_at=resources.clock(),
                actor=by.key_id,
                actor_name=by.name,
            )
        )
        stored = work.policies.get(number)
        work.commit()
    return stored


def take_policy_step(resources: Resources, wish: Wish, *, by: Caller) -> PolicyChange:
    """Do something with a policy, and record who did it, why, and what it did.

    Raises
    ------
    PolicyNotFound
        If there is no such policy.
    IllegalStep
        If it cannot take the step.
    PolicyReplaced
        If another policy is in force than the one that the caller wants to replace.
    IdempotencyKeyReused
        If the key came with another request before.
    """
    now = resources.clock()
    seen = _foreseen(resources, wish, now)
    with resources.unit_of_work() as work:
        work.policies.lock_the_list()
        earlier = _earlier(work, wish, by)
        if earlier is not None:
            return earlier
        stored, before = _checked(work, wish)
        number_before = before.number
        summary = dict(seen)
        if wish.step in _EVENT_OF:
            summary |= _put_in_force(work, wish, number_before, by, now)
        change = work.policies.add_change(
            PolicyChangeRow(
                at=now,
                step=wish.step,
                number=stored.number,
                number_before=number_before,
                actor=by.key_id,
                actor_name=by.name,
                reason=wish.reason,
                summary=summary,
            )
        )
        _keep(work, wish, by, change, now)
        work.commit()
    return change


def _checked(work: UnitOfWork, wish: Wish) -> tuple[StoredPolicy, StoredPolicy]:
    """Return the policy and the one in force, if the step can be taken."""
    stored = work.policies.get(wish.number)
    active = work.policies.active_number()
    if wish.instead_of is not None and wish.instead_of != active:
        raise PolicyReplaced(active)
    state = state_of(wish.number, work.policies.record())
    if wish.step not in ALLOWED[state]:
        allowed = [step.value for step in ALLOWED[state]]
        raise IllegalStep(state.value, wish.step.value, allowed, "policy")
    return stored, work.policies.get(active)


def _foreseen(resources: Resources, wish: Wish, now: datetime) -> dict[str, Any]:
    """Return what the step was seen to do before it was taken, without a lock."""
    if wish.step not in _EVENT_OF:
        return {}
    query = LedgerQuery(now - timedelta(days=LOG_DAYS), now + timedelta(seconds=1))
    with resources.reading() as work:
        draft = work.policies.get(wish.number).policy
        shown = preview(work, draft, query)
    return {
        "waiting_count": shown.waiting_count,
        "moved_count": len(shown.moves),
        "log_days": LOG_DAYS,
        "log_count": shown.log_count,
        "waits_present": [asdict(one) for one in shown.present],
        "waits_draft": [asdict(one) for one in shown.draft],
    }


def _put_in_force(
    work: UnitOfWork, wish: Wish, before: int, by: Caller, now: datetime
) -> dict[str, Any]:
    """Rank every open study by a policy, and tell each site; return what was done."""
    event = _EVENT_OF[wish.step]
    kept = {one.site for one in work.breakers.tripped()}
    query = sa.select(StudyRow).where(
        StudyRow.completed_at.is_not(None), StudyRow.read_state.in_(_OPEN)
    )
    asked = load_only(*PLACING, raiseload=True)
    rows = work.session.scalars(query.order_by(*_READING_ORDER).options(asked)).all()
    placed = [row for row in rows if row.site not in kept]
    before_of = {row.id: standing(row) for row in rows}
    work.session.flush()
    work.session.expunge_all()  # the rows are written by write_places, not by the session
    for row in placed:
        row.rank_policy = wish.number or None
        place_study(work, row, actor=by.key_id, cause=event.value, now=now)
    write_places(work, placed, before_of)
    order_before = [row.id for row in rows if not before_of[row.id][0]]
    ranked = sorted((row for row in rows if row.ranked), key=standing)
    moved = sum(first != row.id for first, row in zip(order_before, ranked, strict=True))
    done = {"ranked_count": len(placed), "moved_count": moved, "kept_sites": sorted(kept)}
    told = {"policy_version": version_of(wish.number), "policy_before": version_of(before)}
    for row in _one_of_each_site(ranked):
        work.events.append(
            event,
            study_id=row.id,
            site=row.site,
            actor=by.key_id,
            at=now,
            detail={**told, "reason": wish.reason, "by": by.name, "kept": row.site in kept},
        )
    return done


def _one_of_each_site(rows: Iterable[StudyRow]) -> Iterable[StudyRow]:
    """Return the first study of each site: an event belongs to a study, and each site is told."""
    first: dict[str, StudyRow] = {}
    for row in rows:
        first.setdefault(row.site, row)
    return first.values()


def _earlier(work: UnitOfWork, wish: Wish, by: Caller) -> PolicyChange | None:
    """Return what the same request did before."""
    if wish.idempotency_key is None:
        return None
    kept = work.keys.answer(by.key_id, wish.idempotency_key)
    if kept is None:
        return None
    if kept.fingerprint != wish.fingerprint():
        message = "This Idempotency-Key was used for another request."
        raise IdempotencyKeyReused(message)
    return work.policies.change(int(kept.answer["change_id"]))


def _keep(work: UnitOfWork, wish: Wish, by: Caller, change: PolicyChange, now: datetime) -> None:
    if wish.idempotency_key is not None:
        work.keys.keep_answer(
            by.key_id,
            wish.idempotency_key,
            fingerprint=wish.fingerprint(),
            answer={"change_id": change.id},
            now=now,
        )
