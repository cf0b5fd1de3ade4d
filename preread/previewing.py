"""Shows what a draft of a ranking policy would do, on copies; nothing is stored or re-ranked."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa

from preread.db.ledger import Closed, LedgerQuery
from preread.db.placing import ranking_level
from preread.db.tables import RANKED, StudyRow
from preread.db.unit_of_work import UnitOfWork
from preread.ranking import PINNED_LANE, Policy
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
    """Return what a draft would do to the list of now and to the log of a period."""
    present_of = _cached(lambda site: work.targets.policy(site, work.targets.newest_version(site)))
    draft_of = _cached(lambda site: _under_targets(work, draft, site))
    waiting = _waiting(work, query.site)
    log = [_logged(closed) for closed in work.ledger.closed(query)[-MOST_LOGGED:]]
    return Preview(
        waiting_count=len(waiting),
        moves=tuple(moves(waiting, draft_of)),
        log_count=len(log),
        happened=tuple(waits(log, {one.study_id: one.taken_ms for one in log})),
        present=tuple(waits(log, replay(log, present_of))),
        draft=tuple(waits(log, replay(log, draft_of))),
    )


def _under_targets(work: UnitOfWork, draft: Policy, site: str) -> Policy:
    """Return a draft at a site: what the site promised itself stays promised."""
    version = work.targets.newest_version(site)
    if version is None:
        return draft
    targets = work.targets.policy(site, version).order_target_min
    return replace(draft, order_target_min=targets)


def _cached(policy_of: Callable[[str], Policy]) -> Callable[[str], Policy]:
    known: dict[str, Policy] = {}

    def of(site: str) -> Policy:
        if site not in known:
            known[site] = policy_of(site)
        return known[site]

    return of


def _waiting(work: UnitOfWork, site: str | None) -> list[Waiting]:
    order = (StudyRow.lane, StudyRow.key_ms, StudyRow.t0_ms, StudyRow.id)
    query = sa.select(StudyRow).where(RANKED).order_by(*order).limit(MOST_WAITING)
    if site is not None:
        query = query.where(StudyRow.site == site)
    return [
        Waiting(
            study_id=row.id,
            site=row.site,
            completed_at=row.completed_at,
            order_class=OrderClass(row.order_class),
            level=ranking_level(row),
            pinned=row.lane == PINNED_LANE,
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
