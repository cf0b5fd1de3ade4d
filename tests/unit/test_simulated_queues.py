"""The simulator beside queues whose waits are known exactly."""

import math

import pytest

from preread.simulation.policies import Name, make_worklist
from preread.simulation.queueing import Queue, dropping_waits, erlang_wait_min, finishing_waits
from preread.simulation.room import read_all
from preread.simulation.trace import draw_trace
from preread.simulation.validation import CASES, Discipline, compare, scenario_of


@pytest.mark.parametrize(
    ("load", "readers", "false_positive_share", "bleeding_change_min"),
    [
        # As FDA's QuCAD calculator gives them for 10-minute reads, prevalence .1, sensitivity .9.
        (0.8, 1, 0.1912, -32.286),
        (0.8, 1, 0.1, -33.645),
        (0.9, 1, 0.1, -77.327),
        (0.8, 2, 0.1, -15.424),
    ],
)
def test_the_gain_where_reads_are_dropped_is_that_of_the_published_calculator(
    load, readers, false_positive_share, bleeding_change_min
):
    queue = Queue(load=load, readers=readers, false_positive_share=false_positive_share)
    change = dropping_waits(queue).bleeding - erlang_wait_min(load, readers, 10.0)
    assert change == pytest.approx(bleeding_change_min, abs=5e-4)


def test_what_bleeding_studies_gain_is_what_clear_ones_lose():
    for waits in (finishing_waits(Queue(load=0.8)), dropping_waits(Queue(load=0.8))):
        assert 0.1 * waits.bleeding + 0.9 * waits.clear == pytest.approx(40.0)
    assert dropping_waits(Queue(load=0.8)).clear - 40 == pytest.approx(3.587, abs=5e-4)


@pytest.mark.parametrize(("queue", "discipline"), CASES)
def test_simulated_waits_are_the_exact_ones_within_sampling_error(queue, discipline):
    for one in compare(queue, discipline, studies=8_000, seeds=range(5)):
        assert one.agrees, one
        spread = one.simulated_min.high - one.simulated_min.low
        assert spread < max(0.9 * one.exact_min, 0.5)  # else the agreement says nothing


@pytest.mark.slow
@pytest.mark.parametrize(("queue", "discipline"), CASES)
def test_more_studies_bring_simulated_waits_closer_to_the_exact_ones(queue, discipline):
    for one in compare(queue, discipline, studies=100_000, seeds=range(8)):
        assert one.agrees, one
        assert one.simulated_min.high - one.simulated_min.low < max(0.17 * one.exact_min, 0.2)


def test_one_reader_first_come_first_served_waits_as_lindleys_recursion_says():
    scenario = scenario_of(Queue(load=0.9))
    trace = draw_trace(scenario, 2_000, seed=1)
    run = read_all(trace, 1, make_worklist(Name.FIFO, trace, scenario))
    wait_ms, expected = 0, []
    for study, arrived_ms in enumerate(trace.complete_ms):
        if study:
            since_ms = arrived_ms - trace.complete_ms[study - 1]
            wait_ms = max(0, wait_ms + trace.read_ms[study - 1] - since_ms)
        expected.append(wait_ms)
    assert list(run.wait_ms) == expected


def test_a_simulation_of_another_discipline_does_not_agree():
    wrong = finishing_waits(Queue(load=0.8)).flagged
    right = next(
        one
        for one in compare(Queue(load=0.8), Discipline.DROP, studies=8_000, seeds=range(5))
        if one.group == "flagged"
    )
    assert not math.isclose(wrong, right.exact_min, rel_tol=0.5)
    assert (
        abs(wrong - right.simulated_min.mean) > right.simulated_min.high - right.simulated_min.low
    )
