"""Turnaround times as plots: the intervals, who was late, and the hours of the week."""

from collections.abc import Sequence
from typing import Final

from api.plots.drawing import (
    TABLE_BELOW,
    TEXT,
    WIDTH,
    Bar,
    Plot,
    Sign,
    Stroke,
    Words,
    axis_below,
    frame_for,
    legend,
    row_names,
    share_rows,
)
from api.plots.scales import Linear, Logarithmic, decades, duration_ticks
from api.wording import INTERVAL_WORD, ORDER_WORD, WEEKDAYS, duration, short_duration
from preread.ledger import LedgerGroup, Spread

_MOST_GROUPS: Final = 20
_DAY_HEIGHT: Final = 40
_BARS_HEIGHT: Final = 28
_HOURS_LEFT: Final = 34
_HOUR_WIDTH: Final = 15


def turnaround_plots(
    total: LedgerGroup, groups: Sequence[LedgerGroup], hours: Sequence[LedgerGroup]
) -> dict[str, Plot | None]:
    """Return the plots of the page by name; None where nothing was reported."""
    if not total.study_count:
        return {"intervals": None, "late": None, "hours": None}
    return {"intervals": intervals(total), "late": late(groups), "hours": hours_of_week(hours)}


def intervals(group: LedgerGroup) -> Plot:
    """Return each interval as median, nine of ten and nineteen of twenty, on a logarithmic axis."""
    names = list(INTERVAL_WORD.values())
    frame = frame_for(names, legend=True)
    longest = max(spread.p95_s or 0 for spread in group.intervals.values())
    marks = decades(longest)
    scale = Logarithmic(marks[0], marks[-1], frame.left, frame.right)
    grid, tick_words = axis_below(frame, scale, marks, short_duration)
    ranges, signs = [], []
    for row, (key, name) in enumerate(INTERVAL_WORD.items()):
        y = frame.middle(row)
        found = _quantiles(group.intervals[key])
        if found:
            ranges.append(Stroke(scale.at(found[0][2]), y, scale.at(found[-1][2]), y, "range"))
        for kind, words, seconds in reversed(found):  # the median is drawn last, on top
            told = f"{name}, {words}: {duration(seconds)}"
            signs.append(Sign(scale.at(seconds), y, kind, told))
    keys, key_words = legend(
        [("dot", "median"), ("diamond", "90 % within"), ("triangle", "95 % within")], frame.left
    )
    spent = group.intervals["total_s"]
    return Plot(
        "intervals",
        "How long each part of the turnaround took",
        f"One row for each interval, on a logarithmic axis of time. The total has a median of "
        f"{duration(spent.p50_s)}; 95 % stayed within {duration(spent.p95_s)}. {TABLE_BELOW}",
        frame.height,
        strokes=(*grid, *ranges),
        signs=(*signs, *keys),
        words=(*row_names(frame, names), *tick_words, *key_words),
    )


def late(groups: Sequence[LedgerGroup]) -> Plot | None:
    """Return which share of each site and order class was reported after its due time."""
    most = sorted(groups, key=lambda group: -(group.overdue.share or 0))[:_MOST_GROUPS]
    rows = [(f"{group.site} {_order(group)}", group.overdue) for group in most]
    count = sum(group.overdue.count for group in groups)
    studies = sum(group.study_count for group in groups)
    cut = "" if len(groups) <= _MOST_GROUPS else f" The {_MOST_GROUPS} with the most are shown."
    return share_rows(
        "late",
        "Reported later than due, with 95 % intervals",
        rows,
        f"One row for each site and order class, the latest first.{cut} Together {count} of "
        f"{studies} studies were late. {TABLE_BELOW}",
    )


