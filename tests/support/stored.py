"""What the database holds of studies."""

import sqlalchemy as sa

from preread.db.tables.readers import ReportRow
from preread.db.worklist import WorklistQuery


def study_of(resources, study_id):
    with resources.reading() as work:
        return work.studies.get(study_id)


def events_of(resources, study_id, kind):
    with resources.reading() as work:
        return [event for event in work.events.of_study(study_id) if event.kind == kind]


def kinds_of_events(resources, study_id):
    """Return the kinds of a study's events, oldest first."""
    with resources.reading() as work:
        return [event.kind for event in work.events.of_study(study_id)]


def waiting_ids(resources):
    """Return the worklist, the next to be read first."""
    with resources.reading() as work:
        return [study.id for study in work.worklist.page(WorklistQuery()).studies]


def kinds_of_reports(resources, study_id):
    """Return the kinds of a study's reports, oldest first."""
    query = sa.select(ReportRow.kind).where(ReportRow.study_id == study_id).order_by(ReportRow.id)
    with resources.reading() as work:
        return list(work.session.scalars(query))
