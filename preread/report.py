"""A radiologist's report: takes the study off the list and closes its turnaround time."""

from datetime import datetime
from typing import Final

from preread.db.ledger import Standing, entry
from preread.db.tables.readers import ReportRow
from preread.db.tables.study import StudyRow
from preread.db.unit_of_work import UnitOfWork
from preread.errors import IllegalStep
from preread.keys import Caller
from preread.ranking import from_ms, place, to_ms
from preread.reading import CLAIMED_STATES, SECOND_STATES, ReadStep
from preread.resources import Resources
from preread.steps import need_token, take_step
from preread.study import ReadState
from preread.terms import OrderClass
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
    SameReader
        If it is a second read, and the caller reported the study before.
    """
    now = resources.clock()
    with resources.unit_of_work() as work:
        row = work.studies.locked(study_id, sites=by.sites)
        before = ReadState(row.read_state)
        if token is not None or before in CLAIMED_STATES:
            need_token(row, token)
        spent, standing = _closing(work, row, step, now)
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
                kind=SECOND_READ if before in SECOND_STATES else row.read_state,
                reported_at=now,
                actor=by.key_id,
                turnaround=entry(spent, standing),
            )
        )
        work.commit()
    return spent


def _closing(
    work: UnitOfWork, row: StudyRow, step: ReadStep, now: datetime
) -> tuple[Turnaround, Standing]:
    """Return what a report closes; the standing is that at the first report of the study."""
    if row.completed_at is None:
        raise IllegalStep("receiving", step.value, ["complete"])
    first = work.ledger.first_report(row.id)
    spent = turnaround(
        Milestones(
            received_at=row.received_at,
            transferred_at=work.ledger.transferred_at(row.id, row.completed_at),
            completed_at=row.completed_at,
            ai_started_at=row.ai_started_at,
            ai_done_at=row.ai_done_at,
            claimed_at=row.claimed_at if first is None else first.claimed_at,
            preliminary_at=None if first is None else first.reported_at,
            reported_at=now,
            holds=work.ledger.holds(row.id),
        )
    )
    return spent, _standing(work, row, now) if first is None else first.standing


def _standing(work: UnitOfWork, row: StudyRow, now: datetime) -> Standing:
    promise = work.policies.promise(row)
    unaided = place(from_ms(row.t0_ms), OrderClass(row.order_class), None, policy=promise)
    return Standing(
        due_ms=to_ms(row.due_at or now),
        taken_ms=to_ms(row.claimed_at or now),
        first_report_ms=to_ms(now),
        key_ms=row.key_ms,
        unaided_key_ms=unaided.key_ms,
    )
