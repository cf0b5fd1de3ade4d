"""What the clock does to the reading: claims, pins and assignments that run out.

Every process with a clock may run this, as often as it likes.
"""

from preread.resources import Resources
from preread.steps import let_run_out


def let_time_pass(resources: Resources) -> int:
    """End every claim, pin and assignment that has run out; return how many."""
    now = resources.clock()
    with resources.reading() as work:
        ids = work.studies.ids_to_wake(now)
    ended = 0
    for study_id in ids:  # a transaction each: nobody holds the locks of several studies
        with resources.unit_of_work() as work:
            over = let_run_out(work, work.studies.locked(study_id), now)
            if over:  # a heartbeat may have come since the list was read
                work.commit()
                ended += len(over)
    return ended
