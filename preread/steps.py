"""Takes one step of the reading of a locked study: state, place, timers and the record of it."""

from datetime import datetime, timedelta
from typing import Final

from preread.alerts import follow_step
from preread.db.events import EventKind
from preread.db.placing import place_study
from preread.db.tables.study import StudyRow
from preread.db.unit_of_work import UnitOfWork
from preread.errors import ClaimNotHeld, IllegalStep
from preread.keys import Caller
from preread.leases import Timer, Timers, is_token, run_out, wake_at
from preread.reading import (
    CLAIMED_STATES,
    ReadStep,
    allowed_read_steps,
    is_second_read,
    need_another_reader,
    take_read_step,
)
from preread.study import ReadState

SERVICE: Final = "service"
"""The actor of what the clock does."""

WAITING_STATES: Final = frozenset(
    {ReadState.UNREAD, ReadState.REOPENED, ReadState.SECOND_REQUESTED}
)
"""Nobody has the study in hand, and somebody is to take it."""

_COMES_BACK: Final = CLAIMED_STATES | {ReadState.ON_HOLD}
"""A pin lasts over these, as the study may be on the list again before it ends."""

_EVENT_OF: Final = {
    ReadStep.CLAIM: EventKind.CLAIMED,
    ReadStep.RELEASE: EventKind.RELEASED,
    ReadStep.EXPIRE: EventKind.CLAIM_EXPIRED,
    ReadStep.TAKE_OVER: EventKind.TAKEN_OVER,
    ReadStep.ASSIGN: EventKind.ASSIGNED,
    ReadStep.HOLD: EventKind.HELD,
    ReadStep.RESUME: EventKind.RESUMED,
    ReadStep.PIN: EventKind.PINNED,
    ReadStep.UNPIN: EventKind.UNPINNED,
    ReadStep.CANCEL: EventKind.CANCELLED,
    ReadStep.PRELIMINARY_REPORT: EventKind.REPORTED,
    ReadStep.FINAL_REPORT: EventKind.REPORTED,
    ReadStep.REOPEN: EventKind.REOPENED,
    ReadStep.REQUEST_SECOND_READ: EventKind.SECOND_READ_REQUESTED,
    ReadStep.WITHDRAW_SECOND_READ: EventKind.SECOND_READ_WITHDRAWN,
}


def take_step(
    work: UnitOfWork,
    row: StudyRow,
    step: ReadStep,
    *,
    by: Caller | None,
    now: datetime,
    **detail: object,
) -> None:
    """Take a step, record it and put the study in its place.

    Parameters
    ----------
    work, row
        A study that this transaction has locked.
    step
        What is done.
    by
        Who does it; None is the clock.
    now
        The time.
    detail
        What more the event shall say, as JSON: a reason, for one.

    Raises
    ------
    IllegalStep
        If the study cannot take the step; nothing has changed then.
    SameReader
        If it is a second read by somebody who reported the study before.
    """
    if row.completed_at is None:
        raise IllegalStep("receiving", step.value, ["complete"])
    before = ReadState(row.read_state)
    after = take_read_step(before, step)
    if by is not None and is_second_read(before, step):
        need_another_reader(before, step, by.key_id, work.studies.reported_by(row.id))
    row.read_state = after
    if after not in CLAIMED_STATES:
        end_claim(row)
    if before is ReadState.ON_HOLD:
        _end_hold(row, now)
    if after not in WAITING_STATES:
        _end_steering(row, keep_pin=after in _COMES_BACK)
    actor = SERVICE if by is None else by.key_id
    work.events.append(
        _EVENT_OF[step],
        study_id=row.id,
        site=row.site,
        actor=actor,
        at=now,
        detail={
            "step": step.value,
            "from": before.value,
            "to": after.value,
            "by": SERVICE if by is None else by.name,
            "policy_version": row.policy_version,
            "model_version": row.model_version,
            **detail,
        },
    )
    settle_place(work, row, actor=actor, cause=step.value, now=now)
    follow_step(work, row, by, now)


def let_run_out(work: UnitOfWork, row: StudyRow, now: datetime) -> tuple[Timer, ...]:
    """End what of a locked study has run out, and return what it was."""
    over = run_out(timers_of(row), now)
    for timer in over:
        if timer is Timer.LEASE:
            claimed_by = row.claimed_by_name
            take_step(work, row, ReadStep.EXPIRE, by=None, now=now, claimed_by=claimed_by)
        elif timer is Timer.PIN:
            end_pin(row)
            _tell(work, row, EventKind.PIN_EXPIRED, now)
            settle_place(work, row, actor=SERVICE, cause="pin_expired", now=now)
        else:
            _tell(work, row, EventKind.ASSIGNMENT_EXPIRED, now, assigned_to=row.assigned_to_name)
            end_assignment(row)
            set_wake(row)
    return over


def settle_place(work: UnitOfWork, row: StudyRow, *, actor: str, cause: str, now: datetime) -> None:
    """Put a study in its place and set when it is to be looked at again."""
    place_study(work, row, actor=actor, cause=cause, now=now)
    set_wake(row)


def timers_of(row: StudyRow) -> Timers:
    """Return what of a study can run out."""
    return Timers(row.lease_until, row.pinned_until, row.assigned_until)


def set_wake(row: StudyRow) -> None:
    """Set when the clock has to look at a study again."""
    row.wake_at = wake_at(timers_of(row))


def need_token(row: StudyRow, token: str | None) -> None:
    """Refuse whoever does not hold the study now.

    Raises
    ------
    ClaimNotHeld
        If the study is not claimed, or under another token.
    """
    if token is None or not is_token(token, row.claim_sha256):
        state = ReadState(row.read_state)
        raise ClaimNotHeld(state.value, [step.value for step in allowed_read_steps(state)])


def end_claim(row: StudyRow) -> None:
    """Take a study out of its reader's hands; the token is worth nothing from now on."""
    row.claimed_by = row.claimed_by_name = row.claim_sha256 = None
    row.claimed_at = row.lease_until = None


def end_pin(row: StudyRow) -> None:
    """Let a study go back to the lane of all others."""
    row.pinned_until = row.pin_reason = None


def end_assignment(row: StudyRow) -> None:
    """Leave a study to whoever comes first."""
    row.assigned_to = row.assigned_to_name = row.assigned_until = None


def _end_hold(row: StudyRow, now: datetime) -> None:
    if row.held_at is not None:
        row.held_ms += (now - row.held_at) // timedelta(milliseconds=1)
    row.held_at = row.hold_reason = None


def _end_steering(row: StudyRow, *, keep_pin: bool) -> None:
    """Drop what was said about who reads it when: it has been followed, or is void."""
    end_assignment(row)
    if not keep_pin:
        end_pin(row)


def _tell(
    work: UnitOfWork, row: StudyRow, kind: EventKind, now: datetime, **detail: object
) -> None:
    work.events.append(
        kind, study_id=row.id, site=row.site, actor=SERVICE, at=now, detail=dict(detail)
    )
