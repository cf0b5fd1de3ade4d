from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preread.policy import DEFAULT_POLICY, Policy, Promotion, overtaking_bound_min
from preread.ranking import (
    MINUTE_MS,
    WorklistEntry,
    from_ms,
    most_urgent,
    place,
    rank,
    sort_key,
    to_ms,
)
from preread.terms import Level, OrderClass

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

moments = st.integers(min_value=0, max_value=60 * 24 * 60).map(
    lambda minutes: NOON + timedelta(minutes=minutes)
)
orders = st.sampled_from(OrderClass)
levels = st.one_of(st.none(), st.sampled_from(Level))
places = st.builds(place, moments, orders, levels)
entries = st.builds(
    WorklistEntry,
    study_id=st.uuids().map(str),
    place=places,
)
policies = st.builds(
    Policy,
    version=st.just("drawn"),
    order_target_min=st.fixed_dictionaries(
        {order: st.integers(min_value=1, max_value=3000) for order in OrderClass}
    ),
    promotions=st.dictionaries(
        st.sampled_from(Level),
        st.builds(
            Promotion,
            target_min=st.integers(min_value=0, max_value=3000),
            head_start_min=st.integers(min_value=0, max_value=600),
        ),
    ),
)


@given(moments, orders, levels, policies)
def test_no_finding_ever_lowers_a_study(completed_at, order_class, level, policy):
    with_ai = place(completed_at, order_class, level, policy=policy)
    without = place(completed_at, order_class, None, policy=policy)
    assert with_ai.key_ms <= without.key_ms
    assert with_ai.due_ms <= without.due_ms


@given(moments, orders)
def test_nothing_found_not_assessed_and_no_result_leave_the_place_alone(completed_at, order_class):
    keys = {
        place(completed_at, order_class, level).key_ms
        for level in (None, Level.NONE, Level.NOT_ASSESSED)
    }
    assert len(keys) == 1


@given(moments, orders, orders, levels, policies)
def test_nobody_is_passed_by_a_study_that_came_after_the_bound(
    completed_at, order_class, later_order, level, policy
):
    waiting = place(NOON, order_class, None, policy=policy)
    later = place(completed_at, later_order, level, policy=policy)
    if later.key_ms < waiting.key_ms:
        lead_ms = later.t0_ms - waiting.t0_ms
        assert lead_ms < overtaking_bound_min(policy, order_class) * MINUTE_MS


@pytest.mark.parametrize(
    ("order_class", "bound_min"),
    [
        (OrderClass.STAT, 80),  # 30 - (10 - 60)
        (OrderClass.ER, 110),
        (OrderClass.INPATIENT, 290),
        (OrderClass.ROUTINE, 1490),
    ],
)
def test_the_bound_of_the_shipped_policy_is_reached_and_never_passed(order_class, bound_min):
    waiting = place(NOON, order_class, None)
    just_inside = NOON + timedelta(minutes=bound_min, milliseconds=-1)
    assert place(just_inside, OrderClass.STAT, Level.CRITICAL).key_ms < waiting.key_ms
    at_bound = NOON + timedelta(minutes=bound_min)
    assert place(at_bound, OrderClass.STAT, Level.CRITICAL).key_ms >= waiting.key_ms


@given(st.lists(entries, unique_by=lambda entry: entry.study_id))
def test_ranking_is_a_permutation_and_does_not_depend_on_the_order_of_arrival(drawn):
    ranked = rank(drawn)
    assert sorted(ranked, key=lambda entry: entry.study_id) == sorted(
        drawn, key=lambda entry: entry.study_id
    )
    assert rank(reversed(drawn)) == ranked
    keys = [sort_key(entry) for entry in ranked]
    assert all(first < second for first, second in pairwise(keys))


@given(st.lists(moments, min_size=2, max_size=6, unique=True), orders, levels)
def test_equal_studies_are_read_first_in_first_out(times, order_class, level):
    drawn = [
        WorklistEntry(f"{number:02}", place(moment, order_class, level))
        for number, moment in enumerate(times)
    ]
    assert [entry.place.t0_ms for entry in rank(drawn)] == sorted(to_ms(one) for one in times)


def test_a_suspected_routine_study_passes_an_er_study_that_came_before_it():
    er = WorklistEntry("er", place(NOON, OrderClass.ER, Level.NONE))
    routine = WorklistEntry(
        "routine", place(NOON + timedelta(minutes=30), OrderClass.ROUTINE, Level.SUSPECTED)
    )
    assert [entry.study_id for entry in rank([er, routine])] == ["routine", "er"]


def test_a_pinned_study_stands_before_a_critical_one():
    pinned = WorklistEntry("pinned", place(NOON, OrderClass.ROUTINE, None, pinned=True))
    critical = WorklistEntry("critical", place(NOON, OrderClass.STAT, Level.CRITICAL))
    assert rank([critical, pinned])[0].study_id == "pinned"


def test_every_place_says_why():
    reason = place(NOON, OrderClass.ER, Level.SUSPECTED).reason
    assert reason == "ER order, 1-h target; AI suspected, 20-min target; 1-h head start."
    assert "no AI result" in place(NOON, OrderClass.ER, None).reason
    assert "not assessed" in place(NOON, OrderClass.ER, Level.NOT_ASSESSED).reason


@given(levels, levels)
def test_a_later_result_never_takes_urgency_away(first, second):
    kept = most_urgent(first, second)
    assert most_urgent(kept, first) == kept
    assert most_urgent(first, second) == most_urgent(second, first)
    keys = [place(NOON, OrderClass.ROUTINE, level).key_ms for level in (first, second)]
    assert place(NOON, OrderClass.ROUTINE, kept).key_ms == min(keys)


@given(st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001
def test_times_survive_the_way_to_milliseconds_and_back(naive):
    moment = naive.replace(microsecond=naive.microsecond // 1000 * 1000, tzinfo=UTC)
    assert from_ms(to_ms(moment)) == moment


def test_a_policy_that_would_demote_is_refused():
    with pytest.raises(ValueError, match="negative"):
        Policy("bad", DEFAULT_POLICY.order_target_min, {Level.NONE: Promotion(10, -5)})
    with pytest.raises(ValueError, match="no target"):
        Policy("bad", {OrderClass.STAT: 1}, {})


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="zone"):
        to_ms(datetime(2026, 1, 1))  # noqa: DTZ001
