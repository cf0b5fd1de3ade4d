"""What the service remembers of past studies, as far as a simulation may know it: no identifiers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from preread.db.tables import StudyRow
from preread.terms import Level, OrderClass


@dataclass(frozen=True, slots=True)
class PastStudy:
    """One study that was complete once: when, what was asked for, what the AI said and when."""

    completed_at: datetime
    order_class: OrderClass
    level: Level | None
    ai_done_at: datetime | None


def past_studies(session: Session, *, site: str | None = None) -> Sequence[PastStudy]:
    """Return all completed studies of patients, of one site or of all, as they came.

    Synthetic studies are left out. Of several revisions the most urgent level counts, as it does
    on the worklist, with the time of the present one.
    """
    columns = (
        StudyRow.completed_at,
        StudyRow.order_class,
        StudyRow.rank_level,
        StudyRow.ai_done_at,
    )
    query = sa.select(*columns).where(
        StudyRow.completed_at.is_not(None), StudyRow.synthetic.is_(sa.false())
    )
    if site is not None:
        query = query.where(StudyRow.site == site)
    return [
        PastStudy(
            completed_at=completed_at,
            order_class=OrderClass(order_class),
            level=None if level is None else Level(level),
            ai_done_at=ai_done_at,
        )
        for completed_at, order_class, level, ai_done_at in session.execute(
            query.order_by(StudyRow.t0_ms, StudyRow.id)
        )
        if completed_at is not None
    ]
