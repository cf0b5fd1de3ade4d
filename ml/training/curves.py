"""The curves of a run: every term of the loss against the step, drawn from the run's log."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

# Keys of a line of the log that are no term of the loss.
NOT_LOSSES: Final = frozenset({"step", "share", "size", "cpu_s"})


def draw_curves(run: Path) -> Path | None:
    """Draw ``log.jsonl`` of a run's folder as ``curves.svg``.

    Parameters
    ----------
    run
        The folder; each line of its log holds the mean of each term since the line before.

    Returns
    -------
    Path or None
        The picture; None while the log is empty.
    """
    log = run / "log.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    if not lines:
        return None
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    steps = [line["step"] for line in lines]
    for name in (key for key in lines[0] if key not in NOT_LOSSES):
        axes.plot(steps, [line[name] for line in lines], label=name)
    for before, after in pairwise(lines):
        if before["size"] != after["size"]:
            axes.axvline(after["step"], color="0.8", linewidth=1)
            axes.annotate(f" {after['size']} px", (after["step"], axes.get_ylim()[1]), va="top")
    axes.set(xlabel="step", ylabel="loss", yscale="log", title=run.name)
    axes.legend()
    target = run / "curves.svg"
    figure.savefig(target)
    return target
