"""The picture of an experiment: who waits how long, whose target is missed, who is passed."""

import io
import statistics
from collections.abc import Sequence
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from preread.notice import SHORT_NOTICE
from preread.policy import overtaking_bound_min
from preread.simulation.experiment import Experiment
from preread.simulation.figures import (
    BLEEDS,
    FOUND,
    MISSED,
    UNFLAGGED,
    RunFigures,
    estimate,
    mean_waits,
)
from preread.simulation.policies import WORDS
from preread.simulation.trace import ORDERS
from preread.terms import OrderClass

INCHES: Final = (11.0, 4.6)
# Told apart by shape as well as by color.
GROUP_MARKS: Final = {
    FOUND: ("bleeds flagged", "^", "#b3261e"),
    BLEEDS: ("all bleeds", "o", "#1f5fa8"),
    MISSED: ("bleeds missed", "s", "#c8641e"),
    UNFLAGGED: ("clear, not flagged", "x", "#888888"),
}
ORDER_COLORS: Final = {
    OrderClass.STAT: "#b3261e",
    OrderClass.ER: "#c8641e",
    OrderClass.INPATIENT: "#1f5fa8",
    OrderClass.ROUTINE: "#888888",
}
# Text stays text, so that the file is small and can be searched.
STYLE: Final = {"svg.fonttype": "none", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}
MINUTES: Final = (1, 3, 10, 30, 100, 300, 1000)
_BAR: Final = 0.2


def draw_experiment(experiment: Experiment) -> str:
    """Return the picture as an SVG document; the same figures give the same bytes."""
    with mpl.rc_context({**STYLE, "svg.hashsalt": experiment.scenario.name}):  # type: ignore[dict-item]
        figure = Figure(INCHES, layout="constrained")
        waits, breaches, passed = figure.subplots(1, 3, sharey=True)
        _waits(waits, experiment)
        _breaches(breaches, experiment)
        _passed(passed, experiment)
        waits.set_yticks(range(len(experiment.runs)), [WORDS[name] for name in experiment.runs])
        waits.invert_yaxis()
        runs = f"{len(experiment.seeds)} × {experiment.studies} studies"
        figure.suptitle(
            f"{experiment.scenario.name}: {experiment.scenario.title}; {runs}. {SHORT_NOTICE}",
            fontsize=9,
        )
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=nothing)
    return f"<svg{buffer.getvalue().partition('<svg')[2]}"  # without the address of a document type


def _waits(axes: Axes, experiment: Experiment) -> None:
    for group, (label, mark, color) in GROUP_MARKS.items():
        for row, runs in enumerate(experiment.runs.values()):
            means = mean_waits(runs, group)
            if not means:
                continue
            value = estimate(means)
            if value.low is not None and value.high is not None:
                axes.plot(
                    [max(value.low, MINUTES[0] / 2), value.high],
                    [row, row],
                    color=color,
                    linewidth=1,
                )
            axes.plot(value.mean, row, mark, color=color, label=label if row == 0 else None)
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_xticks(MINUTES, [str(tick) for tick in MINUTES])
    axes.set(xlabel="mean wait, min (95 % interval)", xlim=(1, 1000))
    _legend(axes)


def _breaches(axes: Axes, experiment: Experiment) -> None:
    for place, order in enumerate(ORDERS):
        shares = [_mean_breach(runs, order) for runs in experiment.runs.values()]
        rows = [row + (place - 1.5) * _BAR for row in range(len(shares))]
        axes.barh(rows, shares, _BAR, color=ORDER_COLORS[order], label=order.value)
    axes.axvline(2, color="black", linestyle=":", linewidth=1)
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xticks([0, 1, 2, 5, 10, 20, 50], ["0", "1", "2", "5", "10", "20", "50"])
    axes.set(xlabel="waited beyond the order's target, %", xlim=(0, 60))
    _legend(axes)


def _passed(axes: Axes, experiment: Experiment) -> None:
    policy = experiment.scenario.targets.policy()
    for place, order in enumerate(ORDERS):
        bound_min = overtaking_bound_min(policy, order)
        leads = [
            max(run.lead_min.get(order, 0.0) for run in runs) / bound_min
            for runs in experiment.runs.values()
        ]
        rows = [row + (place - 1.5) * _BAR for row in range(len(leads))]
        axes.barh(rows, leads, _BAR, color=ORDER_COLORS[order])
    axes.axvline(1, color="black", linewidth=1.5)
    axes.set(xlabel="latest overtaker, share of the proven bound", xlim=(0, None))


def _legend(axes: Axes) -> None:
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, fontsize=8)


def _mean_breach(runs: Sequence[RunFigures], order: OrderClass) -> float:
    shares = [run.breach[order] for run in runs if order in run.breach]
    return 100 * statistics.fmean(shares) if shares else 0.0
