"""The plots of a report, drawn from its figures alone, each as an SVG to stand inside HTML."""

import io
import re
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ml.evaluation.estimates import Figures
from ml.evaluation.goals import figure_at
from ml.evaluation.outlines import DICE_BINS
from preread.terms import KINDS

Draw: TypeAlias = Callable[[Axes, Figures], None]

INCHES: Final = (4.4, 3.6)
BLUE, ORANGE, GRAY, RED, GREEN = "#1f5fa8", "#c8641e", "#888888", "#b3261e", "#2e7d4f"
# Text stays text: no fonts are embedded, and no outside file is named. The salt makes the same
# plot the same bytes.
STYLE: Final = {"svg.fonttype": "none", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}
SEED_LABEL: Final = "seed, radiologists"


def draw_plots(figures: Figures) -> dict[str, str]:
    """Draw every plot.

    Parameters
    ----------
    figures
        A report of ``ml.evaluation.figures``.

    Returns
    -------
    dict
        SVG elements by the plot's title, in the order in which to show them; those of outlines only
        where some are known, as empty axes look like a measured nothing.
    """
    plots: dict[str, Draw] = {
        "ROC": _roc,
        "Precision and sensitivity": _precision,
        "Calibration": _calibration,
        "Agreement of positive studies": _agreement,
    }
    if figure_at(figures, ("mask", "slices")):
        plots |= {
            "Volume, Bland–Altman": _volumes,
            "Lesions, free response": _free_response,
            "Dice of slices with blood": _dice,
            "Blood of known type by the type it was given": _confusion,
        }
    return {title: svg_of(title, partial(_on, draw, figures)) for title, draw in plots.items()}


def _on(draw: Draw, figures: Figures, axes: Axes) -> None:
    draw(axes, figures)


def svg_of(title: str, draw: Callable[[Axes], None], *, projection: str = "rectilinear") -> str:
    """Draw one plot as an SVG element that names no outside file and is the same bytes again."""
    with mpl.rc_context({**STYLE, "svg.hashsalt": title}):  # type: ignore[dict-item]
        figure = Figure(INCHES, layout="constrained")
        draw(figure.add_subplot(projection=projection))
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=nothing)
    element = buffer.getvalue().partition("<svg")[2]
    # Inside HTML the names of namespaces are not needed, and without them no address is left.
    bare = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", f"<svg{element}").replace("xlink:href", "href")
    return re.sub(r"<metadata>.*?</metadata>", "", bare, flags=re.DOTALL)


def _roc(axes: Axes, figures: Figures) -> None:
    for name, label, color in (("study", "studies", BLUE), ("slice", "slices", ORANGE)):
        points = _points(figures, "curves", f"{name}_roc")
        area = figure_at(figures, (f"{name}_any", "auc"))
        if points:
            axes.plot(*zip(*points, strict=True), color=color, label=f"{label}, area {area}")
    axes.plot([0, 1], [0, 1], color=GRAY, linestyle=":")
    for (across, up), levels in _level_points(figures).items():
        axes.plot(across, up, "o", color=BLUE, markersize=4)
        axes.annotate(
            "\n".join(levels), (across, up), (6, -3), textcoords="offset points", va="top"
        )
    _frame(axes, "1 − specificity", "sensitivity")


def _level_points(figures: Figures) -> dict[tuple[float, float], list[str]]:
    """Return the levels at each point of the ROC; several may share one."""
    points: dict[tuple[float, float], list[str]] = {}
    for level in ("indeterminate", "suspected", "critical"):
        found = figure_at(figures, ("study_any", level, "sensitivity"))
        spared = figure_at(figures, ("study_any", level, "specificity"))
        if isinstance(found, float) and isinstance(spared, float):
            points.setdefault((1 - spared, found), []).append(level)
    return points


def _precision(axes: Axes, figures: Figures) -> None:
    for name, label, color in (("study", "studies", BLUE), ("slice", "slices", ORANGE)):
        points = _points(figures, "curves", f"{name}_precision")
        area = figure_at(figures, (f"{name}_any", "average_precision"))
        if points:
            axes.step(
                *zip((0.0, points[0][1]), *points, strict=True),
                where="pre",
                color=color,
                label=f"{label}, average precision {area}",
            )
    _frame(axes, "sensitivity", "precision")


def _calibration(axes: Axes, figures: Figures) -> None:
    bins = figure_at(figures, ("study_any", "calibration"))
    axes.plot([0, 1], [0, 1], color=GRAY, linestyle=":", label="perfect")
    for one in bins if isinstance(bins, list) else []:
        across, up = figure_at(one, ("mean_probability",)), figure_at(one, ("share",))
        interval = figure_at(one, ("interval",))
        if isinstance(across, float) and isinstance(up, float) and isinstance(interval, list):
            low, high = (float(str(edge)) for edge in interval)
            axes.plot([across, across], [low, high], color=BLUE)
            axes.plot(across, up, "o", color=BLUE)
    error = figure_at(figures, ("study_any", "calibration_error"))
    axes.plot([], [], "o-", color=BLUE, label=f"bins of equal size, error {error}")
    _frame(axes, "mean probability", "share with hemorrhage")


