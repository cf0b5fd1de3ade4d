"""What everybody in the life of studies was told, which the rules share."""

from dataclasses import replace

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from preread.breaker import Window
from preread.errors import ClaimNotHeld, IllegalStep, SameReader
from preread.keys import Role
from preread.reading import CLAIMED_STATES
from preread.scope import covers
from tests.builders import caller_for

WHY = "because of the test"
TABLES = (
    *("feedback", "breaker_change", "breaker", "alert", "event", "report", "pre_read"),
    *("task", "instance", "study", "site_targets"),
)


class Memory(RuleBasedStateMachine):
    """``held`` and ``working`` are who has what in hand, as they were told."""

    def __init__(self, resources, clock, reached):
        super().__init__()
        self.resources, self.clock, self.reached = resources, clock, reached
        with resources.unit_of_work() as work:
            for table in TABLES:
                work.session.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608
            # One flag more trips the breaker of the north.
            breaker = work.breakers.locked("north")
            window = Window((True,) * 13 + (False,) * 6)
            work.breakers.store(replace(breaker, window=window))
            work.session.commit()
        self.people = [
            caller_for(resources, Role.COORDINATOR),
            caller_for(resources, Role.READER),
            caller_for(resources, Role.READER, "north"),
        ]
        # Study ID: number of the study, images sent; drawn from in this order, as IDs are random.
        self.sent = {}
        self.keys = {}
        self.held = {}
        self.working = []

    def attempt(self, what, study_id):
        """Do something to a study; a refusal must leave everything as it was."""
        before = self.study(study_id)
        try:
            done = what()
        except (IllegalStep, ClaimNotHeld, SameReader):
            assert self.study(study_id) == before
            return None
        if self.study(study_id).read_state not in CLAIMED_STATES:
            self.held.pop(study_id, None)
        return done

    def study(self, study_id):
        with self.resources.reading() as work:
            return work.studies.get(study_id)

    def some(self, data):
        return data.draw(st.sampled_from(list(self.sent)))

    def person_for(self, data, study_id):
        site = self.study(study_id).site
        able = [one for one in self.people if covers(one.sites, site)]
        return data.draw(st.sampled_from(able))

    def hold_as(self, lease, by):
        self.held[lease.study.id] = (lease.token, lease.lease_until, by)
