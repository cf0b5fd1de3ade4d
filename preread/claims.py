"""A reader's hold on a study: claim, next, heartbeat, release, take over.

A claim is a lease under a token. The caller may choose the token, so that a request that got
no answer can be sent again: the study is still theirs then, and nothing happens twice.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from preread.db.studies import study_of
from preread.db.tables.study import StudyRow
from preread.db.unit_of_work import UnitOfWork
from preread.db.worklist import NextQuery
from preread.errors import Conflict, NotAllowed
from preread.keys import Caller
from preread.leases import is_token, new_token, token_digest
from preread.reading import ReadStep
from preread.resources import Resources
from preread.scope import may_read
from preread.steps import let_run_out, need_token, set_wake, take_step
from preread.study import Study

_Note = Callable[[UnitOfWork, StudyRow], dict[str, object]]


@dataclass(frozen=True, slots=True)
class Lease:
    """A study in the hands of one reader.

    Attributes
    ----------
    study
        As it is now.
    token
        Proves the claim.
    lease_until
        The study goes back to the list then, unless a heartbeat comes first.
    """

    study: Study
    token: str
    lease_until: datetime


def claim_study(
    resources: Resources, study_id: str, *, by: Caller, token: str | None = None
) -> Lease:
    """Take a study that nobody holds; how many waiting ones it was taken before is noted.

    Raises
    ------
    StudyNotFound
        If the caller has no such study.
    IllegalStep
        If it cannot be claimed, for one because somebody else was faster.
    SameReader
        If it waits for a second read, and the caller reported it before.
    Conflict
        If the token holds another study.
    NotAllowed
        If its site asks for a license that the caller does not have.
    """

    def note(work: UnitOfWork, row: StudyRow) -> dict[str, object]:
        ahead = work.worklist.ahead_of(row, by.sites)
        rank = ahead + 1 if row.ranked else None
        return {"rank": rank, "waiting_ahead": ahead, "via": "claim"}

    return _take_named(resources, study_id, ReadStep.CLAIM, by=by, token=token, note=note)


def claim_first(
    resources: Resources, query: NextQuery, *, by: Caller, token: str | None = None
) -> Lease | None:
    """Take the study that this reader is to read next; None if none waits.

    Studies that are assigned to somebody else are left to them while the assignment lasts, and
    those of sites that ask for a license which the reader does not have are passed over.

    Raises
    ------
    Conflict
        If the token holds a study that this caller cannot have claimed with it.
    """
    now = resources.clock()
    with resources.unit_of_work() as work:
        if token is not None:
            held = work.studies.claimed_under(token_digest(token))
            over = held is not None and let_run_out(work, held, now)
            if held is not None and not over and held.claimed_by == by.key_id:
                return _lease(held, token)  # the same request again
            _refuse_used(work, token)
        row = work.worklist.first_for(_licensed(work, query, by), by.key_id, now)
        if row is None:
            return None
        ahead = work.worklist.ahead_of(row, by.sites)
        note: dict[str, object] = {"rank": 1, "waiting_ahead": ahead, "via": "next"}
        lease = _take(resources, work, row, ReadStep.CLAIM, by=by, token=token, note=note)
        work.commit()
    return lease


def take_over(
    resources: Resources, study_id: str, *, by: Caller, reason: str, token: str | None = None
) -> Lease:
    """Take a study out of another reader's hands, whose token is void from now on.

    Raises
    ------
    StudyNotFound
        If the caller has no such study.
    IllegalStep
        If nobody holds it, or no longer; then it can be claimed.
    SameReader
        If it is in its second read, and the caller reported it before.
    Conflict
        If the token holds another study.
    NotAllowed
        If its site asks for a license that the caller does not have.
    """

    def note(work: UnitOfWork, row: StudyRow) -> dict[str, object]:
        del work
        return {"reason": reason, "taken_from": row.claimed_by_name}

    return _take_named(resources, study_id, ReadStep.TAKE_OVER, by=by, token=token, note=note)


def keep_lease(resources: Resources, study_id: str, *, by: Caller, token: str) -> Lease:
    """Give a sign of life, so that the study stays with its reader.

    Raises
    ------
    StudyNotFound
        If the caller has no such study.
    ClaimNotHeld
        If the claim is over.
    """
    now = resources.clock()
    with resources.unit_of_work() as work:
        row = work.studies.locked(study_id, sites=by.sites)
        need_token(row, token)
        row.lease_until = now + timedelta(seconds=resources.settings.claim_lease_s)
        set_wake(row)
        lease = _lease(row, token)
        work.commit()
    return lease


def release_study(resources: Resources, study_id: str, *, by: Caller, token: str) -> Study:
    """Put a study back where it was on the list.

    Raises
    ------
    StudyNotFound
        If the caller has no such study.
    ClaimNotHeld
        If the claim is over.
    """
    now = resources.clock()
    with resources.unit_of_work() as work:
        row = work.studies.locked(study_id, sites=by.sites)
        need_token(row, token)
        take_step(work, row, ReadStep.RELEASE, by=by, now=now)
        study = study_of(row)
        work.commit()
    return study


def need_license(work: UnitOfWork, row: StudyRow, licenses: Collection[str]) -> None:
    """Refuse a reader who has no license to read for the site of a study.

    Raises
    ------
    NotAllowed
        If the site asks for one that is not among the reader's.
    """
    needed = work.sites.get(row.site).license
    if not may_read(licenses, needed):
        message = f"Studies of this site are read with the license {needed}, which the key lacks."
        raise NotAllowed(message)


def _licensed(work: UnitOfWork, query: NextQuery, by: Caller) -> NextQuery:
    needed = work.sites.licenses()
    sites = query.sites
    if query.license is not None:
        wanted = frozenset(site for site, name in needed.items() if name == query.license)
        sites = wanted if sites is None else sites & wanted
    barred = frozenset(site for site, name in needed.items() if not may_read(by.licenses, name))
    return replace(query, sites=sites, barred=barred)


def _take_named(
    resources: Resources,
    study_id: str,
    step: ReadStep,
    *,
    by: Caller,
    token: str | None,
    note: _Note,
) -> Lease:
    """Put a study that the caller names in the caller's hands, once for each token."""
    with resources.unit_of_work() as work:
        row = work.studies.locked(study_id, sites=by.sites)
        let_run_out(work, row, resources.clock())
        if token is not None and is_token(token, row.claim_sha256):
            return _lease(row, token)  # the same request again
        _refuse_used(work, token)
        need_license(work, row, by.licenses)
        lease = _take(resources, work, row, step, by=by, token=token, note=note(work, row))
        work.commit()
    return lease


def _take(
    resources: Resources,
    work: UnitOfWork,
    row: StudyRow,
    step: ReadStep,
    *,
    by: Caller,
    token: str | None,
    note: dict[str, object],
) -> Lease:
    """Put a study in the caller's hands; an illegal step undoes it with the transaction."""
    now = resources.clock()
    given = token or new_token()
    row.claimed_by = by.key_id
    row.claimed_by_name = by.name
    row.claim_sha256 = token_digest(given)
    row.claimed_at = now
    row.lease_until = now + timedelta(seconds=resources.settings.claim_lease_s)
    take_step(work, row, step, by=by, now=now, **note)
    return _lease(row, given)


def _refuse_used(work: UnitOfWork, token: str | None) -> None:
    if token is not None and work.studies.claimed_under(token_digest(token)) is not None:
        message = "The token holds another study."
        raise Conflict(message)


def _lease(row: StudyRow, token: str) -> Lease:
    if row.lease_until is None:
        message = "a claimed study has no end of its lease"
        raise ValueError(message)
    return Lease(study_of(row), token, row.lease_until)
