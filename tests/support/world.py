"""What the database says of all studies after a step, and the promises that it must keep."""

from dataclasses import dataclass

import sqlalchemy as sa

from preread.db.tables.pre_reads import PreReadRow, TaskRow
from preread.db.tables.readers import AlertRow
from preread.db.tables.study import RANKED, UNSETTLED, StudyRow, WorklistTallyRow
from preread.db.worklist import WorklistQuery
from preread.ranking import MINUTE_MS, PINNED_LANE
from preread.study import AiState, TaskState
from preread.terms import OrderClass

EARLIEST_KEY_MIN = -50
"""Of what arrives, from its completion: the target of «critical» less its head start; no site may
promise less than ten minutes without a head start."""


@dataclass
class World:
    """Everything that the database says after a step, read at once."""

    rows: list
    waiting: tuple
    receiving: tuple
    tasks: list
    pre_reads: list
    alerts: list
    target_min: dict
    counted: set
    tallied: set

    @classmethod
    def seen(cls, work):
        rows = list(work.session.scalars(sa.select(StudyRow)))
        return cls(
            rows=rows,
            waiting=work.worklist.page(WorklistQuery()).studies,
            receiving=work.worklist.page(WorklistQuery(receiving=True)).studies,
            tasks=list(work.session.scalars(sa.select(TaskRow))),
            pre_reads=work.session.execute(
                sa.select(PreReadRow.study_id, PreReadRow.revision)
            ).all(),
            alerts=list(work.session.scalars(sa.select(AlertRow))),
            target_min={
                row.id: work.policies.promise(row).order_target_min[OrderClass(row.order_class)]
                for row in rows
            },
            counted=counted(work),
            tallied=tallied(work),
        )


def counted(work):
    """Return how many studies are in which condition, by counting them."""
    place = sa.case(
        (RANKED, "waiting"),
        (UNSETTLED & StudyRow.completed_at.is_(None), "receiving"),
        else_=StudyRow.read_state,
    )
    kinds = (StudyRow.site, place, StudyRow.rank_level, StudyRow.ai_state)
    query = sa.select(*kinds, sa.func.count()).group_by(*kinds)
    return {tuple(row) for row in work.session.execute(query)}


def tallied(work):
    """Return the same from the tally."""
    row = WorklistTallyRow
    kinds = (row.site, row.place, row.rank_level, row.ai_state)
    total = sa.func.sum(row.number)
    query = sa.select(*kinds, total).group_by(*kinds).having(total != 0)
    return {(*found[:-1], int(found[-1])) for found in work.session.execute(query)}


def nobody_is_passed_beyond_the_bound(seen):
    for number, late in enumerate(seen.waiting):
        bound_ms = (seen.target_min[late.id] - EARLIEST_KEY_MIN) * MINUTE_MS
        for early in seen.waiting[:number]:
            assert early.lane == PINNED_LANE or early.t0_ms < late.t0_ms + bound_ms


def the_work_on_a_study_is_in_one_place_too(seen):
    done = {(study_id, revision) for study_id, revision in seen.pre_reads}
    assert len(done) == len(seen.pre_reads)
    for row in seen.rows:
        tasks = {task.revision: task for task in seen.tasks if task.study_id == row.id}
        assert sorted(tasks) == list(range(1, row.revision + 1))
        if row.settled:
            state = TaskState(tasks[row.revision].state)
            assert row.ai_state in STATES_OF_WORK[state]
            assert ((row.id, row.revision) in done) == (state is TaskState.DONE)


STATES_OF_WORK = {
    TaskState.READY: {AiState.QUEUED},
    TaskState.RUNNING: {AiState.RUNNING},
    TaskState.DONE: {AiState.SUCCEEDED, AiState.NOT_ASSESSED},
    TaskState.DEAD: {AiState.FAILED},
}
