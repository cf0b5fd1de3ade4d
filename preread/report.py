"""A radiologist's report: takes the study off the list and closes its turnaround time."""

from dataclasses import asdict

from preread.db.events import EventKind
from preread.db.placing import place_study
from preread.db.tables import ReportRow
from preread.errors import IllegalStep, StudyNotFound
from preread.resources import Resources
from preread.study import ReadState, ReadStep, take_read_step
from preread.turnaround import Milestones, Turnaround, turnaround


def report_study(
    resources: Resources, study_id: str, step: ReadStep, *, actor: str, site: str | None
) -> Turnaround:
    """Record a report and return the turnaround time up to it.

    Raises
    ------
    StudyNotFound
        If the caller has no such study.
    IllegalStep
        If the study is still being received, or was finally reported before.
    """
    now = resources.clock()
    with resources.unit_of_work() as work:
        row = work.studies.locked(study_id)
        if site is not None and row.site != site:
            message = f"There is no study {study_id}."
            raise StudyNotFound(message)
        if row.completed_at is None:
            raise IllegalStep("receiving", step.value, ["complete"])
        row.read_state = take_read_step(ReadState(row.read_state), step)
        row.reported_at = now
        spent = turnaround(
            Milestones(
                received_at=row.received_at,
                completed_at=row.completed_at,
                ai_started_at=row.ai_started_at,
                ai_done_at=row.ai_done_at,
                reported_at=now,
            )
        )
        work.studies.add_report(
            ReportRow(
                study_id=row.id,
                kind=row.read_state,
                reported_at=now,
                actor=actor,
                turnaround=asdict(spent),
            )
        )
        work.events.append(
            EventKind.REPORTED,
            study_id=row.id,
            site=row.site,
            actor=actor,
            at=now,
            detail={"read_state": row.read_state, "total_s": spent.total_s},
        )
        place_study(work, row, actor=actor, cause="reported", now=now)
        work.commit()
    return spent
