"""The worker's side of a task: claim, keep alive, finish.

A claim is a lease with a fence. Whoever lost the lease, because it was paused, cut off or
declared dead, is refused when it comes back with a result. How an attempt ends without one is in
:mod:`preread.giving_back`.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from preread.alerts import raise_alert
from preread.breaking import followed_document, rank_by, withheld_document
from preread.db.events import EventKind
from preread.db.placing import place_study
from preread.db.studies import StoredInstance, study_of
from preread.db.tables.pre_reads import PreReadRow, TaskRow
from preread.db.tables.study import StudyRow
from preread.db.unit_of_work import UnitOfWork
from preread.findings import PreRead
from preread.policy import DEFAULT_POLICY
from preread.resources import Resources
from preread.study import AiState, FindingSummary, ReadState, Study
from preread.terms import Level


@dataclass(frozen=True, slots=True)
class Claim:
    """One task in the hands of one worker.

    Attributes
    ----------
    task_id, fence
        Prove the claim; another fence means that somebody else has the task now.
    attempt
        Counted from 1, this one included.
    study, revision, instances
        What to read.
    supersedes
        The pre-read of an earlier revision, if there is one.
    queued_at, started_at
        When the work was asked for and when it was claimed.
    """

    task_id: int
    fence: int
    attempt: int
    study: Study
    revision: int
    instances: tuple[StoredInstance, ...]
    supersedes: str | None
    queued_at: datetime
    started_at: datetime


@dataclass(frozen=True, slots=True)
class KeyImageFiles:
    """Digests of the two renderings of one key image in the store."""

    plain_sha256: str
    overlay_sha256: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """What a worker brings home."""

    document: PreRead
    key_images: tuple[KeyImageFiles, ...]
    summaries: tuple[FindingSummary, ...]


_LATE: Final = {
    ReadState.CLAIMED: EventKind.FLAGGED_AFTER_CLAIM,
    ReadState.CLAIMED_SECOND: EventKind.FLAGGED_AFTER_CLAIM,
    ReadState.PRELIMINARY: EventKind.FLAGGED_AFTER_REPORT,
    ReadState.FINAL: EventKind.FLAGGED_AFTER_REPORT,
    ReadState.REOPENED: EventKind.FLAGGED_AFTER_REPORT,
    ReadState.SECOND_REQUESTED: EventKind.FLAGGED_AFTER_REPORT,
}
"""What a flag is that no longer moves a study; one on hold or cancelled has its place or none."""


def claim_next(resources: Resources, worker: str) -> Claim | None:
    """Take the waiting task whose study is first on the worklist, if there is one."""
    now = resources.clock()
    lease_until = now + timedelta(seconds=resources.settings.lease_s)
    with resources.unit_of_work() as work:
        task = work.tasks.claim(worker, now, lease_until)
        if task is None:
            return None
        row = work.studies.locked(task.study_id)
        if task.revision == row.revision and row.settled:
            row.ai_state = AiState.RUNNING
            row.ai_started_at = row.ai_started_at or now
        tell_of_attempt(work, row, EventKind.PRE_READ_STARTED, task, actor=worker, now=now)
        earlier = work.studies.pre_read(task.study_id)
        claim = Claim(
            task_id=task.id,
            fence=task.fence,
            attempt=task.attempts,
            study=study_of(row),
            revision=task.revision,
            instances=work.studies.instances(task.study_id),
            supersedes=None if earlier is None else earlier.id,
            queued_at=task.created_at,
            started_at=now,
        )
        work.commit()
    return claim


def keep_claim(resources: Resources, claim: Claim) -> None:
    """Give a sign of life.

    Raises
    ------
    StaleClaim
        If the lease is lost; the work is then for nothing.
    """
    lease_until = resources.clock() + timedelta(seconds=resources.settings.lease_s)
    with resources.unit_of_work() as work:
        work.tasks.extend(claim.task_id, claim.fence, lease_until)
        work.commit()


def finish_claim(resources: Resources, claim: Claim, result: Result, *, worker: str) -> None:
    """Store the pre-read and let it raise the study, in one transaction.

    Raises
    ------
    StaleClaim
        If the lease is lost; nothing is stored.
    """
    now = resources.clock()
    with resources.unit_of_work() as work:
        work.tasks.finish(claim.task_id, claim.fence, now)
        row = work.studies.locked(claim.study.id)
        # A superseded or later result may raise the study too, and none ever lowers it.
        level = result.document.assessment.level
        before = None if row.rank_level is None else Level(row.rank_level)
        withheld = rank_by(work, resources.settings, row, level, now=now)
        document = (
            withheld_document(work, result.document, row)
            if withheld
            else followed_document(work, result.document, row, before)
        )
        result = replace(result, document=document)
        work.studies.add_pre_read(_pre_read_row(claim, result, now))
        if claim.revision == row.revision:
            _show_result(row, result, now)
        kind = (
            EventKind.PRE_READ_NOT_ASSESSED
            if level is Level.NOT_ASSESSED
            else EventKind.PRE_READ_SUCCEEDED
        )
        kinds = [kind]
        late = _LATE.get(ReadState(row.read_state))
        if late is not None and level in DEFAULT_POLICY.promotions:
            kinds.append(late)
        for one in kinds:
            work.events.append(
                one,
                study_id=row.id,
                site=row.site,
                actor=worker,
                at=now,
                detail={"revision": claim.revision, "level": level.value},
            )
        place_study(work, row, actor=worker, cause=kind.value, now=now)
        if not withheld:  # an AI that flags improbably much rings nobody
            raise_alert(work, row, revision=claim.revision, level=level, now=now)
        work.commit()


def _pre_read_row(claim: Claim, result: Result, now: datetime) -> PreReadRow:
    return PreReadRow(
        id=result.document.pre_read_id,
        study_id=claim.study.id,
        revision=claim.revision,
        created_at=now,
        document=result.document.model_dump(mode="json"),
        key_images=[
            {"plain": image.plain_sha256, "overlay": image.overlay_sha256 or ""}
            for image in result.key_images
        ],
    )


def _show_result(row: StudyRow, result: Result, now: datetime) -> None:
    """Make a result the one that the worklist shows of a study."""
    document = result.document
    level = document.assessment.level
    if row.settled:  # else images came that this result does not know
        not_assessed = level is Level.NOT_ASSESSED
        row.ai_state = AiState.NOT_ASSESSED if not_assessed else AiState.SUCCEEDED
        row.ai_reason = document.eligibility.reasons[0] if not_assessed else None
    row.ai_done_at = now
    row.model_version = None if document.model is None else document.model.version
    row.level = level
    row.findings = [summary.model_dump(mode="json") for summary in result.summaries]
    row.key_image_count = len(result.key_images)
    row.summary = document.text.summary


def tell_of_attempt(
    work: UnitOfWork, row: StudyRow, kind: EventKind, task: TaskRow, *, actor: str, now: datetime
) -> None:
    """Append what happened to an attempt at a task."""
    work.events.append(
        kind,
        study_id=row.id,
        site=row.site,
        actor=actor,
        at=now,
        detail={"revision": task.revision, "attempt": task.attempts, "reason": task.reason},
    )
