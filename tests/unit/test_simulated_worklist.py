"""What holds for every simulated run, and what the shipped policy does to waits."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from preread.policy import DEFAULT_POLICY, Promotion, overtaking_bound_min
from preread.ranking import MINUTE_MS, WorklistEntry, from_ms, place, sort_key
from preread.simulation.experiment import Drawn, run_experiment
from preread.simulation.figures import BLEEDS, CLEAR, FOUND, MISSED, UNFLAGGED, estimate, ratio
from preread.simulation.goals import breaker_goals, waiting_goals
from preread.simulation.policies import (
    REFERENCE,
    Monitor,
    Name,
    ShippedKeys,
    make_worklist,
)
from preread.simulation.room import overtaking_min, read_all
from preread.simulation.scenario import SHIPPED, Detector, Scenario, Surge, Targets
from preread.simulation.trace import Trace, draw_trace
from preread.terms import FLAGGED, Level, OrderClass

LEVELS = (None, Level.NONE, Level.INDETERMINATE, Level.SUSPECTED, Level.CRITICAL)
# Runs, not calls: no deadline for one, and few of them.
SHORT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
BOUNDED = (Name.DUE_TIME, Name.PROPOSED, Name.WITH_BREAKER)

studies = st.tuples(
    st.integers(0, 40 * MINUTE_MS),  # after the one before
    st.sampled_from(OrderClass),
    st.sampled_from(LEVELS),
    st.integers(0, 30 * MINUTE_MS),  # to the result
    st.integers(1, 90 * MINUTE_MS),  # to read
)
promotions = st.dictionaries(
    st.sampled_from((Level.CRITICAL, Level.SUSPECTED, Level.INDETERMINATE)),
    st.builds(Promotion, target_min=st.integers(0, 300), head_start_min=st.integers(0, 120)),
)


def trace_of(drawn):
    arrived_ms, complete_ms = 0, []
    for gap_ms, *_ in drawn:
        arrived_ms += gap_ms
        complete_ms.append(arrived_ms)
    _, orders, levels, delays_ms, read_ms = zip(*drawn, strict=True)
    results = zip(complete_ms, delays_ms, levels, strict=True)
    return Trace(
        complete_ms=tuple(complete_ms),
        order=orders,
        bleeds=tuple(level in FLAGGED for level in levels),
        level=levels,
        result_ms=tuple(None if level is None else at + late for at, late, level in results),
        read_ms=read_ms,
    )


def read(name, trace, scenario):
    return read_all(trace, scenario.readers, make_worklist(name, trace, scenario))


@settings(SHORT, max_examples=60)
@given(st.lists(studies, min_size=2, max_size=40), promotions, st.integers(1, 3))
def test_nobody_is_passed_by_a_study_that_came_after_the_bound(drawn, promoted, readers):
    trace = trace_of(drawn)
    scenario = Scenario(readers=readers, targets=Targets(promotions=promoted))
    policy = scenario.targets.policy()
    for name in BOUNDED:
        leads = overtaking_min(trace, read(name, trace, scenario).begun)
        for order, lead_min in zip(trace.order, leads, strict=True):
            assert lead_min == 0 or lead_min < overtaking_bound_min(policy, order)


@settings(SHORT, max_examples=25)
@given(st.lists(studies, min_size=1, max_size=30), st.sampled_from(Name))
def test_under_every_policy_each_study_is_begun_once_and_never_before_it_came(drawn, name):
    trace = trace_of(drawn)
    run = read(name, trace, Scenario(readers=2))
    assert sorted(run.begun) == list(range(len(trace)))
    begun_ms = [trace.complete_ms[study] + run.wait_ms[study] for study in run.begun]
    assert all(first <= second for first, second in pairwise(begun_ms))
    assert min(run.wait_ms) >= 0


@settings(SHORT, max_examples=25)
@given(
    st.integers(0, 10**12), st.sampled_from(OrderClass), st.sampled_from((None, *Level)), promotions
)
def test_a_simulated_key_is_the_one_that_the_service_would_sort_by(
    complete_ms, order, level, promoted
):
    policy = Targets(promotions=promoted).policy()
    trace = Trace((complete_ms,), (order,), (False,), (None,), (None,), (1,))
    placed = place(from_ms(complete_ms), order, level, policy=policy)
    *key, study = ShippedKeys(trace, policy)(0, level)
    assert (*key, str(study)) == sort_key(WorklistEntry("0", placed))


@settings(SHORT, max_examples=25)
@given(st.lists(studies, min_size=1, max_size=20), st.sampled_from(BOUNDED))
def test_the_order_of_those_who_wait_does_not_depend_on_the_time(drawn, name):
    trace = trace_of(drawn)
    orders = []
    for now_ms in (0, 10**9):
        worklist = make_worklist(name, trace, Scenario())
        for study in range(len(trace)):
            worklist.add(study)
            worklist.hear(study)
        orders.append([worklist.take(now_ms) for _ in range(len(trace))])
    assert orders[0] == orders[1]


def test_the_time_does_change_the_order_of_accumulating_priorities():
    # Kleinrock's priorities: an ER study that came 10 minutes ago yields to a routine one of long ago.
    trace = trace_of(
        [
            (0, OrderClass.ROUTINE, None, 0, 1),
            (100 * MINUTE_MS, OrderClass.ER, None, 0, 1),
        ]
    )
    taken = []
    for now_min in (101, 200):
        worklist = make_worklist(Name.ACCUMULATING, trace, Scenario())
        for study in (0, 1):
            worklist.add(study)
        taken.append(worklist.take(now_min * MINUTE_MS))
    assert taken == [0, 1]


@settings(SHORT, max_examples=25)
@given(st.lists(studies, min_size=1, max_size=30))
def test_an_ai_that_finds_nothing_leaves_every_wait_alone(drawn):
    trace = trace_of([(gap, order, Level.NONE, late, took) for gap, order, _, late, took in drawn])
    scenario = Scenario(readers=1)
    runs = [read(name, trace, scenario) for name in (Name.PROPOSED, REFERENCE)]
    assert runs[0] == runs[1]


def test_another_ai_meets_the_same_arrivals_orders_and_bleeds():
    healthy = SHIPPED["surge"].model_copy(update={"studies_per_day": 400.0})
    broken = healthy.model_copy(update={"detector": Detector(specificity=0.3)})
    first, second = (draw_trace(scenario, 500, seed=3) for scenario in (healthy, broken))
    assert first.complete_ms == second.complete_ms
    assert first.order == second.order
    assert first.bleeds == second.bleeds
    assert first.level != second.level
    assert first != draw_trace(healthy, 500, seed=4)
    assert first == draw_trace(healthy, 500, seed=3)


def test_drawn_studies_have_the_shares_load_and_surge_of_their_scenario():
    scenario = Scenario(load=0.7, surge=Surge(from_hour=15, to_hour=23, factor=1.7))
    trace = draw_trace(scenario, 30_000, seed=0)
    heads = [study for study in range(len(trace)) if trace.level[study] is not None]
    bleeding = [study for study in heads if trace.bleeds[study]]
    share = sum(order is OrderClass.ER for order in trace.order) / len(trace)
    assert share == pytest.approx(0.45, abs=0.01)
    assert len(heads) / len(trace) == pytest.approx(0.35, abs=0.01)
    assert len(bleeding) / len(heads) == pytest.approx(0.0765, abs=0.008)  # 3 standard errors
    assert sum(map(trace.flagged, bleeding)) / len(bleeding) == pytest.approx(0.9, abs=0.03)
    mean_read_min = sum(trace.read_ms) / len(trace) / MINUTE_MS
    assert mean_read_min == pytest.approx(scenario.mean_read_min(), rel=0.02)
    # 16 h of the base rate and 8 h of 1.7 times it make 1.233 of it.
    rate = len(trace) / (trace.complete_ms[-1] / MINUTE_MS)
    assert rate == pytest.approx(scenario.arrivals_per_min() * 1.2333, rel=0.03)


def test_no_result_promotes_once_the_breaker_has_tripped():
    monitor = Monitor(expected_share=0.137)
    said = [monitor.believes(Level.CRITICAL) for _ in range(40)]
    tripped = monitor.tripped_after
    assert tripped is not None
    assert said == [Level.CRITICAL] * (tripped - 1) + [Level.NONE] * (41 - tripped)
    assert monitor.believes(Level.INDETERMINATE) is Level.NONE


def test_flags_on_top_break_the_bound_that_the_shipped_policy_keeps():
    names = [Name.AI_ON_TOP, REFERENCE, Name.PROPOSED, Name.WITH_BREAKER]
    runs = run_experiment(Drawn(SHIPPED["broken"], 6_000), names, [0]).runs
    assert runs[Name.AI_ON_TOP][0].violations > 0
    assert runs[Name.PROPOSED][0].violations == runs[Name.WITH_BREAKER][0].violations == 0
    tripped = runs[Name.WITH_BREAKER][0].tripped_after
    assert tripped is not None
    assert tripped <= 60


def test_bleeds_wait_much_less_and_those_without_a_flag_hardly_longer():
    experiment = run_experiment(Drawn(SHIPPED["busy"], 8_000), [REFERENCE, Name.PROPOSED], range(3))
    runs, reference = experiment.runs[Name.PROPOSED], experiment.runs[REFERENCE]
    assert ratio(runs, reference, BLEEDS).mean < 0.40
    # A missed bleed waits where every study without a flag waits, and these are many.
    assert ratio(runs, reference, UNFLAGGED).mean < 1.15
    assert all(run.violations == 0 for run in runs)
    assert len(waiting_goals(experiment)) == 5


def test_the_interval_of_a_ratio_shrinks_with_paired_runs():
    runs = run_experiment(Drawn(SHIPPED["steady"], 1_000), [REFERENCE, Name.FIFO], range(3)).runs
    same = ratio(runs[REFERENCE], runs[REFERENCE], BLEEDS)
    assert (same.mean, same.low, same.high) == (1.0, 1.0, 1.0)
    assert estimate([2.0]).low is None


# Mean waits in minutes of an independent simulator of the same parameters, 6 runs of 40 000
# studies each: scenario, policy, group, minutes.
INDEPENDENT = [
    ("steady", Name.FIFO, BLEEDS, 12.4),
    ("steady", Name.ORDER_CLASS, BLEEDS, 8.0),
    ("steady", Name.ORDER_CLASS, CLEAR[OrderClass.ROUTINE], 65.0),
    ("steady", Name.PROPOSED, BLEEDS, 3.1),
    ("steady", Name.PROPOSED, FOUND, 2.6),
    ("busy", Name.ORDER_CLASS, BLEEDS, 25.2),
    ("busy", Name.AI_ON_TOP, BLEEDS, 5.6),
    ("busy", Name.MAX_WAIT, BLEEDS, 24.1),
    ("busy", Name.DUE_TIME, BLEEDS, 26.1),
    ("busy", Name.PROPOSED, BLEEDS, 4.9),
    ("busy", Name.PROPOSED, FOUND, 3.5),
    ("busy", Name.PROPOSED, MISSED, 18.2),
    ("surge", Name.DUE_TIME, BLEEDS, 22.4),
    ("surge", Name.PROPOSED, BLEEDS, 4.6),
    ("surge", Name.PROPOSED, FOUND, 3.0),
    ("surge", Name.PROPOSED, CLEAR[OrderClass.ROUTINE], 186.0),
    ("broken", Name.AI_ON_TOP, BLEEDS, 6.6),
    ("broken", Name.DUE_TIME, BLEEDS, 22.8),
    ("broken", Name.PROPOSED, BLEEDS, 5.9),
    ("broken", Name.PROPOSED, FOUND, 3.7),
]


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["steady", "busy", "surge", "broken"])
def test_waits_are_those_of_an_independent_simulator_within_sampling_error(scenario):
    rows = [row[1:] for row in INDEPENDENT if row[0] == scenario]
    names = [name for name in Name if name in {row[0] for row in rows}]
    runs = run_experiment(Drawn(SHIPPED[scenario], 40_000), names, range(8)).runs
    for name, group, minutes in rows:
        ours = estimate([run.waits[group].mean_min for run in runs[name]])
        # Both are samples: four standard errors of the difference of two means of 8 and 6 runs,
        # which are few for waits with so long a tail.
        standard_error = (ours.high - ours.low) / (2 * 2.365)
        allowed = 4 * standard_error * (1 + 8 / 6) ** 0.5
        assert ours.mean == pytest.approx(minutes, abs=max(allowed, 0.05 * minutes)), (name, group)


@pytest.mark.slow
def test_the_breaker_reaches_its_goals():
    assert all(goal.reached for goal in breaker_goals())


def test_the_default_policy_of_a_scenario_is_the_shipped_one():
    assert Scenario().targets.policy() is DEFAULT_POLICY
