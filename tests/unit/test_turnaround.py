from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preread.turnaround import INTERVALS, Milestones, turnaround

START = datetime(2026, 1, 1, tzinfo=UTC)

moment = st.integers(min_value=0, max_value=100_000).map(lambda s: START + timedelta(seconds=s))
maybe = st.one_of(st.none(), moment)


def at(seconds):
    return START + timedelta(seconds=seconds)


@st.composite
def holds(draw):
    edges = sorted(draw(st.lists(moment, max_size=6, unique=True)))
    return tuple(zip(edges[::2], edges[1::2], strict=False))


@given(maybe, maybe, maybe, maybe, maybe, maybe, moment, holds())
def test_the_intervals_and_the_holds_sum_to_the_time_that_passed_whatever_came_when(
    transferred, completed, started, done, claimed, preliminary, reported, held
):
    spent = turnaround(
        Milestones(
            START, transferred, completed, started, done, claimed, preliminary, reported, held
        )
    )
    parts = [asdict(spent)[name] for name in INTERVALS]
    assert all(part >= 0 for part in parts)
    assert sum(parts) == pytest.approx(spent.total_s)
    assert spent.total_s + spent.held_s == pytest.approx((reported - START).total_seconds())


def test_each_interval_is_the_time_between_its_milestones():
    spent = turnaround(Milestones(START, at(1), at(3), at(6), at(10), at(15), at(21), at(28)))
    assert [asdict(spent)[name] for name in INTERVALS] == [1, 2, 3, 4, 5, 6, 7]


def test_a_report_before_the_pre_read_leaves_the_ai_empty():
    spent = turnaround(Milestones(START, at(4), at(10), at(12), None, None, None, at(15)))
    assert (spent.transfer_s, spent.completeness_s, spent.ai_queue_s, spent.ai_s) == (4, 6, 2, 0)
    assert (spent.wait_s, spent.read_s, spent.read_known) == (3, 0, False)


def test_a_study_that_was_claimed_before_its_pre_read_came_did_not_wait_for_it():
    spent = turnaround(Milestones(START, at(0), at(0), at(5), at(80), at(20), None, at(100)))
    assert (spent.ai_s, spent.wait_s, spent.read_s) == (15, 0, 80)


def test_a_hold_is_taken_out_of_the_interval_that_it_fell_into():
    milestones = Milestones(
        START, at(0), at(0), at(10), at(20), at(100), None, at(160), ((at(15), at(60)),)
    )
    spent = turnaround(milestones)
    assert (spent.ai_s, spent.wait_s, spent.held_s, spent.total_s) == (5, 40, 45, 115)