def hours_of_week(hours: Sequence[LedgerGroup]) -> Plot:
    """Return a row for each day with a bar for each hour: median, and lines to 90 and 95 %."""
    longest = max(_total(hour).p95_s or 0 for hour in hours)
    top_s = duration_ticks(longest)[-1]
    bars, strokes, signs = [], [], []
    for hour in hours:
        drawn = _hour(hour, top_s)
        bars.append(drawn[0])
        strokes += drawn[1]
        signs += drawn[2]
    days, day_words = _days()
    keys, key_words = legend([("late", "somebody was late")], _HOURS_LEFT)
    busiest = max(hours, key=lambda hour: _total(hour).p50_s or 0)
    return Plot(
        "hours",
        "Turnaround by the hour of the week in which the study was complete",
        f"Seven days of 24 bars; the bar is the median, the line above it reaches to 90 % and its "
        f"mark to 95 %, and the height of a day is {duration(top_s)}. The longest median is that "
        f"of {hour_name(busiest)} with {duration(_total(busiest).p50_s)}. {TABLE_BELOW}",
        _day_bottom(6) + TEXT + 8,
        bars=tuple(bars),
        strokes=(*days, *strokes),
        signs=(*signs, *keys),
        words=(
            *day_words,
            *key_words,
            Words(WIDTH - 6, 9 + TEXT / 3, f"full height {duration(top_s)}", "end"),
        ),
    )


def hour_name(hour: LedgerGroup) -> str:
    """Return the words of an hour of the week."""
    number = hour.hour_of_week or 0
    return f"{WEEKDAYS[number // 24]} {number % 24:02}:00"


def _quantiles(spread: Spread) -> list[tuple[str, str, float]]:
    said = (
        ("dot", "median", spread.p50_s),
        ("diamond", "90 % within", spread.p90_s),
        ("triangle", "95 % within", spread.p95_s),
    )
    return [(kind, words, seconds) for kind, words, seconds in said if seconds is not None]


def _order(group: LedgerGroup) -> str:
    return "" if group.order_class is None else ORDER_WORD[group.order_class]


def _total(hour: LedgerGroup) -> Spread:
    return hour.intervals["total_s"]


def _day_bottom(day: int) -> float:
    return 22 + (day + 1) * _DAY_HEIGHT - 6


def _hour(hour: LedgerGroup, top_s: float) -> tuple[Bar, list[Stroke], list[Sign]]:
    number = hour.hour_of_week or 0
    bottom = _day_bottom(number // 24)
    scale = Linear(0, top_s, bottom, bottom - _BARS_HEIGHT)
    spread = _total(hour)
    x = _HOURS_LEFT + (number % 24) * _HOUR_WIDTH
    middle = x + _HOUR_WIDTH / 2
    p50, p90, p95 = (scale.at(one or 0) for one in (spread.p50_s, spread.p90_s, spread.p95_s))
    words = (
        f"{hour_name(hour)}: {hour.study_count} studies, median {duration(spread.p50_s)}, 95 % within "
        f"{duration(spread.p95_s)}, {hour.overdue.count} late"
    )
    kind = "hour late" if hour.overdue.count else "hour"
    bar = Bar(x + 2, p50 - 1, _HOUR_WIDTH - 4, bottom - p50 + 1, kind, words)
    strokes = [
        Stroke(middle, p50, middle, p90, "range"),
        Stroke(middle - 3, p95, middle + 3, p95, "range"),
    ]
    signs = [Sign(middle, bottom - _BARS_HEIGHT - 4, "late", words)] if hour.overdue.count else []
    return bar, strokes, signs


def _days() -> tuple[list[Stroke], list[Words]]:
    strokes, words = [], []
    right = _HOURS_LEFT + 24 * _HOUR_WIDTH
    for day, name in enumerate(WEEKDAYS):
        bottom = _day_bottom(day)
        strokes.append(Stroke(_HOURS_LEFT, bottom, right, bottom, "grid"))
        words.append(Words(_HOURS_LEFT - 6, bottom, name, "end"))
    for hour in range(0, 25, 6):
        x = _HOURS_LEFT + hour * _HOUR_WIDTH
        strokes.append(Stroke(x, 22, x, _day_bottom(6), "grid"))
        words.append(Words(x, _day_bottom(6) + TEXT + 3, f"{hour:02}", "middle", "tick"))
    return strokes, words
