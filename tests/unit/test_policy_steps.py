"""What a policy may say, where it is in its life, and what holds however often one is replaced."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from preread.policy import DEFAULT_POLICY, Policy, Promotion, policy_of_site
from preread.policy_steps import (
    ALLOWED,
    PROMOTING,
    PUTS_IN_FORCE,
    SHIPPED,
    Done,
    PolicyState,
    PolicyStep,
    active_number,
    promised_bound_min,
    refusal,
    state_of,
)
from preread.ranking import MINUTE_MS, most_urgent, place
from preread.terms import Level, OrderClass

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

orders = st.sampled_from(OrderClass)
levels = st.one_of(st.none(), st.sampled_from(Level))


@st.composite
def policies(draw):
    """Policies near the edge of what may be put in force, and those that may."""
    targets = sorted(draw(st.lists(st.integers(1, 70), min_size=3, max_size=3)))
    starts = sorted(draw(st.lists(st.integers(0, 62), min_size=3, max_size=3)), reverse=True)
    policy = Policy(
        draw(st.sampled_from(["p1", "p2", "p3"])),
        {order: draw(st.sampled_from([10, 11, 30, 240, 1440])) for order in OrderClass},
        {
            level: Promotion(target, start)
            for level, target, start in zip(PROMOTING, targets, starts, strict=True)
        },
    )
    assume(refusal(policy) is None)
    return policy


@given(policies(), policies(), policies(), orders, orders, levels, st.integers(-50, 3000))
def test_no_sequence_of_policies_lets_a_study_be_passed_beyond_the_bound_it_was_promised(
    promise, now, later_promise, order, later_order, level, minutes_later
):
    # Completed under one policy, ranked by another; what comes later was promised a third.
    for waiting_level in (None, Level.INDETERMINATE):
        waiting = place(NOON, order, waiting_level, policy=now, promise=promise)
        later = place(
            NOON + timedelta(minutes=minutes_later),
            later_order,
            level,
            policy=now,
            promise=later_promise,
        )
        if later.key_ms < waiting.key_ms:
            bound_ms = promised_bound_min(promise.order_target_min[order]) * MINUTE_MS
            assert later.t0_ms - waiting.t0_ms < bound_ms


@given(policies(), policies(), orders, levels, st.integers(10, 3000))
def test_another_policy_never_moves_a_due_time_and_never_lowers_a_study_below_its_order(
    promise, now, order, level, site_min
):
    at_site = policy_of_site("north", 2, dict.fromkeys(OrderClass, site_min), promise)
    for promised in (promise, at_site):
        before = place(NOON, order, level, policy=promised)
        after = place(NOON, order, level, policy=now, promise=promised)
        assert after.due_ms == before.due_ms
        assert after.key_ms <= place(NOON, order, None, policy=now, promise=promised).key_ms


@given(policies(), policies(), orders, levels, levels)
def test_under_every_policy_a_further_result_only_raises_a_study(promise, now, order, one, other):
    more = most_urgent(one, other)
    keys = [place(NOON, order, level, policy=now, promise=promise).key_ms for level in (one, other)]
    assert place(NOON, order, more, policy=now, promise=promise).key_ms == min(keys)


@given(
    st.lists(
        st.builds(Done, st.integers(0, 4), st.sampled_from(PolicyStep)),
        max_size=20,
    )
)
def test_following_the_allowed_steps_one_policy_is_in_force_and_no_draft_comes_back(wished):
    record = []
    for one in wished:
        state = state_of(one.number, record)
        if one.step not in ALLOWED[state]:
            continue
        record.append(one)
        states = {number: state_of(number, record) for number in range(5)}
        active = [number for number, now in states.items() if now is PolicyState.ACTIVE]
        assert active == [active_number(record)]
        if one.step in PUTS_IN_FORCE:
            assert active == [one.number]
        assert states[SHIPPED] in {PolicyState.ACTIVE, PolicyState.RETIRED}
        ever = {done.number for done in record if done.step in PUTS_IN_FORCE}
        for number, now in states.items():
            assert number not in ever or now in {PolicyState.ACTIVE, PolicyState.RETIRED}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"critical": (10, 61)}, "too long"),
        ({"critical": (5, 60)}, "too long"),
        ({"suspected": (5, 60)}, "longer"),
        ({"indeterminate": (60, 61)}, "shorter"),
        ({"none": (60, 0)}, "no other"),
        ({"STAT": 9}, "target of an order"),
        ({"ROUTINE": 10_081}, "target of an order"),
    ],
)
def test_a_policy_that_would_break_a_promise_is_refused_in_words(change, word):
    targets = dict(DEFAULT_POLICY.order_target_min)
    promotions = dict(DEFAULT_POLICY.promotions)
    for name, value in change.items():
        if isinstance(value, int):
            targets[OrderClass(name)] = value
        else:
            promotions[Level(name)] = Promotion(*value)
    assert word in refusal(Policy("bad", targets, promotions))
