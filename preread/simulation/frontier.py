"""What promoting less, or more, costs and brings: ``python -m preread.simulation.frontier``.

Each variant of the promotions runs on the same studies. Seeds on which a variant is chosen must not
be those on which it is reported, so the first seed is an argument.
"""

import argparse
import io
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from preread.notice import NOTICE, SHORT_NOTICE
from preread.policy import DEFAULT_POLICY, Promotion, overtaking_bound_min
from preread.printing import say
from preread.simulation.experiment import Drawn, run_experiment
from preread.simulation.figures import BLEEDS, MISSED, SAID_NONE, Estimate, ratio
from preread.simulation.goals import LEAST_FALL, MOST_BREACH, MOST_DELAY
from preread.simulation.policies import REFERENCE, Name
from preread.simulation.scenario import SHIPPED, Targets, answering_after
from preread.simulation.trace import ORDERS
from preread.terms import Level

OUT: Final = Path("var") / "simulation"
DELAY_MIN: Final = 0.1
"""From completeness to the result, as ``python -m benchmarks answer`` measures it: 2.5 s alone,
20 s for the last of eight at once."""

_SHIPPED: Final = DEFAULT_POLICY.promotions
_FLAGGED_ONLY: Final[Mapping[Level, Promotion]] = {
    k: v for k, v in _SHIPPED.items() if k is not Level.INDETERMINATE
}

VARIANTS: Final[Mapping[str, Mapping[Level, Promotion]]] = MappingProxyType(
    {
        "shipped": _SHIPPED,
        "indeterminate within 240 min": {**_SHIPPED, Level.INDETERMINATE: Promotion(240, 0)},
        "indeterminate not promoted": _FLAGGED_ONLY,
        "the same, suspected 20 min, head start 20": {
            **_FLAGGED_ONLY,
            Level.SUSPECTED: Promotion(20, 20),
        },
        "the same, suspected 60 min, no head start": {
            **_FLAGGED_ONLY,
            Level.SUSPECTED: Promotion(60, 0),
        },
        "the same, head starts 120": {
            Level.CRITICAL: Promotion(10, 120),
            Level.SUSPECTED: Promotion(20, 120),
        },
    }
)


@dataclass(frozen=True, slots=True)
class Point:
    """What one variant does; waits are ratios to those without an AI.

    Attributes
    ----------
    breach
        Largest share of an order class that waits beyond its target.
    bound_min
        After how many minutes nothing passes a STAT study.
    """

    name: str
    bleeds: Estimate
    missed: Estimate
    said_none: Estimate
    breach: float
    bound_min: int
    past_bound: int

    @property
    def reached(self) -> bool:
        """Whether all goals on waits are reached, judged by the means."""
        return (
            self.bleeds.mean <= 1 - LEAST_FALL
            and max(self.missed.mean, self.said_none.mean) <= MOST_DELAY
            and self.breach <= MOST_BREACH
            and self.past_bound == 0
        )


def frontier(
    base: str, seeds: Sequence[int], *, studies: int, delay_min: float, processes: int = 1
) -> list[Point]:
    """Return one point for each variant, on the studies of a shipped scenario."""
    shipped = answering_after(SHIPPED[base], delay_min)
    points = []
    for name, promotions in VARIANTS.items():
        targets = Targets(promotions=dict(promotions))
        scenario = shipped.model_copy(update={"targets": targets})
        found = run_experiment(
            Drawn(scenario, studies), (REFERENCE, Name.PROPOSED), seeds, processes=processes
        )
        runs, reference = found.runs[Name.PROPOSED], found.runs[REFERENCE]
        breach = [sum(run.breach[order] for run in runs) / len(runs) for order in ORDERS]
        points.append(
            Point(
                name,
                bleeds=ratio(runs, reference, BLEEDS),
                missed=ratio(runs, reference, MISSED),
                said_none=ratio(runs, reference, SAID_NONE),
                breach=max(breach),
                bound_min=overtaking_bound_min(targets.policy(), ORDERS[0]),
                past_bound=sum(run.violations for run in runs),
            )
        )
    return points


