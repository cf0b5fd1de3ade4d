"""The whole life of studies in the database, as a state machine that hypothesis drives.

Senders, workers, readers, coordinators, an AI that errs and the clock act in any order. What they
were told is remembered; after every step the database must agree with it, with itself and with
the promises of the worklist.
"""

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from preread.db.events import EventKind
from preread.db.tables.log import EventRow
from preread.db.tables.study import StudyRow
from preread.policy import DEFAULT_POLICY
from preread.ranking import MINUTE_MS
from preread.reading import CLAIMED_STATES
from preread.reconcile import reconcile
from preread.study import ReadState
from tests.support.lifecycle_reading import Coordinators, Readers
from tests.support.lifecycle_sending import Senders, Workers
from tests.support.world import (
    World,
    nobody_is_passed_beyond_the_bound,
    the_work_on_a_study_is_in_one_place_too,
)

PROMOTING = {level.value for level in DEFAULT_POLICY.promotions}


class Lifecycle(Senders, Workers, Readers, Coordinators):
    """Everybody together, the clock, and what must hold after each step."""

    # The clock

    @rule(seconds=st.sampled_from([1, 5, 20, 60, 130, 400, 900]))
    def wait(self, seconds):
        self.clock.forward(seconds)
        reconcile(self.resources)
        now = self.clock()
        for study_id in [one for one, (_, until, _) in self.held.items() if until <= now]:
            del self.held[study_id]

    # What must always hold

    @invariant()
    def the_database_agrees(self):
        with self.resources.reading() as work:
            seen = World.seen(work)
        self.every_study_is_in_one_place(seen)
        self.a_claimed_study_has_one_holder(seen)
        nobody_is_passed_beyond_the_bound(seen)
        self.keys_only_fall_and_only_flags_let_them(seen)
        the_work_on_a_study_is_in_one_place_too(seen)
        assert seen.tallied == seen.counted
        assert len({(one.study_id, one.revision) for one in seen.alerts}) == len(seen.alerts)

    def every_study_is_in_one_place(self, seen):
        assert sorted(row.id for row in seen.rows) == sorted(self.sent)  # none lost, none twice
        waiting = {one.id for one in seen.waiting}
        receiving = {one.id for one in seen.receiving}
        for row in seen.rows:
            complete = row.completed_at is not None
            assert (row.id in receiving) == (not complete)
            assert (row.id in waiting) == (complete and row.read_state == ReadState.UNREAD)
            assert complete or row.read_state == ReadState.UNREAD
            assert (row.read_state == ReadState.ON_HOLD) == (row.held_at is not None)
            timers = [t for t in (row.lease_until, row.pinned_until, row.assigned_until) if t]
            assert row.wake_at == min(timers, default=None)

    def a_claimed_study_has_one_holder(self, seen):
        held = {row.id: row for row in seen.rows if row.read_state in CLAIMED_STATES}
        assert set(held) == set(self.held)
        assert {row.id for row in seen.rows if row.claim_sha256 is not None} == set(held)
        assert len({row.claim_sha256 for row in held.values()}) == len(held)
        for study_id, (_, until, by) in self.held.items():
            assert (held[study_id].claimed_by, held[study_id].lease_until) == (by.key_id, until)

    def keys_only_fall_and_only_flags_let_them(self, seen):
        for row in seen.rows:
            if row.completed_at is None:
                continue
            assert row.key_ms <= self.keys.get(row.id, row.key_ms)
            self.keys[row.id] = row.key_ms
            if (row.rank_cap or row.rank_level) not in PROMOTING:
                # The place of its order, to the millisecond.
                assert row.key_ms == row.t0_ms + seen.target_min[row.id] * MINUTE_MS

    def teardown(self):
        """Read the record from its beginning: it must tell what the database says now."""
        with self.resources.reading() as work:
            rows = {row.id: row for row in work.session.scalars(sa.select(StudyRow))}
            events = list(work.session.scalars(sa.select(EventRow).order_by(EventRow.seq)))
        state = dict.fromkeys(rows, ReadState.UNREAD.value)
        rung = set()
        for event in events:
            self.reached[event.kind] += 1
            if "step" in event.detail:
                assert event.detail["from"] == state[event.study_id]
                state[event.study_id] = event.detail["to"]
            if event.kind in {
                EventKind.ALERT_RAISED,
                EventKind.ALERT_NAGGED,
                EventKind.ALERT_ESCALATED,
            }:
                ring = (event.detail["alert_id"], event.kind)
                assert ring not in rung
                rung.add(ring)
        assert state == {study_id: row.read_state for study_id, row in rows.items()}
