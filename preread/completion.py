"""When a study is complete: somebody says so, or nothing arrived for a while.

A study that is completed again with more instances becomes a new revision of the same study:
its arrival time and its row on the worklist stay, only the pre-read is made anew.
"""

from datetime import datetime, timedelta

from preread.db.events import EventKind
from preread.db.placing import place_study
from preread.db.tables.study import StudyRow
from preread.db.unit_of_work import UnitOfWork
from preread.resources import Resources
from preread.study import AiState


def complete_study(work: UnitOfWork, row: StudyRow, *, actor: str, now: datetime) -> bool:
    """Make what has arrived a revision of the study and ask for its pre-read.

    Returns
    -------
    bool
        False if nothing had arrived since the last revision; then nothing changes.
    """
    if row.settled:
        return False
    row.settled = True
    row.unsettled_since = None
    row.revision += 1
    if row.completed_at is None:
        row.completed_at = now
        # What the site promises now is promised for this study; later targets are for later ones.
        row.targets_version = work.targets.newest_version(row.site)
        row.promise_policy = row.rank_policy = work.policies.active_number() or None
    row.ai_state = AiState.QUEUED
    row.ai_reason = None
    row.ai_started_at = None
    row.ai_done_at = None
    work.session.flush()
    work.tasks.add(row.id, row.revision, now)
    work.events.append(
        EventKind.STUDY_COMPLETED,
        study_id=row.id,
        site=row.site,
        actor=actor,
        at=now,
        detail={"revision": row.revision, "instance_count": row.instance_count},
    )
    place_study(work, row, actor=actor, cause="study_completed", now=now)
    return True


def complete_quiet_studies(resources: Resources) -> int:
    """Complete every study that was quiet for long enough; return how many."""
    now = resources.clock()
    quiet_since = now - timedelta(seconds=resources.settings.quiet_period_s)
    open_since = now - timedelta(seconds=resources.settings.completion_cap_s)
    with resources.reading() as work:
        ids = work.studies.ids_to_settle(quiet_since=quiet_since, open_since=open_since)
    completed = 0
    for study_id in ids:
        with resources.unit_of_work() as work:
            row = work.studies.locked(study_id)
            due = row.last_instance_at <= quiet_since or (
                row.unsettled_since is not None and row.unsettled_since <= open_since
            )
            # An instance may have come since the list was read.
            if due and complete_study(work, row, actor="service", now=now):
                work.commit()
                completed += 1
    return completed
