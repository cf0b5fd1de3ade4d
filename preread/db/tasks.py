"""Tasks: who works on which revision, with a lease, a fence and a count of attempts."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from preread.db.tables.pre_reads import TaskRow
from preread.db.tables.study import StudyRow
from preread.errors import StaleClaim
from preread.study import TaskState


class TaskRepository:
    """Every question about work to do."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, study_id: str, revision: int, now: datetime) -> None:
        """Ask for the pre-read of one revision; older revisions need none any more.

        A task that a worker is claiming at this moment is left to it: waiting for its lock
        while holding that of the study would be a deadlock.
        """
        waiting = (
            sa.select(TaskRow)
            .where(TaskRow.study_id == study_id, TaskRow.state == TaskState.READY)
            .with_for_update(skip_locked=True)
        )
        for task in self._session.scalars(waiting):
            task.state = TaskState.SUPERSEDED
            task.finished_at = now
        self._session.add(
            TaskRow(
                study_id=study_id,
                revision=revision,
                state=TaskState.READY,
                fence=0,
                attempts=0,
                not_before=now,
                created_at=now,
            )
        )

    def claim(self, worker: str, now: datetime, lease_until: datetime) -> TaskRow | None:
        """Take the task whose study is first on the worklist; count the attempt at once.

        The attempt is counted here and not at the failure, or a study that kills its worker
        would be tried for ever.
        """
        query = (
            sa.select(TaskRow)
            .join(StudyRow, StudyRow.id == TaskRow.study_id)
            .where(TaskRow.state == TaskState.READY, TaskRow.not_before <= now)
            .order_by(StudyRow.lane, StudyRow.key_ms, StudyRow.t0_ms, StudyRow.id)
            .limit(1)
            .with_for_update(of=TaskRow, skip_locked=True)
        )
        task = self._session.scalars(query).first()
        if task is None:
            return None
        task.state = TaskState.RUNNING
        task.fence += 1
        task.attempts += 1
        task.worker = worker
        task.lease_until = lease_until
        task.started_at = now
        self._session.flush()
        return task

    def extend(self, task_id: int, fence: int, lease_until: datetime) -> None:
        """Keep a lease alive.

        Raises
        ------
        StaleClaim
            If the lease is no longer the caller's.
        """
        self._change(task_id, fence, lease_until=lease_until)

    def revive(self, study_id: str, revision: int, now: datetime) -> None:
        """Let a dead task be tried as if it were new."""
        self._session.execute(
            sa.update(TaskRow)
            .where(
                TaskRow.study_id == study_id,
                TaskRow.revision == revision,
                TaskRow.state == TaskState.DEAD,
            )
            .values(
                state=TaskState.READY, attempts=0, not_before=now, reason=None, finished_at=None
            )
        )

    def finish(self, task_id: int, fence: int, now: datetime) -> None:
        """End a task with a result.

        Raises
        ------
        StaleClaim
            If the lease is no longer the caller's; the result must be dropped.
        """
        self._change(task_id, fence, state=TaskState.DONE, finished_at=now, lease_until=None)

    def held(self, task_id: int, fence: int) -> TaskRow:
        """Return the row of a task that the caller holds, locked.

        Raises
        ------
        StaleClaim
            If the lease is no longer the caller's.
        """
        query = (
            sa.select(TaskRow)
            .where(
                TaskRow.id == task_id, TaskRow.fence == fence, TaskRow.state == TaskState.RUNNING
            )
            .with_for_update()
        )
        task = self._session.scalars(query).one_or_none()
        if task is None:
            raise _stale(task_id)
        return task

    def expired(self, now: datetime) -> TaskRow | None:
        """Return a running task whose worker gave no sign of life in time, locked."""
        return self._running(TaskRow.lease_until < now)

    def held_by(self, worker: str) -> TaskRow | None:
        """Return a running task of one worker, locked."""
        return self._running(TaskRow.worker == worker)

    def ready_count(self, now: datetime) -> int:
        """Return how many tasks could be started now."""
        query = sa.select(sa.func.count()).where(
            TaskRow.state == TaskState.READY, TaskRow.not_before <= now
        )
        return self._session.scalars(query).one()

    def counts(self) -> dict[TaskState, int]:
        """Return how many tasks are in each state."""
        query = sa.select(TaskRow.state, sa.func.count()).group_by(TaskRow.state)
        found = {TaskState(state): number for state, number in self._session.execute(query)}
        return {state: found.get(state, 0) for state in TaskState}

    def oldest_ready_at(self) -> datetime | None:
        """Return since when the oldest ready task waits."""
        query = sa.select(sa.func.min(TaskRow.created_at)).where(TaskRow.state == TaskState.READY)
        return self._session.scalars(query).one()

    def _running(self, condition: sa.ColumnElement[bool]) -> TaskRow | None:
        query = (
            sa.select(TaskRow)
            .where(TaskRow.state == TaskState.RUNNING, condition)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        return self._session.scalars(query).first()

    def _change(self, task_id: int, fence: int, **columns: Any) -> None:  # noqa: ANN401 - columns
        result = self._session.execute(
            sa.update(TaskRow)
            .where(
                TaskRow.id == task_id, TaskRow.fence == fence, TaskRow.state == TaskState.RUNNING
            )
            .values(columns)
        )
        if not isinstance(result, sa.CursorResult) or result.rowcount != 1:
            raise _stale(task_id)


def _stale(task_id: int) -> StaleClaim:
    return StaleClaim(f"Task {task_id} is no longer held under this fence.")
