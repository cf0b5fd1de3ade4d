"""What people decide about a study without reading it: hold, pin, assign, cancel, reopen.

Each is one step of :mod:`preread.reading`, recorded with who did it and why.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from preread.db.studies import study_of
from preread.db.tables.access import ApiKeyRow
from preread.db.tables.study import StudyRow
from preread.db.unit_of_work import UnitOfWork
from preread.errors import InvalidRequest
from preread.keys import Caller, Role, sites_of
from preread.reading import CLAIMED_STATES, ReadStep, need_another_reader
from preread.resources import Resources
from preread.scope import Sites, may_read
from preread.steps import end_assignment, end_pin, need_token, take_step
from preread.study import ReadState, Study

LONGEST_PIN_MIN: Final = 60
_READING_ROLES: Final = frozenset({Role.READER, Role.COORDINATOR, Role.ADMIN})
_DECIDING_ROLES: Final = frozenset({Role.COORDINATOR, Role.ADMIN})

_Prepare = Callable[[UnitOfWork, StudyRow, datetime], dict[str, object]]


@dataclass(frozen=True, slots=True)
class Reader:
    """Who can be given studies, and how many are in their hands now."""

    key_id: str
    name: str
    role: Role
    sites: Sites
    claimed: int


def hold_study(
    resources: Resources, study_id: str, *, by: Caller, reason: str, token: str | None = None
) -> Study:
    """Put a study aside until something that it needs is there; its clock stops.

    Raises
    ------
    StudyNotFound
        If the caller has no such study.
    IllegalStep
        If it cannot be held.
    ClaimNotHeld
        If a reader holds it and neither the token nor the caller's role covers that.
    """

    def prepare(work: UnitOfWork, row: StudyRow, now: datetime) -> dict[str, object]:
        del work
        if row.read_state in CLAIMED_STATES and by.role not in _DECIDING_ROLES:
            need_token(row, token)
        row.held_at, row.hold_reason = now, reason
        return {"reason": reason, "claimed_by": row.claimed_by_name}

    return _take(resources, study_id, ReadStep.HOLD, by, prepare)


def resume_study(resources: Resources, study_id: str, *, by: Caller) -> Study:
    """Put a study on hold back on the list: in its old place, with a later due time.

    Raises
    ------
    StudyNotFound, IllegalStep
        If there is none, or it is not on hold.
    """

    def prepare(work: UnitOfWork, row: StudyRow, now: datetime) -> dict[str, object]:
        del work
        return {"held_s": None if row.held_at is None else (now - row.held_at).total_seconds()}

    return _take(resources, study_id, ReadStep.RESUME, by, prepare)


def pin_study(
    resources: Resources, study_id: str, *, by: Caller, reason: str, minutes: int
) -> Study:
    """Put a waiting study in front of all that are not pinned, for an hour at the most.

    Raises
    ------
    StudyNotFound, IllegalStep
        If there is none, or it does not wait.
    InvalidRequest
        If the time is too long.
    """
    if not 1 <= minutes <= LONGEST_PIN_MIN:
        message = f"A pin lasts from 1 to {LONGEST_PIN_MIN} minutes."
        raise InvalidRequest(message)

    def prepare(work: UnitOfWork, row: StudyRow, now: datetime) -> dict[str, object]:
        del work
        row.pinned_until, row.pin_reason = now + timedelta(minutes=minutes), reason
        return {"reason": reason, "minutes": minutes}

    return _take(resources, study_id, ReadStep.PIN, by, prepare)


def unpin_study(resources: Resources, study_id: str, *, by: Caller) -> Study:
    """Put a pinned study back in its place before the pin ends.

    Raises
    ------
    StudyNotFound, IllegalStep
        If there is none, or it does not wait.
    """

    def prepare(work: UnitOfWork, row: StudyRow, now: datetime) -> dict[str, object]:
        del work, now
        end_pin(row)
        return {}

    return _take(resources, study_id, ReadStep.UNPIN, by, prepare)


def assign_study(resources: Resources, study_id: str, *, by: Caller, reader: str | None) -> Study:
    """Leave a waiting study to one reader for a while; None leaves it to everybody again.

    It stays in its place on the list. Others are not offered it as their next one, and may
    still claim it on purpose.

    Raises
    ------
    StudyNotFound, IllegalStep
        If there is none, or it does not wait.
    InvalidRequest
        If the key is not that of a reader for the study's site.
    SameReader
        If it waits for a second read, and the reader reported it before.
    """

    def prepare(work: UnitOfWork, row: StudyRow, now: datetime) -> dict[str, object]:
        before = row.assigned_to_name
        if reader is None:
            end_assignment(row)
        else:
            name = _reader(work, reader, row, now).label
            state, reported_by = ReadState(row.read_state), work.studies.reported_by(row.id)
            need_another_reader(state, ReadStep.CLAIM, reader, reported_by)
            row.assigned_to, row.assigned_to_name = reader, name
            row.assigned_until = now + timedelta(seconds=resources.settings.assignment_s)
        return {"assigned_to": row.assigned_to_name, "assigned_before": before}

    return _take(resources, study_id, ReadStep.ASSIGN, by, prepare)


def take_with_reason(
    resources: Resources, study_id: str, step: ReadStep, *, by: Caller, reason: str
) -> Study:
    """Cancel or reopen a study, or ask for a second read or withdraw that.

    Raises
    ------
    StudyNotFound, IllegalStep
        If there is none, or it cannot take the step.
    """

    def prepare(work: UnitOfWork, row: StudyRow, now: datetime) -> dict[str, object]:
        del work, now
        return {"reason": reason, "claimed_by": row.claimed_by_name}

    return _take(resources, study_id, step, by, prepare)


def readers(resources: Resources, sites: Sites) -> tuple[Reader, ...]:
    """Return who can be given studies of one of some sites, or of any, and their load."""
    now = resources.clock()
    with resources.reading() as work:
        load = work.studies.claims_by_key()
        return tuple(
            Reader(row.id, row.label, Role(row.role), sites_of(row), load.get(row.id, 0))
            for row in work.keys.all()
            if _can_read(row, sites, now)
        )


def _take(
    resources: Resources, study_id: str, step: ReadStep, by: Caller, prepare: _Prepare
) -> Study:
    now = resources.clock()
    with resources.unit_of_work() as work:
        row = work.studies.locked(study_id, sites=by.sites)
        take_step(work, row, step, by=by, now=now, **prepare(work, row, now))
        study = study_of(row)
        work.commit()
    return study


def _reader(work: UnitOfWork, key_id: str, study: StudyRow, now: datetime) -> ApiKeyRow:
    row = work.keys.find(key_id)
    needed = work.sites.get(study.site).license
    fits = row is not None and may_read(row.licenses or (), needed)
    if row is None or not fits or not _can_read(row, frozenset({study.site}), now):
        message = "The key is not that of a reader for the site of the study."
        raise InvalidRequest(message)
    return row


def _can_read(row: ApiKeyRow, sites: Sites, now: datetime) -> bool:
    good = row.revoked_at is None and (row.expires_at is None or row.expires_at > now)
    own = sites_of(row)
    return (
        good and row.role in _READING_ROLES and (sites is None or own is None or bool(own & sites))
    )
