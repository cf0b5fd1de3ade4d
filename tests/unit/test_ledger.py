from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preread.ledger import (
    LedgerLine,
    add_up,
    by_hour_of_week,
    by_site_and_order,
    hour_of_week,
    percentile,
)
from preread.terms import OrderClass
from preread.turnaround import Milestones, turnaround

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def line(read_s=60, *, site="north", order=OrderClass.ER, late_s=-1.0, hour=0, claimed=True):
    complete = MONDAY + timedelta(hours=hour)
    end = complete + timedelta(seconds=100 + read_s)
    spent = turnaround(
        Milestones(
            complete,
            complete,
            complete,
            complete,
            complete,
            complete + timedelta(seconds=100) if claimed else None,
            None,
            end,
        )
    )
    return LedgerLine("s", site, order, None, complete, complete, complete, end, late_s, spent)


@settings(deadline=None)  # numpy's first call can take longer on a busy machine
@given(
    st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=50),
    st.floats(min_value=0, max_value=1),
)
def test_percentiles_are_those_of_numpy(values, share):
    expected = float(np.percentile(values, share * 100))
    assert percentile(sorted(values), share) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_lines_are_added_up_by_site_and_order_class_in_the_order_of_urgency():
    lines = [line(order=OrderClass.ROUTINE), line(order=OrderClass.STAT), line(site="east")]
    groups = by_site_and_order(lines)
    assert [(group.site, group.order_class) for group in groups] == [
        ("east", OrderClass.ER),
        ("north", OrderClass.STAT),
        ("north", OrderClass.ROUTINE),
    ]
    assert sum(group.study_count for group in groups) == add_up(lines).study_count == 3


def test_a_reading_that_nobody_claimed_is_not_taken_for_one_of_no_time():
    group = add_up([line(read_s=60), line(read_s=120), line(read_s=600, claimed=False)])
    assert (group.intervals["read_s"].count, group.intervals["read_s"].p50_s) == (2, 90.0)
    assert group.intervals["wait_s"].count == 3


def test_studies_read_after_their_due_time_are_counted_with_an_interval():
    group = add_up([line(late_s=1.0), line(late_s=0.0), line(late_s=-5.0)])
    assert (group.overdue.count, group.overdue.of) == (1, 3)
    assert group.overdue.low < 1 / 3 < group.overdue.high


def test_no_lines_have_no_percentiles_and_no_share():
    group = add_up([])
    assert group.intervals["total_s"].p50_s is None
    assert group.overdue.share is None


def test_the_hour_of_the_week_is_that_of_the_clock_on_the_wall():
    assert [group.hour_of_week for group in by_hour_of_week([line(hour=30), line()], UTC)] == [
        0,
        30,
    ]
    assert hour_of_week(MONDAY, ZoneInfo("America/New_York")) == 6 * 24 + 19
