"""What readers said of pre-reads: append-only, the newest of each reader counts."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from preread.db.tables.readers import FeedbackRow
from preread.feedback import (
    FalsePositiveCause,
    Judgment,
    MarkedPlace,
    Verdict,
    VolumeVerdict,
)
from preread.terms import HemorrhageType, Laterality, Level, Region

_AT_ONCE: Final = 500  # below SQLite's limit of bound variables


@dataclass(frozen=True, slots=True)
class GivenFeedback:
    """One judgment, by whom, and what of the pre-read it is about.

    Attributes
    ----------
    number
        Rises with time; 0 before it is stored.
    named
        The types of the pre-read's findings.
    """

    number: int
    study_id: str
    reader: str
    given_at: datetime
    level: Level
    model_version: str | None
    probability: float | None
    named: tuple[HemorrhageType, ...]
    verdict: Verdict
    judgment: Judgment


class FeedbackRepository:
    """Every question about feedback."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, given: GivenFeedback) -> GivenFeedback:
        """Add a judgment and return it with its number."""
        said = given.judgment
        row = FeedbackRow(
            study_id=given.study_id,
            revision=said.revision,
            reader=given.reader,
            given_at=given.given_at,
            level=given.level,
            model_version=given.model_version,
            probability=given.probability,
            named=list(given.named),
            verdict=given.verdict,
            score=said.score,
            types=list(said.types),
            places=[
                {"region": place.region, "laterality": place.laterality} for place in said.places
            ],
            volume=said.volume,
            false_positive_cause=said.cause,
        )
        self._session.add(row)
        self._session.flush()
        return _given(row)

    def of_study(self, study_id: str) -> tuple[GivenFeedback, ...]:
        """Return all judgments of a study, oldest first."""
        return self.of_studies([study_id])

    def of_studies(self, study_ids: Collection[str]) -> tuple[GivenFeedback, ...]:
        """Return all judgments of some studies, oldest first."""
        ids = sorted(study_ids)
        found: list[GivenFeedback] = []
        for start in range(0, len(ids), _AT_ONCE):
            query = sa.select(FeedbackRow).where(
                FeedbackRow.study_id.in_(ids[start : start + _AT_ONCE])
            )
            found.extend(_given(row) for row in self._session.scalars(query))
        return tuple(sorted(found, key=lambda given: given.number))


def that_count(given: Iterable[GivenFeedback]) -> dict[tuple[str, str], GivenFeedback]:
    """Return the newest judgment of each study and reader; later ones replace earlier ones."""
    ordered = sorted(given, key=lambda one: one.number)
    return {(one.study_id, one.reader): one for one in ordered}


def _given(row: FeedbackRow) -> GivenFeedback:
    return GivenFeedback(
        number=row.id,
        study_id=row.study_id,
        reader=row.reader,
        given_at=row.given_at,
        level=Level(row.level),
        model_version=row.model_version,
        probability=row.probability,
        named=tuple(HemorrhageType(kind) for kind in row.named),
        verdict=Verdict(row.verdict),
        judgment=Judgment(
            revision=row.revision,
            score=row.score,
            types=tuple(HemorrhageType(kind) for kind in row.types),
            places=tuple(_place(place) for place in row.places),
            volume=None if row.volume is None else VolumeVerdict(row.volume),
            cause=None
            if row.false_positive_cause is None
            else FalsePositiveCause(row.false_positive_cause),
        ),
    )


def _place(stored: dict[str, str | None]) -> MarkedPlace:
    side = stored["laterality"]
    return MarkedPlace(
        Region(str(stored["region"])), laterality=None if side is None else Laterality(side)
    )
