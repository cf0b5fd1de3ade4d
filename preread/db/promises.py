"""The last flagged studies of a site with a final report: what was promised, what was found."""

from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from preread.breaker import WINDOW
from preread.db.feedback import FeedbackRepository, GivenFeedback
from preread.db.tables.pre_reads import PreReadRow
from preread.db.tables.readers import ReportRow
from preread.db.tables.study import StudyRow
from preread.feedback import Verdict
from preread.promises import Promise
from preread.terms import FLAGGED

_FINAL: Final = "final"
_REPORTS: Final = 2 * WINDOW
"""More reports than studies: one that was reopened has several."""


def promises_of(session: Session, site: str, since: datetime) -> tuple[Promise, ...]:
    """Return the last promises of a site that were reported finally since a time, oldest first.

    Phantoms and flags without a probability are left out. Of several judgments of a study the
    newest counts, whoever gave it.
    """
    probabilities = _probabilities(session, site, since)
    newest: dict[str, GivenFeedback] = {}
    for given in FeedbackRepository(session).of_studies(probabilities):
        newest[given.study_id] = given
    return tuple(
        Promise(
            probability,
            refuted=study_id in newest and newest[study_id].verdict is Verdict.FALSE_POSITIVE,
        )
        for study_id, probability in reversed(probabilities.items())
    )


def _probabilities(session: Session, site: str, since: datetime) -> dict[str, float]:
    """Return what was promised of each study, the one that was reported last first."""
    other = aliased(PreReadRow)
    newest = sa.select(sa.func.max(other.revision)).where(other.study_id == StudyRow.id)
    document = PreReadRow.document[("assessment", "any_hemorrhage", "probability")]
    query = (
        sa.select(StudyRow.id, document.as_float())
        .join(ReportRow, ReportRow.study_id == StudyRow.id)
        .join(PreReadRow, PreReadRow.study_id == StudyRow.id)
        .where(
            ReportRow.kind == _FINAL,
            ReportRow.reported_at >= since,
            StudyRow.site == site,
            StudyRow.level.in_(FLAGGED),
            StudyRow.synthetic.is_(sa.false()),
            PreReadRow.revision == newest.correlate(StudyRow).scalar_subquery(),
        )
        .order_by(ReportRow.reported_at.desc(), ReportRow.id.desc())
        .limit(_REPORTS)
    )
    found: dict[str, float] = {}
    for study_id, probability in session.execute(query):
        if probability is not None and len(found) < WINDOW:
            found.setdefault(study_id, probability)
    return found
