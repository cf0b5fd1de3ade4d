"""What readers and coordinators do in the life of studies."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from preread import coordination
from preread.alerts import acknowledge
from preread.breaking import reset_breaker
from preread.claims import claim_first, claim_study, keep_lease, release_study, take_over
from preread.db.worklist import NextQuery, WorklistQuery
from preread.errors import ClaimNotHeld
from preread.reading import ReadStep, allowed_read_steps
from preread.reconcile import sum_up_tally
from preread.report import report_study
from preread.retry import retry_pre_read
from preread.study import AiState, ReadState
from preread.targets import set_targets
from preread.terms import OrderClass
from tests.support.lifecycle_memory import WHY, Memory

FAILED = WorklistQuery(ai_state=AiState.FAILED)


class Readers(Memory):
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


class Coordinators(Memory):
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
