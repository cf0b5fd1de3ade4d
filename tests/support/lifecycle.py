"""The whole life of studies in the database, as a state machine that hypothesis drives.

Senders, workers, readers, coordinators, an AI that errs and the clock act in any order. What they
were told is remembered; after every step the database must agree with it, with itself and with
the promises of the worklist.
"""

from contextlib import suppress
from dataclasses import replace
from functools import lru_cache

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from preread import coordination
from preread.alerts import acknowledge
from preread.breaker import Window
from preread.breaking import reset_breaker
from preread.claims import claim_first, claim_study, keep_lease, release_study, take_over
from preread.db.events import EventKind
from preread.db.tables import EventRow, StudyRow
from preread.db.worklist import NextQuery, WorklistQuery
from preread.errors import ClaimNotHeld, IllegalStep, SameReader, StaleClaim
from preread.keys import Role
from preread.policy import DEFAULT_POLICY
from preread.ranking import MINUTE_MS
from preread.reading import CLAIMED_STATES, ReadStep, allowed_read_steps
from preread.reasons import ReasonCode
from preread.reconcile import reconcile, sum_up_tally
from preread.report import report_study
from preread.retry import retry_pre_read
from preread.scope import covers
from preread.study import AiState, ReadState
from preread.targets import set_targets
from preread.terms import Level, OrderClass
from preread.work import claim_next, fail_claim, finish_claim, keep_claim
from tests.builders import caller_for, instance_bytes, result, send
from tests.support.world import (
    World,
    nobody_is_passed_beyond_the_bound,
    the_work_on_a_study_is_in_one_place_too,
)

WHY = "because of the test"
FAILED = WorklistQuery(ai_state=AiState.FAILED)
SITES = ("north", "south")
MOST_STUDIES = 8
TABLES = (
    *("feedback", "breaker_change", "breaker", "alert", "event", "report", "pre_read"),
    *("task", "instance", "study", "site_targets"),
)
PROMOTING = {level.value for level in DEFAULT_POLICY.promotions}

image = lru_cache(maxsize=None)(instance_bytes)


