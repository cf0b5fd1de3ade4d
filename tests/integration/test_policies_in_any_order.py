"""Whatever happens at once or in any order, no policy breaks what was promised."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from preread.activating import Wish, draft_policy, take_policy_step
from preread.db.tables.study import StudyRow
from preread.db.worklist import WorklistQuery
from preread.errors import IllegalStep, PolicyNotFound, PolicyReplaced
from preread.keys import Role
from preread.policy import DEFAULT_POLICY, Policy, Promotion
from preread.policy_steps import PolicyStep, promised_bound_min, refusal
from preread.ranking import MINUTE_MS
from preread.terms import HemorrhageType, Level, OrderClass
from tests.builders import caller_for, send_study
from tests.support.seed import pre_read_of
from tests.support.stored import study_of, waiting_ids

SDH = (HemorrhageType.SDH,)
WHY = "because of the test"
EVERYBODY = WorklistQuery(limit=1000)


def test_of_two_people_who_put_a_policy_in_force_at_once_one_wins_and_the_list_is_whole(
    resources, clock
):
    by = caller_for(resources, Role.ADMIN)
    for number in range(6):
        send_study(resources, number + 1, order_class=OrderClass.ER)
        clock.forward(1)
    for level in (Level.SUSPECTED, Level.NONE, Level.CRITICAL):
        pre_read_of(resources, level, SDH if level is not Level.NONE else ())
    drafts = [
        draft_policy(
            resources,
            Policy(
                "draft",
                DEFAULT_POLICY.order_target_min,
                {**DEFAULT_POLICY.promotions, Level.CRITICAL: Promotion(10, minutes)},
            ),
            name="one of several",
            by=by,
        )
        for minutes in (60, 60, 60, 60)
    ]

    def activate(number):
        try:
            take_policy_step(resources, Wish(number, PolicyStep.ACTIVATE, WHY, 0), by=by)
        except (PolicyReplaced, IllegalStep):
            return None
        return number

    def arrive(number):
        return send_study(resources, 20 + number, order_class=OrderClass.STAT)

    with ThreadPoolExecutor(8) as pool:
        arriving = [pool.submit(arrive, number) for number in range(4)]
        won = [pool.submit(activate, one.number) for one in drafts]
        winners = {one.result() for one in won} - {None}
        arrived = [one.result() for one in arriving]
    (winner,) = winners
    with resources.reading() as work:
        assert work.policies.active_number() == winner
        assert len(work.policies.record()) == 1
    for study_id in (*waiting_ids(resources), *arrived):
        assert study_of(resources, study_id).policy_version.split("/")[0] == f"p{winner}"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_sequence_of_arrivals_results_and_policies_breaks_what_was_promised(resources, clock):
    by = caller_for(resources, Role.ADMIN)
    sent, due = count(1), {}
    promotions = st.tuples(st.integers(1, 70), st.integers(0, 60))
    steps = st.lists(
        st.one_of(
            st.tuples(st.just("send"), st.sampled_from(OrderClass)),
            st.tuples(st.just("assess"), st.sampled_from([*Level])),
            st.tuples(st.just("activate"), st.tuples(promotions, st.sampled_from([10, 30, 90]))),
            st.tuples(st.just("revert"), st.integers(0, 3)),
        ),
        min_size=6,
        max_size=14,
    )

    def activate(said):
        (target, start), stat = said
        policy = Policy(
            "draft",
            {**DEFAULT_POLICY.order_target_min, OrderClass.STAT: stat},
            {**dict.fromkeys(DEFAULT_POLICY.promotions, Promotion(target, start))},
        )
        if refusal(policy) is None:
            number = draft_policy(resources, policy, name="drawn", by=by).number
            take_policy_step(resources, Wish(number, PolicyStep.ACTIVATE, WHY), by=by)

    def revert(number):
        with suppress(IllegalStep, PolicyNotFound):
            take_policy_step(resources, Wish(number, PolicyStep.REVERT, WHY), by=by)

    def assess(level):
        with resources.reading() as work:
            waits = any(one.ai_state == "queued" for one in work.worklist.page(EVERYBODY).studies)
        if waits:
            due.pop(pre_read_of(resources, level), None)  # a result may bring it forward

    deeds = {
        "send": lambda order: send_study(resources, next(sent), order_class=order),
        "assess": assess,
        "activate": activate,
        "revert": revert,
    }

    @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps)
    def run(drawn):
        for name, said in drawn:
            clock.forward(600)
            deeds[name](said)
            with resources.reading() as work:
                studies = work.worklist.page(EVERYBODY).studies
                rows = {one.id: work.session.get_one(StudyRow, one.id) for one in studies}
                promised = {
                    one.id: work.policies.promise(rows[one.id]).order_target_min[one.order_class]
                    for one in studies
                }
            for number, late in enumerate(studies):
                assert due.setdefault(late.id, late.due_at) == late.due_at
                bound_ms = promised_bound_min(promised[late.id]) * MINUTE_MS
                assert all(one.t0_ms < late.t0_ms + bound_ms for one in studies[:number])

    run()
