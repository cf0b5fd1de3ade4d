"""How an attempt at a task ends without a result: it failed, or its worker is lost.

The task is given back for another attempt, or is dead after the last one; the study keeps its
place on the worklist either way.
"""

from collections.abc import Callable
from datetime import timedelta

from preread.db.events import EventKind
from preread.db.tables.pre_reads import TaskRow
from preread.db.unit_of_work import UnitOfWork
from preread.reasons import ReasonCode
from preread.resources import Resources
from preread.study import AiState, TaskState
from preread.work import Claim, tell_of_attempt


def fail_claim(
    resources: Resources, claim: Claim, reason: ReasonCode, *, worker: str, retry: bool
) -> None:
    """End an attempt without a result; the study keeps its place either way.

    Raises
    ------
    StaleClaim
        If the lease is lost; then the attempt was already ended for us.
    """
    with resources.unit_of_work() as work:
        task = work.tasks.held(claim.task_id, claim.fence)
        _end_attempt(resources, work, task, reason, actor=worker, retry=retry)
        work.commit()


def return_tasks_of(resources: Resources, worker: str, reason: ReasonCode) -> int:
    """Give back what a dead worker held; return how many tasks."""
    returned = 0
    while _return_one(resources, lambda work: work.tasks.held_by(worker), reason):
        returned += 1
    return returned


def return_expired_tasks(resources: Resources) -> int:
    """Give back tasks whose worker gave no sign of life in time; return how many."""
    now = resources.clock()
    with resources.reading() as work:
        if work.tasks.expired(now) is None:
            return 0
    returned = 0
    while _return_one(resources, lambda work: work.tasks.expired(now), ReasonCode.WORKER_LOST):
        returned += 1
    return returned


def _return_one(
    resources: Resources, find: Callable[[UnitOfWork], TaskRow | None], reason: ReasonCode
) -> bool:
    """End one attempt in a transaction of its own.

    Whoever holds the locks of several studies at once could wait for an upload that holds
    them in another order.
    """
    with resources.unit_of_work() as work:
        task = find(work)
        if task is None:
            return False
        _end_attempt(resources, work, task, reason, actor="service", retry=True)
        work.commit()
    return True


def _end_attempt(
    resources: Resources,
    work: UnitOfWork,
    task: TaskRow,
    reason: ReasonCode,
    *,
    actor: str,
    retry: bool,
) -> None:
    now = resources.clock()
    task.fence += 1  # whoever still works on it comes too late
    task.worker = None
    task.lease_until = None
    task.reason = reason
    row = work.studies.locked(task.study_id)
    current = task.revision == row.revision
    if not current:
        task.state = TaskState.SUPERSEDED
        task.finished_at = now
        return
    if retry and task.attempts < resources.settings.max_attempts:
        task.state = TaskState.READY
        task.not_before = now + timedelta(seconds=resources.settings.retry_pause_s * task.attempts)
        if row.settled:
            row.ai_state = AiState.QUEUED
        tell_of_attempt(work, row, EventKind.PRE_READ_RETURNED, task, actor=actor, now=now)
        return
    task.state = TaskState.DEAD
    task.finished_at = now
    if row.settled:
        row.ai_state = AiState.FAILED
        row.ai_reason = reason
    row.ai_done_at = now
    tell_of_attempt(work, row, EventKind.PRE_READ_FAILED, task, actor=actor, now=now)
