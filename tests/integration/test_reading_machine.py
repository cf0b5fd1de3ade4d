"""The life of studies in the database, as a state machine that hypothesis drives."""

from collections import defaultdict

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from preread import coordination
from preread.alerts import pass_on
from preread.claims import claim_first, claim_study, release_study, take_over
from preread.db.tables import StudyRow
from preread.db.worklist import NextQuery, WorklistQuery
from preread.errors import ClaimNotHeld, IllegalStep, SameReader
from preread.keys import Role
from preread.ranking import DEFAULT_POLICY, MINUTE_MS, PINNED_LANE, overtaking_bound_min
from preread.reading import CLAIMED_STATES, SECOND_STATES, ReadStep
from preread.report import report_study
from preread.study import ReadState
from preread.terms import Level, OrderClass
from preread.upkeep import let_time_pass
from preread.work import claim_next, finish_claim
from tests.builders import caller_for, result, send_study

WHY = "because of the test"
WHO = st.integers(0, 2)
TABLES = ("alert", "event", "report", "pre_read", "task", "instance", "study")


class Reading(RuleBasedStateMachine):
    """People, the AI and the clock act; ``held`` is what a correct service must say."""

    def __init__(self, resources, clock):
        super().__init__()
        self.resources, self.clock = resources, clock
        with resources.unit_of_work() as work:
            for table in TABLES:
                work.session.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608
            work.session.commit()
        self.people = [caller_for(resources, Role.COORDINATOR) for _ in range(3)]
        self.sent = {}
        self.held = {}
        self.reported_by = defaultdict(set)

    def attempt(self, what, study_id, after=None):
        """Do something to a study; a refusal must leave everything as it was."""
        before = self.study(study_id)
        try:
            done = what()
        except (IllegalStep, ClaimNotHeld, SameReader):
            assert self.study(study_id) == before
            return None
        if study_id in self.held and self.study(study_id).read_state not in CLAIMED_STATES:
            del self.held[study_id]
        if after is not None:
            assert self.study(study_id).read_state in after
        return done

    def study(self, study_id):
        with self.resources.reading() as work:
            return work.studies.get(study_id)

    def some(self, data):
        return data.draw(st.sampled_from(sorted(self.sent)))

    @rule(order=st.sampled_from(OrderClass))
    @precondition(lambda self: len(self.sent) < 5)
    def send(self, order):
        study_id = send_study(self.resources, len(self.sent) + 1, order_class=order)
        self.sent[study_id] = order

    @rule(minutes=st.integers(1, 15))
    def wait(self, minutes):
        self.clock.forward(60 * minutes)
        let_time_pass(self.resources)
        pass_on(self.resources)
        for study_id in [one for one, (_, until) in self.held.items() if until <= self.clock()]:
            del self.held[study_id]

    @rule(level=st.sampled_from(Level))
    def assess(self, level):
        claim = claim_next(self.resources, "w")
        if claim is not None:
            before = self.study(claim.study.id)
            finish_claim(self.resources, claim, result(claim, level), worker="w")
            assert self.study(claim.study.id).key_ms <= before.key_ms

    @rule(who=WHO)
    def take_next(self, who):
        with self.resources.reading() as work:
            listed = work.worklist.page(WorklistQuery()).studies
        lease = claim_first(self.resources, NextQuery(), by=self.people[who])
        assert (lease is None) == (not listed)
        if lease is not None:
            assert lease.study.id == listed[0].id
            self.held[lease.study.id] = (lease.token, lease.lease_until)

    @rule(data=st.data(), who=WHO)
    @precondition(lambda self: self.sent)
    def claim(self, data, who):
        study_id, by = self.some(data), self.people[who]
        lease = self.attempt(
            lambda: claim_study(self.resources, study_id, by=by), study_id, CLAIMED_STATES
        )
        if lease is not None:
            assert study_id not in self.held
            self.held[study_id] = (lease.token, lease.lease_until)

    @rule(data=st.data(), who=WHO)
    @precondition(lambda self: self.sent)
    def steal(self, data, who):
        study_id, by = self.some(data), self.people[who]
        lease = self.attempt(
            lambda: take_over(self.resources, study_id, by=by, reason=WHY), study_id
        )
        if lease is not None:
            assert study_id in self.held
            self.held[study_id] = (lease.token, lease.lease_until)

    @rule(data=st.data())
    @precondition(lambda self: self.held)
    def release(self, data):
        study_id = data.draw(st.sampled_from(sorted(self.held)))
        token, _ = self.held[study_id]
        back = {ReadState.UNREAD, ReadState.SECOND_REQUESTED}
        self.attempt(
            lambda: release_study(self.resources, study_id, by=self.people[0], token=token),
            study_id,
            back,
        )
        assert study_id not in self.held

    @rule(data=st.data(), who=WHO, final=st.booleans(), right=st.booleans())
    @precondition(lambda self: self.sent)
    def report(self, data, who, final, right):
        study_id, by = self.some(data), self.people[who]
        second = self.study(study_id).read_state in SECOND_STATES
        token, _ = self.held.get(study_id, (None, None))
        step = ReadStep.FINAL_REPORT if final else ReadStep.PRELIMINARY_REPORT
        done = self.attempt(
            lambda: report_study(
                self.resources, study_id, step, by=by, token=token if right else None
            ),
            study_id,
        )
        assert done is None or right or token is None
        if done is not None:
            assert not (second and who in self.reported_by[study_id])
            self.reported_by[study_id].add(who)

    @rule(data=st.data(), minutes=st.integers(1, 60))
    @precondition(lambda self: self.sent)
    def decide(self, data, minutes):
        study_id = self.some(data)
        resources, by = self.resources, self.people[0]
        deed = data.draw(
            st.sampled_from(
                [
                    lambda: coordination.hold_study(resources, study_id, by=by, reason=WHY),
                    lambda: coordination.resume_study(resources, study_id, by=by),
                    lambda: coordination.pin_study(
                        resources, study_id, by=by, reason=WHY, minutes=minutes
                    ),
                    lambda: coordination.unpin_study(resources, study_id, by=by),
                    *(
                        lambda step=step: coordination.take_with_reason(
                            resources, study_id, step, by=by, reason=WHY
                        )
                        for step in (
                            ReadStep.REOPEN,
                            ReadStep.REQUEST_SECOND_READ,
                            ReadStep.WITHDRAW_SECOND_READ,
                            ReadStep.CANCEL,
                        )
                    ),
                ]
            )
        )
        self.attempt(deed, study_id)

    @invariant()
    def every_study_is_in_one_place(self):
        with self.resources.reading() as work:
            rows = list(work.session.scalars(sa.select(StudyRow)))
            listed = work.worklist.page(WorklistQuery()).studies
        assert {row.id for row in rows} == set(self.sent)
        assert {one.id for one in listed} == {
            row.id for row in rows if row.read_state == ReadState.UNREAD
        }
        held = {row.id for row in rows if row.read_state in CLAIMED_STATES}
        assert held == set(self.held)
        keys = [person.key_id for person in self.people]
        for row in rows:
            if row.read_state == ReadState.CLAIMED_SECOND:
                assert keys.index(row.claimed_by) not in self.reported_by[row.id]
            assert (row.id in held) == (row.claim_sha256 is not None)
            assert (row.read_state == ReadState.ON_HOLD) == (row.held_at is not None)
            timers = [t for t in (row.lease_until, row.pinned_until, row.assigned_until) if t]
            assert row.wake_at == min(timers, default=None)

    @invariant()
    def nobody_is_passed_beyond_the_bound(self):
        with self.resources.reading() as work:
            listed = work.worklist.page(WorklistQuery()).studies
        for number, late in enumerate(listed):
            bound_ms = overtaking_bound_min(DEFAULT_POLICY, late.order_class) * MINUTE_MS
            for early in listed[:number]:
                assert early.lane == PINNED_LANE or early.t0_ms < late.t0_ms + bound_ms


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_database_keeps_every_study_in_one_place(resources, clock):
    run_state_machine_as_test(
        lambda: Reading(resources, clock),
        settings=settings(
            max_examples=5,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
