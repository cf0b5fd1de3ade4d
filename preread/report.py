"""A radiologist's report: takes the study off the list and closes its turnaround time."""

from dataclasses import asdict
from datetime import datetime
from typing import Final

from preread.db.tables import ReportRow, StudyRow
from preread.errors import IllegalStep
from preread.keys import Caller
from preread.reading import CLAIMED_STATES, ReadStep
from preread.resources import Resources
from preread.steps import need_token, take_step
from preread.study import ReadState
from preread.turnaround import Milestones, Turnaround, turnaround

SECOND_READ: Final = "second"
"""The kind of the report that ends a second read; the others are called like their states."""


def report_study(
    resources: Resources,
    study_id: str,
    step: ReadStep,
    *,
    by: Caller,
    token: str | None = None,
) -> Turnaround:
    """Record a report and return the turnaround time up to it.

    A study that nobody holds may be reported without a claim, as by a RIS that knows of none.

    Raises
    ------
    StudyNotFound
        If the caller has no such study.
    IllegalStep
        If the study is still being received, or cannot be reported from where it is.
    ClaimNotHeld
        If a reader holds it under another token, or the token's claim is over.
    """
    now = resources.clock()
    with resources.unit_of_work() as work:
        row = work.studies.locked(study_id, site=by.site)
        before = ReadState(row.read_state)
        if token is not None or before in CLAIMED_STATES:
            need_token(row, token)
        spent = _spent(row, step, now)
        claimed_at = row.claimed_at
        row.reported_at = now
        take_step(
            work,
            row,
            step,
            by=by,
            now=now,
            total_s=spent.total_s,
            claimed_at=None if claimed_at is None else claimed_at.isoformat(),
        )
        work.studies.add_report(
            ReportRow(
                study_id=row.id,
                kind=SECOND_READ if before in _SECOND else row.read_state,
                reported_at=now,
                actor=by.key_id,
                turnaround=asdict(spent),
            )
        )
        work.commit()
    return spent


_SECOND: Final = frozenset({ReadState.SECOND_REQUESTED, ReadState.CLAIMED_SECOND})


def _spent(row: StudyRow, step: ReadStep, now: datetime) -> Turnaround:
    if row.completed_at is None:
        raise IllegalStep("receiving", step.value, ["complete"])
    return turnaround(
        Milestones(
            received_at=row.received_at,
            transferred_at=None,
            completed_at=row.completed_at,
            ai_started_at=row.ai_started_at,
            ai_done_at=row.ai_done_at,
            claimed_at=row.claimed_at,
            preliminary_at=None,
            reported_at=now,
        )
    )
