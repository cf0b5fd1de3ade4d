"""Shows what another ranking policy would do, on copies; nothing is stored or re-ranked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from preread.db.ledger import Closed, LedgerQuery
from preread.db.placing import ranking_level
from preread.db.scoped import within
from preread.db.tables.study import RANKED, StudyRow
from preread.db.unit_of_work import UnitOfWork
from preread.policy import Policy
from preread.ranking import PINNED_LANE
from preread.scope import Sites
from preread.shadow import Logged, Move, Waiting, Waits, moves, replay, waits
from preread.terms import OrderClass

MOST_WAITING: Final = 2000
MOST_LOGGED: Final = 5000


@dataclass(frozen=True, slots=True)
class Preview:
    """What a draft would do.

    Attributes
    ----------
    waiting_count, moves
        Studies that wait now, and those of them that would stand elsewhere.
    log_count
        Studies of the log, the newest of the period.
    happened, present, draft
        Waits as they were; as the policy of now gives them in the replay; as the draft does.
        Compare the last two: the replay knows no holds, assignments and pins.
    """

    waiting_count: int
    moves: tuple[Move, ...]
    log_count: int
    happened: tuple[Waits, ...]
    present: tuple[Waits, ...]
    draft: tuple[Waits, ...]


def preview(work: UnitOfWork, draft: Policy, query: LedgerQuery) -> Preview:
    """Return what a draft would do to the list of now and to the log of a period.

    To the list it does what putting it in force would: studies keep the targets of their orders.
    To the log it does what it would have done had it been in force all the time.
    """
    present = work.policies.policy(work.policies.active_number())
    present_of = _cached(lambda site: _at_site(work, present, site))
    draft_of = _cached(lambda site: _at_site(work, draft, site))
    waiting = _waiting(work, query.sites)
    log = [_logged(closed) for closed in work.ledger.closed(query)[-MOST_LOGGED:]]
    return Preview(
        waiting_count=len(waiting),
        moves=tuple(moves(waiting, draft)),
        log_count=len(log),
        happened=tuple(waits(log, {one.study_id: one.taken_ms for one in log})),
        present=tuple(waits(log, replay(log, present_of))),
        draft=tuple(waits(log, replay(log, draft_of))),
    )


def _at_site(work: UnitOfWork, policy: Policy, site: str) -> Policy:
    """Return a policy at a site: what the site promised itself stays promised."""
    return work.policies.at_site(site, policy, work.targets.newest_version(site))


def _cached(policy_of: Callable[[str], Policy]) -> Callable[[str], Policy]:
    known: dict[str, Policy] = {}

    def of(site: str) -> Policy:
        if site not in known:
            known[site] = policy_of(site)
        return known[site]

    return of


def _waiting(work: UnitOfWork, sites: Sites) -> list[Waiting]:
    tripped = {one.site for one in work.breakers.tripped()}
    order = (StudyRow.lane, StudyRow.key_ms, StudyRow.t0_ms, StudyRow.id)
    query = sa.select(StudyRow).where(RANKED, *within(StudyRow.site, sites))
    query = query.order_by(*order).limit(MOST_WAITING)
    return [
        Waiting(
            study_id=row.id,
            site=row.site,
            completed_at=row.completed_at,
            order_class=OrderClass(row.order_class),
            level=ranking_level(row),
            pinned=row.lane == PINNED_LANE,
            promise=work.policies.promise(row),
            kept_by=work.policies.present(row) if row.site in tripped else None,
        )
        for row in work.session.scalars(query)
        if row.completed_at is not None
    ]


def _logged(closed: Closed) -> Logged:
    line = closed.line
    told_s = line.spent.ai_queue_s + line.spent.ai_s
    return Logged(
        study_id=line.study_id,
        site=line.site,
        order_class=line.order_class,
        level=line.level,
        t0_ms=closed.read.t0_ms,
        told_ms=closed.read.t0_ms + round(told_s * 1000),
        taken_ms=max(closed.read.read_ms, closed.read.t0_ms),
    )
