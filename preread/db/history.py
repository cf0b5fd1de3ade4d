"""What the service remembers of past studies, as far as a simulation may know it: no identifiers."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from preread.db.feedback import FeedbackRepository, that_count
from preread.db.tables.readers import FeedbackRow, ReportRow
from preread.db.tables.study import StudyRow
from preread.study import ReadState
from preread.terms import Level, OrderClass

_FIRST_REPORTS: Final = (ReadState.PRELIMINARY.value, ReadState.FINAL.value)


@dataclass(frozen=True, slots=True)
class PastStudy:
    """One study that was complete once.

    Attributes
    ----------
    completed_at, order_class
        When, and what was asked for.
    level, ai_done_at
        What the AI said and when.
    read_s
        Seconds from the claim to the first report, without holds; None where it was reported
        without a claim, or not yet.
    bleeds
        What readers said is there; None where none did, or they contradict each other.
    """

    completed_at: datetime
    order_class: OrderClass
    level: Level | None
    ai_done_at: datetime | None
    read_s: float | None
    bleeds: bool | None


def past_studies(session: Session, *, site: str | None = None) -> Sequence[PastStudy]:
    """Return all completed studies of patients, of one site or of all, as they came.

    Synthetic studies are left out. Of several revisions the most urgent level counts, as it does
    on the worklist, with the time of the present one.
    """
    columns = (
        StudyRow.id,
        StudyRow.completed_at,
        StudyRow.order_class,
        StudyRow.rank_level,
        StudyRow.ai_done_at,
    )
    query = sa.select(*columns).where(*_patients(site)).order_by(StudyRow.t0_ms, StudyRow.id)
    read_s, truth = _read_s(session, site), _truth(session, site)
    return [
        PastStudy(
            completed_at=completed_at,
            order_class=OrderClass(order_class),
            level=None if level is None else Level(level),
            ai_done_at=ai_done_at,
            read_s=read_s.get(study_id),
            bleeds=truth.get(study_id),
        )
        for study_id, completed_at, order_class, level, ai_done_at in session.execute(query)
        if completed_at is not None
    ]


def _patients(site: str | None) -> list[sa.ColumnElement[bool]]:
    """Return the conditions of completed studies of patients, of a site or of all."""
    conditions: list[sa.ColumnElement[bool]] = [
        StudyRow.completed_at.is_not(None),
        StudyRow.synthetic.is_(sa.false()),
    ]
    return conditions if site is None else [*conditions, StudyRow.site == site]


def _read_s(session: Session, site: str | None) -> dict[str, float]:
    """Return how long the studies were read whose first report came out of a claim."""
    query = (
        sa.select(ReportRow.study_id, ReportRow.turnaround)
        .join(StudyRow, StudyRow.id == ReportRow.study_id)
        .where(ReportRow.kind.in_(_FIRST_REPORTS), *_patients(site))
        .order_by(ReportRow.id.desc())  # the first report of a study is kept, as it comes last
    )
    spent: dict[str, dict[str, Any]] = {row[0]: row[1] for row in session.execute(query)}
    return {
        study_id: float(turnaround["read_s"])
        for study_id, turnaround in spent.items()
        if turnaround.get("read_known")
    }


def _truth(session: Session, site: str | None) -> dict[str, bool]:
    """Return whether readers saw a bleed, of the studies of which all who judged say the same."""
    judged = (
        sa.select(FeedbackRow.study_id)
        .distinct()
        .join(StudyRow, StudyRow.id == FeedbackRow.study_id)
        .where(*_patients(site))
    )
    ids = session.scalars(judged).all()
    said: defaultdict[str, set[bool]] = defaultdict(set)
    for given in that_count(FeedbackRepository(session).of_studies(ids)).values():
        said[given.study_id].add(bool(given.judgment.types))
    return {study_id: words.pop() for study_id, words in said.items() if len(words) == 1}
