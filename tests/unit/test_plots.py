"""Plots of the pages of figures: where the figures lie, and what is left out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.plots.drawing import WIDTH, share_rows
from api.plots.quality import quality_plots
from api.plots.scales import Linear, Logarithmic, decades, duration_ticks, ticks
from api.plots.turnaround import hours_of_week, turnaround_plots
from preread.feedback import Verdict
from preread.ledger import LedgerLine, add_up, by_hour_of_week, by_site_and_order
from preread.proportions import share_of
from preread.quality import Judged, quality_of
from preread.terms import HemorrhageType, Level, OrderClass
from preread.turnaround import INTERVALS, Turnaround

MONDAY = datetime(2026, 1, 5, 14, tzinfo=UTC)
JUDGED = Judged(
    study_id="a",
    site="north",
    scanner=None,
    model_version="1",
    level=Level.SUSPECTED,
    probability=0.9,
    named=frozenset({HemorrhageType.SDH}),
    found=frozenset({HemorrhageType.SDH}),
    verdict=Verdict.TRUE_POSITIVE,
    score=4,
    volume=None,
    cause=None,
    read_s=200.0,
    judged_at=MONDAY,
)


def line(wait_s, *, late=False, completed_at=MONDAY):
    spent = dict.fromkeys(INTERVALS, 0.0) | {"wait_s": wait_s, "total_s": wait_s}
    return LedgerLine(
        study_id="a",
        site="north",
        order_class=OrderClass.ER,
        level=None,
        received_at=completed_at,
        completed_at=completed_at,
        due_at=completed_at,
        reported_at=completed_at,
        late_s=60.0 if late else -60.0,
        spent=Turnaround(**spent, held_s=0.0, read_known=True),
    )


def of_lines(lines):
    hours = by_hour_of_week(lines, UTC)
    return turnaround_plots(add_up(lines), by_site_and_order(lines), hours)


def placed(plot):
    """Every place in a plot: x and y of all that is drawn."""
    for bar in plot.bars:
        yield from ((bar.x, bar.y), (bar.x + bar.width, bar.y + bar.height))
        assert bar.height >= 0
    for stroke in plot.strokes:
        yield from ((stroke.x1, stroke.y1), (stroke.x2, stroke.y2))
    yield from ((one.x, one.y) for one in (*plot.signs, *plot.words))


@given(st.floats(1e-3, 1e9))
def test_an_axis_begins_at_nothing_and_ends_just_above_the_greatest_figure(high):
    marks = ticks(high)
    assert marks[0] == 0
    assert marks[-1] >= high * (1 - 1e-6)
    assert marks[-2] < high
    assert len(marks) <= 6
    assert duration_ticks(high)[-1] >= high
    assert len(duration_ticks(high)) <= 5
    assert decades(high)[-1] >= min(high, 8_640_000)


@given(st.lists(st.floats(0, 1e6), min_size=2))
def test_a_scale_keeps_the_order_and_leaves_its_frame_never(values):
    for scale in (Linear(0, 1000, 300, 10), Logarithmic(1, 1000, 300, 10)):
        places = [scale.at(value) for value in sorted(values)]
        assert places == sorted(places, reverse=True)
        assert min(places) >= 10
        assert max(places) <= 300


def test_shares_lie_where_they_are_and_a_share_of_nothing_has_no_dot():
    rows = [("half", share_of(5, 10)), ("nothing", share_of(0, 0))]
    plot = share_rows("shares", "Shares", rows, "Two.")
    (dot,) = plot.signs
    (whisker,) = (stroke for stroke in plot.strokes if stroke.kind == "range")
    left, right = plot.strokes[0].x1, plot.strokes[4].x1
    assert dot.x == pytest.approx((left + right) / 2)
    assert whisker.x1 < dot.x < whisker.x2
    assert dot.words == "half: 5 of 10, 50\N{NO-BREAK SPACE}%"
    assert share_rows("none", "None", [("nothing", share_of(0, 0))], "") is None


def test_every_interval_has_its_median_ninety_and_ninety_five_percent():
    plot = of_lines([line(60 * minutes) for minutes in range(101)])["intervals"]
    told = {sign.words for sign in plot.signs if sign.words}
    minute = "\N{NO-BREAK SPACE}min"
    for words in ("median: 50:00", "90 % within: 1\N{NO-BREAK SPACE}h", "95 % within: 1"):
        assert any(one.startswith(f"Wait for a reader, {words}") for one in told)
    assert len(told) == 3 * 8
    assert f"median of 50:00{minute}" in plot.description


def test_an_hour_in_which_somebody_was_late_says_so_by_a_sign_and_not_by_color_alone():
    plot = of_lines([line(600, late=True), line(60, completed_at=MONDAY + timedelta(hours=1))])[
        "hours"
    ]
    late = [sign for sign in plot.signs if sign.words]
    assert [bar.kind for bar in plot.bars] == ["hour late", "hour"]
    assert len(late) == 1
    assert late[0].words.startswith("Mon 14:00: 1 studies")


@given(st.lists(st.tuples(st.floats(0, 1e6), st.booleans(), st.integers(0, 167)), min_size=1))
def test_nothing_is_drawn_outside_of_a_plot(many):
    lines = [
        line(seconds, late=late, completed_at=MONDAY + timedelta(hours=hour))
        for seconds, late, hour in many
    ]
    plots = [plot for plot in of_lines(lines).values() if plot is not None]
    assert len(plots) == 3
    for plot in plots:
        assert all(0 <= x <= WIDTH and 0 <= y <= plot.height for x, y in placed(plot))


def test_quality_has_a_plot_of_each_question_and_none_of_nothing():
    alarm = replace(
        JUDGED,
        found=frozenset(),
        verdict=Verdict.FALSE_POSITIVE,
        score=0,
        read_s=500.0,
        probability=0.7,
    )
    figures = quality_of([JUDGED, JUDGED, alarm])
    plots = quality_plots(figures, [("north · 1", figures.ppv)])
    assert all(plots.values())
    assert next(bar.words for bar in plots["agreement"].bars) == "Score 4: 2 of 2"
    assert "false alarms is 8:20" in plots["reading"].description
    for plot in plots.values():
        assert all(0 <= x <= WIDTH and 0 <= y <= plot.height for x, y in placed(plot))
    assert not any(quality_plots(quality_of([]), []).values())
    assert set(turnaround_plots(add_up([]), [], []).values()) == {None}


def test_a_days_bars_stand_on_the_line_of_their_day():
    hours = by_hour_of_week([line(60), line(60, completed_at=MONDAY + timedelta(days=1))], UTC)
    monday, tuesday = hours_of_week(hours).bars
    assert (monday.x, monday.height) == (tuesday.x, tuesday.height)
    assert tuesday.y - monday.y == 40
