"""Puts a study in its place on the worklist and says so when the place changed."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import sqlalchemy as sa

from preread import ranking
from preread.db.events import EventKind
from preread.db.tables.base import Base
from preread.db.tables.study import StudyRow
from preread.db.unit_of_work import UnitOfWork
from preread.policy import DEFAULT_POLICY
from preread.study import AiState, ReadState
from preread.terms import Level, OrderClass

Standing: TypeAlias = tuple[bool, int, int, int, str]
_STUDY: Final = Base.metadata.tables[StudyRow.__tablename__]
_WHERE: Final = (StudyRow.ranked, StudyRow.lane, StudyRow.key_ms, StudyRow.t0_ms)
_WHY: Final = (
    *(StudyRow.due_at, StudyRow.rank_reason, StudyRow.policy_version, StudyRow.rank_policy),
)
PLACING: Final = (
    *(StudyRow.id, StudyRow.site, StudyRow.order_class, StudyRow.completed_at, StudyRow.read_state),
    *(StudyRow.ai_state, StudyRow.level, StudyRow.rank_level, StudyRow.rank_cap, StudyRow.held_ms),
    *(StudyRow.pinned_until, StudyRow.targets_version, StudyRow.promise_policy),
    *(*_WHERE, *_WHY),
)
"""All columns that :func:`place_study` asks and sets."""


def place_study(
    work: UnitOfWork, row: StudyRow, *, actor: str, cause: str, now: datetime
) -> ranking.Place | None:
    """Store the place that the policy gives to the present facts of a study.

    Returns None, and leaves the study unranked, while it was never complete. An event is
    appended only if the study came onto the list, left it or moved on it. Time on hold moves
    what the page counts down to, never the place.
    """
    if row.completed_at is None:
        return None
    place = place_of(work, row, row.completed_at, ranking_level(row))
    before = (row.ranked, row.lane, row.key_ms)
    detail = {
        "cause": cause,
        "key_ms_before": row.key_ms if row.ranked else None,
        "key_ms_after": place.key_ms,
        "reason": place.reason,
        "policy_version": place.policy_version,
    }
    row.ranked = row.read_state == ReadState.UNREAD
    row.lane = place.lane
    row.key_ms = place.key_ms
    row.t0_ms = place.t0_ms
    row.due_at = place.due_at + timedelta(milliseconds=row.held_ms or 0)
    row.rank_reason = place.reason
    row.policy_version = place.policy_version
    if (row.ranked or before[0]) and (row.ranked, row.lane, row.key_ms) != before:
        work.events.append(
            EventKind.RANK_CHANGED,
            study_id=row.id,
            site=row.site,
            actor=actor,
            at=now,
            detail=detail,
        )
    return place


def standing(row: StudyRow) -> Standing:
    """Return where a study stands; what is on the list comes first."""
    return (not row.ranked, row.lane, row.key_ms, row.t0_ms, row.id)


def write_places(
    work: UnitOfWork, rows: Sequence[StudyRow], before_of: Mapping[str, Standing]
) -> None:
    """Write the places of rows that the session does not hold, in two statements.

    The session itself would write in hundreds: one for each run of neighbors in which the same
    columns changed. Who did not move is written apart: its many indexes need no change.

    Parameters
    ----------
    work
        The transaction.
    rows
        As :func:`place_study` left them.
    before_of
        Where each study stood before, by ID.
    """
    stayed = [row for row in rows if standing(row) == before_of[row.id]]
    moved = [row for row in rows if standing(row) != before_of[row.id]]
    for some, columns in ((stayed, _WHY), (moved, (*_WHERE, *_WHY))):
        if some:
            names = [column.key for column in columns]
            statement = (
                sa.update(_STUDY)
                .where(_STUDY.c.id == sa.bindparam("of_id"))
                .values({name: sa.bindparam(name) for name in names})
            )
            values = [
                {"of_id": row.id} | {name: getattr(row, name) for name in names} for row in some
            ]
            work.session.connection().execute(statement, values)


def place_of(
    work: UnitOfWork, row: StudyRow, completed_at: datetime, level: Level | None
) -> ranking.Place:
    """Return the place that a study has with a level, under its promise and its policy."""
    return ranking.place(
        completed_at,
        OrderClass(row.order_class),
        level,
        policy=work.policies.present(row),
        promise=work.policies.promise(row),
        pinned=row.pinned_until is not None,
        withheld=_withheld(row),
    )


def ranking_level(row: StudyRow) -> Level | None:
    """Return the level that ranks a study.

    What promotes stays. What does not is said only of the present images: «flagged no
    hemorrhage» must not stand at images that nobody assessed.
    """
    ranking_by = row.rank_cap or row.rank_level
    ever = None if ranking_by is None else Level(ranking_by)
    if ever in DEFAULT_POLICY.promotions:
        return ever
    assessed = row.ai_state in {AiState.SUCCEEDED, AiState.NOT_ASSESSED}
    if not assessed or row.level is None or row.rank_cap is not None:
        return None
    return Level(row.level)


def _withheld(row: StudyRow) -> Level | None:
    """Return what a circuit breaker keeps from ranking the study."""
    return Level(row.rank_level) if row.rank_cap is not None and row.rank_level else None
