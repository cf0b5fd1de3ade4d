"""Fills a database with open studies, in bulk and without files."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from preread.db.tables import StudyRow
from preread.findings import FindingSummary
from preread.ranking import WorklistEntry, place
from preread.study import AiState, ReadState
from preread.terms import HemorrhageType, Level, OrderClass

SITES: Final = tuple(f"site-{number}" for number in range(10))
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_DAYS: Final = 3
_BATCH: Final = 5000
_ORDERS: Final = {
    OrderClass.STAT: 10, OrderClass.ER: 40, OrderClass.INPATIENT: 30, OrderClass.ROUTINE: 20,
}  # fmt: skip
_LEVELS: Final = {
    Level.CRITICAL: 3, Level.SUSPECTED: 7, Level.INDETERMINATE: 5, Level.NONE: 80,
    Level.NOT_ASSESSED: 5,
}  # fmt: skip
"""How often in a hundred; any plausible mixture will do."""


def insert_studies(session: Session, count: int) -> list[WorklistEntry]:
    """Insert open studies and return what decides their order, in no order."""
    rng = random.Random(count)  # noqa: S311 - studies, not secrets
    entries: list[WorklistEntry] = []
    rows: list[dict[str, Any]] = []
    for row, entry in _studies(rng, count):
        rows.append(row)
        entries.append(entry)
        if len(rows) == _BATCH:
            session.execute(sa.insert(StudyRow), rows)
            rows.clear()
    if rows:
        session.execute(sa.insert(StudyRow), rows)
    session.commit()
    return entries


def _studies(rng: random.Random, count: int) -> Iterator[tuple[dict[str, Any], WorklistEntry]]:
    for number in range(count):
        completed_at = _START + timedelta(seconds=rng.uniform(0, _DAYS * 86_400))
        order_class = rng.choices(tuple(_ORDERS), tuple(_ORDERS.values()))[0]
        level = rng.choices(tuple(_LEVELS), tuple(_LEVELS.values()))[0]
        standing = place(completed_at, order_class, level)
        study_id = str(UUID(int=rng.getrandbits(128), version=4))
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
