"""What the database holds of studies."""

from preread.db.worklist import WorklistQuery


def study_of(resources, study_id):
    with resources.reading() as work:
        return work.studies.get(study_id)


def events_of(resources, study_id, kind):
    with resources.reading() as work:
        return [event for event in work.events.of_study(study_id) if event.kind == kind]


def waiting_ids(resources):
    """Return the worklist, the next to be read first."""
    with resources.reading() as work:
        return [study.id for study in work.worklist.page(WorklistQuery()).studies]