class Lifecycle(RuleBasedStateMachine):
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

    # What the rules have in common

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

    # Senders

    @initialize()
    def begin_with_some(self):
        """Let an alert ring in the south, and one flag trip the breaker of the north."""
        for order, site in zip(OrderClass, ("south", "north", "north", "south"), strict=True):
            self.add(order, site, complete=True)
        for level in (Level.CRITICAL, Level.SUSPECTED):
            claim = claim_next(self.resources, "w")
            finish_claim(self.resources, claim, result(claim, level), worker="w")

    @rule(
        order=st.sampled_from(OrderClass),
        site=st.sampled_from(SITES),
        complete=st.booleans(),
    )
    @precondition(lambda self: len(self.sent) < MOST_STUDIES)
    def send_new(self, order, site, complete):
        self.add(order, site, complete=complete)

    def add(self, order, site, *, complete):
        number = len(self.sent) + 1
        # Of a patient: the breaker does not count phantoms.
        content = image(number, PatientName="DOE^JANE", PatientID="1")
        said = {"site": site, "order_class": order, "complete": complete}
        receipt = send(self.resources, content, **said)
        self.sent[receipt.studies[0].study_id] = (number, 1)

    @rule(data=st.data(), complete=st.booleans())
    @precondition(lambda self: self.sent)
    def send_more(self, data, complete):
        study_id = self.some(data)
        number, images = self.sent[study_id]
        if images == 3:
            return
        before = self.study(study_id)
        content = image(number, number=images + 1, PatientName="DOE^JANE", PatientID="1")
        send(self.resources, content, site=before.site, complete=complete)
        self.sent[study_id] = (number, images + 1)
        after = self.study(study_id)
        assert after.read_state == before.read_state
        assert after.revision == before.revision + complete

    @rule(data=st.data())
    @precondition(lambda self: self.sent)
    def send_again(self, data):
        study_id = self.some(data)
        number, _ = self.sent[study_id]
        before = self.study(study_id)
        content = image(number, PatientName="DOE^JANE", PatientID="1")
        send(self.resources, content, site=before.site)
        assert self.study(study_id) == before

    # Workers

    @rule()
    @precondition(lambda self: len(self.working) < 3)
    def start_work(self):
        claim = claim_next(self.resources, f"w{len(self.working)}")
        if claim is not None:
            known = {(other.task_id, other.fence) for other in self.working}
            assert (claim.task_id, claim.fence) not in known
            self.working.append(claim)

    @rule(data=st.data(), level=st.sampled_from([*Level, Level.CRITICAL]))
    @precondition(lambda self: self.working)
    def finish_work(self, data, level):
        claim = data.draw(st.sampled_from(self.working))
        self.working.remove(claim)
        before = self.study(claim.study.id)
        try:
            finish_claim(self.resources, claim, result(claim, level), worker="w")
        except StaleClaim:
            assert self.study(claim.study.id) == before
            return
        after = self.study(claim.study.id)
        assert after.key_ms <= before.key_ms
        assert after.read_state == before.read_state

    @rule(data=st.data(), retry=st.booleans())
    @precondition(lambda self: self.working)
    def fail_work(self, data, retry):
        claim = data.draw(st.sampled_from(self.working))
        self.working.remove(claim)
        before = self.study(claim.study.id)
        with suppress(StaleClaim):
            fail_claim(self.resources, claim, ReasonCode.TIMED_OUT, worker="w", retry=retry)
        after = self.study(claim.study.id)
        assert (after.lane, after.key_ms, after.read_state) == (
            before.lane,
            before.key_ms,
            before.read_state,
        )

    @rule(data=st.data())
    @precondition(lambda self: self.working)
    def sign_of_life(self, data):
        claim = data.draw(st.sampled_from(self.working))
        try:
            keep_claim(self.resources, claim)
        except StaleClaim:
            self.working.remove(claim)

    # Readers

    @rule(data=st.data())
    def take_next(self, data):
        by = data.draw(st.sampled_from(self.people))
        with self.resources.reading() as work:
            listed = work.worklist.page(WorklistQuery(sites=by.sites)).studies
        now = self.clock()
        free = [
            one
            for one in listed
            if one.handling.assigned_to in {None, by.key_id} or one.handling.assigned_until <= now
        ]
        lease = claim_first(self.resources, NextQuery(sites=by.sites), by=by)
        assert (lease is None) == (not free)
        if lease is not None:
            assert lease.study.id == free[0].id
            assert lease.study.id not in self.held
            self.hold_as(lease, by)

    @rule(data=st.data())
    @precondition(lambda self: self.sent)
    def claim(self, data):
        study_id = self.some(data)
        by = self.person_for(data, study_id)
        lease = self.attempt(lambda: claim_study(self.resources, study_id, by=by), study_id)
        if lease is not None:
            assert study_id not in self.held
            self.hold_as(lease, by)

    @rule(data=st.data())
    @precondition(lambda self: self.held)
    def steal(self, data):
        study_id = data.draw(st.sampled_from([one for one in self.sent if one in self.held]))
        by = self.person_for(data, study_id)
        old, _, owner = self.held[study_id]
        lease = self.attempt(
            lambda: take_over(self.resources, study_id, by=by, reason=WHY), study_id
        )
        if lease is None:  # it waits for a second read, and this person reported it before
            return
        self.hold_as(lease, by)
        try:
            release_study(self.resources, study_id, by=owner, token=old)
        except ClaimNotHeld:
            return
        raise AssertionError("a token outlived a take-over")

    @rule(data=st.data())
    @precondition(lambda self: self.held)
    def heartbeat(self, data):
        study_id = data.draw(st.sampled_from([one for one in self.sent if one in self.held]))
        token, _, by = self.held[study_id]
        self.hold_as(keep_lease(self.resources, study_id, by=by, token=token), by)

    @rule(data=st.data())
    @precondition(lambda self: self.held)
    def release(self, data):
        study_id = data.draw(st.sampled_from([one for one in self.sent if one in self.held]))
        token, _, by = self.held[study_id]
        self.attempt(lambda: release_study(self.resources, study_id, by=by, token=token), study_id)
        assert study_id not in self.held
        assert self.study(study_id).read_state in {ReadState.UNREAD, ReadState.SECOND_REQUESTED}

    @rule(data=st.data(), final=st.booleans(), right=st.booleans())
    @precondition(lambda self: self.sent)
    def report(self, data, final, right):
        study_id = self.some(data)
        token, _, by = self.held.get(study_id, (None, None, self.people[0]))
        step = ReadStep.FINAL_REPORT if final else ReadStep.PRELIMINARY_REPORT
        done = self.attempt(
            lambda: report_study(
                self.resources, study_id, step, by=by, token=token if right else None
            ),
            study_id,
        )
        assert done is None or right or token is None

    # Coordinators

    @rule(data=st.data(), minutes=st.integers(1, 60), legal=st.booleans())
    @precondition(lambda self: self.sent)
    def decide(self, data, minutes, legal):
        study_id, by = self.some(data), self.people[0]
        before = self.study(study_id)
        deeds = self.deeds(study_id, by, minutes)
        allowed = [step for step in allowed_read_steps(before.read_state) if step in deeds]
        step = data.draw(st.sampled_from(allowed if legal and allowed else list(deeds)))
        done = self.attempt(deeds[step], study_id)
        if done is not None and before.completed_at is not None:
            assert done.key_ms == before.key_ms  # nothing that people do moves the key

    def deeds(self, study_id, by, minutes):
        """Return what a coordinator can do to a study, by step."""
        resources = self.resources
        said = {"by": by, "reason": WHY}
        return {
            ReadStep.HOLD: lambda: coordination.hold_study(resources, study_id, **said),
            ReadStep.RESUME: lambda: coordination.resume_study(resources, study_id, by=by),
            ReadStep.PIN: lambda: coordination.pin_study(
                resources, study_id, **said, minutes=minutes
            ),
            ReadStep.UNPIN: lambda: coordination.unpin_study(resources, study_id, by=by),
            ReadStep.ASSIGN: lambda: coordination.assign_study(
                resources, study_id, by=by, reader=self.people[1].key_id
            ),
            **{
                step: lambda step=step: coordination.take_with_reason(
                    resources, study_id, step, **said
                )
                for step in (
                    ReadStep.REOPEN,
                    ReadStep.REQUEST_SECOND_READ,
                    ReadStep.WITHDRAW_SECOND_READ,
                    ReadStep.CANCEL,
                )
            },
        }

    @rule(data=st.data(), what=st.sampled_from(["alert", "breaker", "targets", "retry", "tally"]))
    @precondition(lambda self: self.sent)
    def administer(self, data, what):
        if what == "alert":
            self.hear_alert(data)
        elif what == "breaker":
            reset_breaker(self.resources, "north", actor="test", reason=WHY, share=None)
        elif what == "targets":
            minutes = data.draw(st.integers(10, 120))
            targets = {order: minutes * (n + 1) for n, order in enumerate(OrderClass)}
            set_targets(self.resources, "south", targets, by=self.people[0])
        elif what == "retry":
            with self.resources.reading() as work:
                ids = {one.id for one in work.worklist.page(FAILED).studies}
            for study_id in [one for one in self.sent if one in ids]:
                retry_pre_read(self.resources, study_id, by=self.people[0])
        else:
            with self.resources.unit_of_work() as work:
                work.tally.sum_up()
                work.commit()
            sum_up_tally(self.resources)

    def hear_alert(self, data):
        with self.resources.reading() as work:
            opened = work.alerts.listed(sites=None)
        if opened:
            alert = data.draw(st.sampled_from(opened))
            done = acknowledge(self.resources, alert.id, by=self.people[0], name="Dr. Test")
            assert done.closed_at == self.clock()

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
