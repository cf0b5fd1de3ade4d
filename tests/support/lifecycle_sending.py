"""What senders and workers do in the life of studies."""

from contextlib import suppress
from functools import lru_cache

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from preread.errors import StaleClaim
from preread.giving_back import fail_claim
from preread.reasons import ReasonCode
from preread.terms import Level, OrderClass
from preread.work import claim_next, finish_claim, keep_claim
from tests.builders import instance_bytes, result, send
from tests.support.lifecycle_memory import Memory

SITES = ("north", "south")
MOST_STUDIES = 8

image = lru_cache(maxsize=None)(instance_bytes)


class Senders(Memory):
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


class Workers(Memory):
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
