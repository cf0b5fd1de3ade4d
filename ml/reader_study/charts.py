"""The charts of a reading study's report, from its figures alone."""

from functools import partial
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.projections.polar import PolarAxes
from pydantic import JsonValue

from ml.evaluation.estimates import Figures
from ml.evaluation.goals import figure_at
from ml.evaluation.plots import BLUE, GRAY, GREEN, ORANGE, SEED_LABEL, svg_of
from ml.reader_study.figures import SCORES
from preread.terms import KINDS

_HALF: Final = 0.5
# Larger marks lie under smaller ones, so that equal figures are all seen.
_RADAR: Final = (("sensitivity", BLUE, 9), ("ppv", ORANGE, 6), ("agreement", GREEN, 3))


def draw_charts(figures: Figures) -> dict[str, str]:
    """Return the charts as SVG elements by title, in the order in which to show them."""
    charts = {
        "Scores": svg_of("Scores", partial(_scores, figures)),
        "Types, pre-read against truth": svg_of(
            "Types", partial(_radar, figures), projection="polar"
        ),
        "Combinations of types": svg_of("Combinations", partial(_combinations, figures)),
        "Seconds by score": svg_of("Seconds", partial(_seconds, figures)),
    }
    if figures["computed_against_readers"] is not None:
        title = "Score computed from the reader's words"
        charts[title] = svg_of(title, partial(_computed, figures))
    return charts


def _scores(figures: Figures, axes: Axes) -> None:
    for score in SCORES:
        one = figure_at(figures, ("scores", "shares", str(score)))
        height, edges = figure_at(one, ("share",)), figure_at(one, ("interval",))
        if isinstance(height, float) and isinstance(edges, list):
            low, high = (float(str(edge)) for edge in edges)
            axes.bar(score - 0.2, height, 0.4, color=BLUE)
            axes.plot([score - 0.2] * 2, [low, high], color="black", linewidth=1)
        seed = figure_at(figures, ("scores", "seed", "percent", str(score)))
        axes.bar(score + 0.2, float(str(seed)) / 100, 0.4, color=GRAY)
    axes.set_xticks(SCORES)
    axes.set(xlabel="score", ylabel="share of scored readings", ylim=(0, 1))
    axes.legend(
        handles=[
            Patch(color=BLUE, label="this study"),
            Patch(color=GRAY, label=f"{SEED_LABEL} (sum 101.29 %)"),
        ]
    )


def _radar(figures: Figures, axes: Axes) -> None:
    if not isinstance(axes, PolarAxes):
        raise TypeError
    angles = np.linspace(0, 2 * np.pi, len(KINDS), endpoint=False)
    for name, color, size in _RADAR:
        shares = [
            figure_at(figures, ("types_against_truth", kind.value, name, "share")) for kind in KINDS
        ]
        known = [
            (angle, one)
            for angle, one in zip(angles, shares, strict=True)
            if isinstance(one, float)
        ]
        if not known:
            continue
        # A type that nobody has leaves a gap; a closed line would invent a figure for it.
        closed = [*known, known[0]] if len(known) == len(KINDS) else known
        style = "o-" if len(known) == len(KINDS) else "o"
        axes.plot(*zip(*closed, strict=True), style, color=color, label=name, markersize=size)
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    axes.set_xticks(angles, [kind.value for kind in KINDS])
    axes.set_ylim(0, 1.06)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.25, -0.12), fontsize=8)


def _combinations(figures: Figures, axes: Axes) -> None:
    rows = _words(figure_at(figures, ("combinations", "truth")))
    columns = _words(figure_at(figures, ("combinations", "pre_read")))
    _heat(axes, _table(figure_at(figures, ("combinations", "counts"))), rows, columns)
    axes.set(xlabel="pre-read", ylabel="truth")
    axes.tick_params(axis="x", labelrotation=60)


def _computed(figures: Figures, axes: Axes) -> None:
    names = [str(score) for score in SCORES]
    table = _table(figure_at(figures, ("computed_against_readers", "counts")))
    _heat(axes, table, names, names)
    axes.set(xlabel="reader", ylabel="computed")


def _seconds(figures: Figures, axes: Axes) -> None:
    names = [*map(str, SCORES), "no_hemorrhage"]
    for across, name in enumerate(names):
        middle = figure_at(figures, ("seconds", "score_by_score", name, "median"))
        edges = figure_at(figures, ("seconds", "score_by_score", name, "quartiles"))
        if isinstance(middle, float) and isinstance(edges, list):
            axes.plot([across] * 2, [float(str(edge)) for edge in edges], color=BLUE, linewidth=5)
            axes.plot(across, middle, "o", color="black")
    axes.set_xticks(range(len(names)), [*map(str, SCORES), "no\nhemorrhage"])
    axes.set(xlabel="score", ylabel="seconds: median, quartiles")
    axes.set_xlim(-_HALF, len(names) - _HALF)
    axes.set_ylim(bottom=0)


def _heat(axes: Axes, table: list[list[int]], rows: list[str], columns: list[str]) -> None:
    if table:
        axes.imshow(table, cmap="Blues", aspect="auto", vmin=0)
    most = max((count for row in table for count in row), default=0)
    for up, row in enumerate(table):
        for across, count in enumerate(row):
            color = "white" if count > most * _HALF else "black"
            axes.text(across, up, str(count), ha="center", va="center", color=color)
    axes.grid(visible=False)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)


def _words(value: JsonValue) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _table(value: JsonValue) -> list[list[int]]:
    rows = value if isinstance(value, list) else []
    return [[int(str(one)) for one in row] for row in rows if isinstance(row, list)]
