"""Fills a database with open studies, in bulk and without files."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from preread.db.engine import Database
from preread.db.tables.study import StudyRow
from preread.db.tally import Tally
from preread.ranking import Place, WorklistEntry, place
from preread.study import AiState, FindingSummary, ReadState
from preread.terms import HemorrhageType, Level, OrderClass

SITES: Final = tuple(f"site-{number}" for number in range(10))
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_DAYS: Final = 3
MADE: Final = 20_000
_LATER_MS: Final = 61_007  # from one copy to the next; interleaves them
_ID_KEPT: Final = 32  # the rest of an ID says which copy it is of
_ORDERS: Final = {
    OrderClass.STAT: 10, OrderClass.ER: 40, OrderClass.INPATIENT: 30, OrderClass.ROUTINE: 20,
}  # fmt: skip
_LEVELS: Final = {
    Level.CRITICAL: 3, Level.SUSPECTED: 7, Level.INDETERMINATE: 5, Level.NONE: 80,
    Level.NOT_ASSESSED: 5,
}  # fmt: skip
"""How often in a hundred; any plausible mixture will do."""


def fill(database: Database, count: int) -> list[WorklistEntry]:
    """Insert open studies and return what decides their order, in no order.

    The first ones are made in Python; the database multiplies them, each copy a little later, as
    a million rows would take it minutes otherwise. Indexes are made afterwards, for the same
    reason. ``count`` is a multiple of :data:`MADE` or below it.
    """
    rng = random.Random(count)  # noqa: S311 - studies, not secrets
    made = list(_studies(rng, min(count, MADE)))
    indexes = sorted(StudyRow.metadata.tables["study"].indexes, key=lambda index: str(index.name))
    entries: list[WorklistEntry] = []
    with database.writing() as session:
        connection = session.connection()
        for index in indexes:
            index.drop(connection)
        session.execute(sa.insert(StudyRow), [row for row, _ in made])
        for copy in range(1, count // MADE):
            session.execute(_copied(copy))
        for copy in range(max(1, count // MADE)):
            entries += [_later(entry, copy) for _, entry in made]
        for index in indexes:
            index.create(connection)
        Tally(session).sum_up()
        session.commit()
    return entries


def _copied(copy: int) -> sa.Insert:
    """Return the statement that inserts the made studies once more, under other names."""
    columns = StudyRow.metadata.tables["study"].columns
    changed = {
        "id": sa.func.substr(columns.id, 1, _ID_KEPT).concat(_suffix(copy)),
        "study_instance_uid": columns.study_instance_uid.concat(f".{copy}"),
        "accession_number": columns.accession_number.concat(f".{copy}"),
        "key_ms": columns.key_ms + copy * _LATER_MS,
        "t0_ms": columns.t0_ms + copy * _LATER_MS,
    }
    source = [changed.get(column.name, column) for column in columns]
    query = sa.select(*source).where(columns.id.endswith(_suffix(0)))
    return sa.insert(StudyRow).from_select([column.name for column in columns], query)


def _later(entry: WorklistEntry, copy: int) -> WorklistEntry:
    if copy == 0:
        return entry
    first, later_ms = entry.place, copy * _LATER_MS
    moved = Place(
        lane=first.lane,
        key_ms=first.key_ms + later_ms,
        t0_ms=first.t0_ms + later_ms,
        due_ms=first.due_ms + later_ms,
        reason=first.reason,
        policy_version=first.policy_version,
    )
    return WorklistEntry(f"{entry.study_id[:_ID_KEPT]}{_suffix(copy)}", moved)


def _suffix(copy: int) -> str:
    return f"{copy:04d}"


def _studies(rng: random.Random, count: int) -> Iterator[tuple[dict[str, Any], WorklistEntry]]:
    for number in range(count):
        completed_at = _START + timedelta(seconds=rng.uniform(0, _DAYS * 86_400))
        order_class = rng.choices(tuple(_ORDERS), tuple(_ORDERS.values()))[0]
        level = rng.choices(tuple(_LEVELS), tuple(_LEVELS.values()))[0]
        standing = place(completed_at, order_class, level)
        study_id = str(UUID(int=rng.getrandbits(128), version=4))[:_ID_KEPT] + _suffix(0)
        row = {
            **_what_it_is(study_id, number, rng, completed_at),
            **_how_far(completed_at, level),
            "order_class": order_class,
            "lane": standing.lane,
            "key_ms": standing.key_ms,
            "t0_ms": standing.t0_ms,
            "due_at": standing.due_at,
            "rank_reason": standing.reason,
            "policy_version": standing.policy_version,
        }
        yield row, WorklistEntry(study_id, standing)


def _what_it_is(
    study_id: str, number: int, rng: random.Random, completed_at: datetime
) -> dict[str, Any]:
    received_at = completed_at - timedelta(seconds=20)
    return {
        "id": study_id,
        "site": rng.choice(SITES),
        "study_instance_uid": f"2.25.{10**30 + number}",
        "accession_number": f"BENCH{number:09d}",
        "modality": "CT",
        "body_part": "HEAD",
        "patient_age_years": rng.randint(18, 95),
        "acquired_at": received_at - timedelta(minutes=5),
        "synthetic": True,
        "instance_count": 40,
        "byte_count": 21_000_000,
        "received_at": received_at,
        "last_instance_at": completed_at,
        "unsettled_since": None,
        "completed_at": completed_at,
        "settled": True,
        "revision": 1,
    }


def _how_far(completed_at: datetime, level: Level) -> dict[str, Any]:
    assessed = level is not Level.NOT_ASSESSED
    flagged = level in {Level.CRITICAL, Level.SUSPECTED}
    finding = FindingSummary(
        type=HemorrhageType.SDH, probability=0.9, volume_ml=12.5, place="right frontal convexity"
    )
    return {
        "ai_state": AiState.SUCCEEDED if assessed else AiState.NOT_ASSESSED,
        "ai_reason": None if assessed else "NOT_HEAD",
        "ai_started_at": completed_at + timedelta(seconds=1),
        "ai_done_at": completed_at + timedelta(seconds=4),
        "read_state": ReadState.UNREAD,
        "reported_at": None,
        "level": level,
        "rank_level": level,
        "findings": [finding.model_dump(mode="json")] if flagged else [],
        "key_image_count": 3 if flagged else 1,
        "summary": "Suspected right subdural hemorrhage, 13 ml." if flagged else "None flagged.",
        "ranked": True,
    }
