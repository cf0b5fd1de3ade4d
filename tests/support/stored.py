"""What the database holds of a study."""


def study_of(resources, study_id):
    with resources.reading() as work:
        return work.studies.get(study_id)


def events_of(resources, study_id, kind):
    with resources.reading() as work:
        return [event for event in work.events.of_study(study_id) if event.kind == kind]