def _agreement(axes: Axes, figures: Figures) -> None:
    shares = figure_at(figures, ("agreement", "shares"))
    seed = figure_at(figures, ("agreement", "seed", "shares"))
    if isinstance(shares, dict):
        for score, one in shares.items():
            height, interval = figure_at(one, ("share",)), figure_at(one, ("interval",))
            if isinstance(height, float) and isinstance(interval, list):
                low, high = (float(str(edge)) for edge in interval)
                axes.bar(int(score) - 0.2, height, 0.4, color=BLUE)
                axes.plot([int(score) - 0.2] * 2, [low, high], color="black", linewidth=1)
    for score, height in seed.items() if isinstance(seed, dict) else []:
        axes.bar(int(score) + 0.2, float(str(height)), 0.4, color=GRAY)
    axes.set_xticks(range(5))
    axes.set(xlabel="agreement", ylabel="share of positive studies", ylim=(0, 1))
    model = Patch(color=BLUE, label="this model, by the rubric")
    axes.legend(handles=[model, Patch(color=GRAY, label=f"{SEED_LABEL} (only 0 and 4)")])


def _volumes(axes: Axes, figures: Figures) -> None:
    pairs = _points(figures, "volume", "pairs_ml")
    means = [(true + said) / 2 for true, said in pairs]
    axes.plot(means, [said - true for true, said in pairs], "o", color=BLUE, markersize=3)
    bias = figure_at(figures, ("volume", "bias_ml"))
    limits = figure_at(figures, ("volume", "limits_ml"))
    for edge in [bias, *(limits if isinstance(limits, list) else [])]:
        if isinstance(edge, float):
            axes.axhline(edge, color=RED if edge == bias else GRAY, linestyle="--", linewidth=1)
    if means and min(means) > 0:
        axes.set_xscale("log")
    axes.set(xlabel="mean of said and true volume, ml", ylabel="said − true, ml")


def _free_response(axes: Axes, figures: Figures) -> None:
    points = _points(figures, "lesions", "free_response")
    if points:
        axes.step(*zip(*points, strict=True), "o-", where="post", color=BLUE, markersize=3)
    axes.set(xlabel="false lesions per study", ylabel="share of true lesions found", ylim=(0, 1.02))
    axes.set_xlim(left=0)


def _dice(axes: Axes, figures: Figures) -> None:
    counts = figure_at(figures, ("mask", "slice_dice_histogram"))
    heights = [float(str(count)) for count in counts] if isinstance(counts, list) else []
    edges = [index / DICE_BINS for index in range(len(heights))]
    axes.bar(edges, heights, 1 / DICE_BINS, align="edge", color=BLUE, edgecolor="white")
    for path, color, label in (
        (("mask", "slice_dice"), GREEN, "mean"),
        (("floors", "hu_threshold_slice_dice"), RED, "mean of a HU threshold"),
    ):
        value = figure_at(figures, path)
        if isinstance(value, float):
            axes.axvline(value, color=color, linestyle="--", label=f"{label} {value}")
    axes.set(xlabel="Dice", ylabel="slices", xlim=(0, 1))
    if axes.get_legend_handles_labels()[0]:
        axes.legend()


def _confusion(axes: Axes, figures: Figures) -> None:
    columns = [*(kind.value for kind in KINDS), "not_outlined"]
    table = [[_ml(figures, kind.value, column) for column in columns] for kind in KINDS]
    shares = [[ml / (sum(row) or 1.0) for ml in row] for row in table]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, amounts in enumerate(table):
        for column, ml in enumerate(amounts):
            color = "white" if shares[row][column] > 1 / 2 else "black"
            axes.text(column, row, f"{ml:.0f}", ha="center", va="center", color=color)
    axes.grid(visible=False)
    axes.set_xticks(range(len(columns)), [name.replace("_", "\n") for name in columns])
    axes.set_yticks(range(len(KINDS)), [kind.value for kind in KINDS])
    axes.set(xlabel="given, ml", ylabel="true")


def _frame(axes: Axes, across: str, up: str) -> None:
    axes.set(xlabel=across, ylabel=up, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower right")


def _points(figures: Figures, *path: str) -> list[tuple[float, float]]:
    points = figure_at(figures, path)
    pairs = points if isinstance(points, list) else []
    return [(float(str(p[0])), float(str(p[1]))) for p in pairs if isinstance(p, list)]


def _ml(figures: Figures, kind: str, column: str) -> float:
    value = figure_at(figures, ("kind_confusion_ml", kind, column))
    return float(value) if isinstance(value, float | int) else 0.0