def frontier_text(points: Sequence[Point]) -> str:
    """Return the points as a Markdown table."""
    heads = (
        *("promotions", "all bleeds", "bleeds not flagged", "bleeds called none"),
        *("most past target", "bound, STAT", "past the bound", "all goals"),
    )
    rows = [
        (
            *(point.name, _gain(point.bleeds), _times(point.missed), _times(point.said_none)),
            *(f"{100 * point.breach:.1f} %", f"{point.bound_min} min", str(point.past_bound)),
            "yes" if point.reached else "**no**",
        )
        for point in points
    ]
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def draw_frontier(points: Mapping[str, Sequence[Point]]) -> str:
    """Return the picture, gain against price of each scenario's variants, as an SVG document."""
    import matplotlib as mpl  # noqa: PLC0415 - only the picture needs it
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context({"svg.fonttype": "none", "font.size": 9, "svg.hashsalt": "frontier"}):
        figure = Figure((9.0, 4.2), layout="constrained")
        for axes, (scenario, of_scenario) in zip(
            figure.subplots(1, len(points), sharey=True, squeeze=False)[0],
            points.items(),
            strict=True,
        ):
            for number, point in enumerate(of_scenario, start=1):
                gain = 100 * (1 - point.bleeds.mean)
                mark = "o" if point.reached else "x"
                axes.errorbar(
                    *(gain, point.said_none.mean),
                    xerr=100 * _half(point.bleeds),
                    yerr=_half(point.said_none),
                    fmt=mark,
                    capsize=2,
                    label=f"{number} {point.name}",
                )
                axes.annotate(
                    str(number), (gain, point.said_none.mean), (4, 4), textcoords="offset points"
                )
            axes.axhline(MOST_DELAY, color="black", linestyle=":", linewidth=1)
            axes.axvline(100 * LEAST_FALL, color="black", linestyle=":", linewidth=1)
            axes.set(title=scenario, xlabel="bleeds wait less, %")
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), fontsize=7)
        figure.supylabel("wait of bleeds called none / without AI", fontsize=9)
        figure.suptitle(f"○ all goals reached, × not. {SHORT_NOTICE}", fontsize=9)
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=nothing)
    return f"<svg{buffer.getvalue().partition('<svg')[2]}"


def main(words: Sequence[str] | None = None) -> int:
    """Compare variants of the promotions on the scenarios ``busy`` and ``ctich``."""
    parser = argparse.ArgumentParser(prog="python -m preread.simulation.frontier")
    parser.add_argument("--seeds", type=int, default=40, help="runs of each variant; 40")
    parser.add_argument("--first-seed", type=int, default=0, help="0")
    parser.add_argument("--studies", type=int, default=40_000, help="of one run; 40000")
    parser.add_argument("--delay-min", type=float, default=DELAY_MIN, help=f"{DELAY_MIN}")
    parser.add_argument("--processes", type=int, default=1, help="runs at a time; 1")
    parser.add_argument("--out", type=Path, default=OUT, help=f"folder; {OUT}")
    given = parser.parse_args(words)
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    said = {"studies": given.studies, "delay_min": given.delay_min, "processes": given.processes}
    points = {base: frontier(base, seeds, **said) for base in ("busy", "ctich")}
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "frontier.svg").write_text(draw_frontier(points), encoding="utf-8")
    for base, of_base in points.items():
        say(f"{SHIPPED[base].title}\n\n{frontier_text(of_base)}\n")
    say(NOTICE)
    return 0


def _half(value: Estimate) -> float:
    return 0.0 if value.high is None else value.high - value.mean


def _gain(value: Estimate) -> str:
    if value.low is None or value.high is None:
        return f"−{100 * (1 - value.mean):.1f} %"
    falls = (100 * (1 - value.mean), 100 * (1 - value.high), 100 * (1 - value.low))
    return "−{:.1f} % ({:.1f} to {:.1f})".format(*falls)


def _times(value: Estimate) -> str:
    if value.low is None or value.high is None:
        return f"× {value.mean:.2f}"
    return f"× {value.mean:.2f} ({value.low:.2f} to {value.high:.2f})"


if __name__ == "__main__":
    sys.exit(main())
