"""A person asks for a failed pre-read to be tried anew."""

from preread.db.events import EventKind
from preread.db.studies import study_of
from preread.errors import IllegalStep
from preread.keys import Caller
from preread.resources import Resources
from preread.study import AiState, Study


def retry_pre_read(resources: Resources, study_id: str, *, by: Caller) -> Study:
    """Give a study that failed all its attempts once more; its place does not change.

    Raises
    ------
    StudyNotFound
        If the caller has no such study.
    IllegalStep
        If its pre-read did not fail.
    """
    now = resources.clock()
    with resources.unit_of_work() as work:
        work.studies.get(study_id, sites=by.sites)
        row = work.studies.locked(study_id)
        if row.ai_state != AiState.FAILED:
            raise IllegalStep(row.ai_state, "retry", [])
        work.tasks.revive(study_id, row.revision, now)
        failed_for = row.ai_reason
        row.ai_state = AiState.QUEUED
        row.ai_reason = row.ai_started_at = row.ai_done_at = None
        work.events.append(
            EventKind.PRE_READ_RETRIED,
            study_id=study_id,
            site=row.site,
            actor=by.key_id,
            at=now,
            detail={"revision": row.revision, "failed_for": failed_for},
        )
        study = study_of(row)
        work.commit()
    return study
