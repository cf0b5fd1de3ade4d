from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preread.turnaround import Milestones, turnaround

START = datetime(2026, 1, 1, tzinfo=UTC)

seconds = st.one_of(st.none(), st.integers(min_value=0, max_value=100_000))


def at(offset):
    return None if offset is None else START + timedelta(seconds=offset)


@given(seconds, seconds, seconds, st.integers(min_value=0, max_value=100_000))
def test_the_intervals_sum_to_the_total_whatever_came_when(completed, started, done, reported):
    spent = turnaround(Milestones(START, at(completed), at(started), at(done), at(reported)))
    parts = (spent.transfer_s, spent.ai_queue_s, spent.ai_s, spent.wait_s)
    assert all(part >= 0 for part in parts)
    assert sum(parts) == pytest.approx(reported)
    assert spent.total_s == pytest.approx(reported)


def test_a_report_before_the_pre_read_leaves_the_reading_wait_empty():
    spent = turnaround(Milestones(START, at(10), at(12), None, at(15)))
    assert (spent.transfer_s, spent.ai_queue_s, spent.ai_s, spent.wait_s) == (10, 2, 0, 3)
