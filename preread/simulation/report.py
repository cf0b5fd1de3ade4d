"""The table of an experiment for people (Markdown) and for programs (JSON)."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from preread import __version__
from preread.notice import NOTICE
from preread.policy import overtaking_bound_min
from preread.simulation.experiment import Experiment
from preread.simulation.figures import (
    BLEEDS,
    CLEAR,
    FALSE_ALARMS,
    FOUND,
    GROUPS,
    MISSED,
    SAID_NONE,
    UNFLAGGED,
    Estimate,
    RunFigures,
    differences,
    estimate,
    mean_waits,
    ratio,
)
from preread.simulation.policies import REFERENCE, WORDS, Name
from preread.simulation.trace import ORDERS
from preread.terms import OrderClass

HEAD: Final = (
    "policy",
    "all bleeds",
    "bleeds flagged",
    "bleeds missed",
    "bleeds said none",
    "clear, not flagged",
    "clear ROUTINE",
    "breach % STAT/ER/INP/ROU",
    "latest overtaker, min STAT/ER/INP/ROU",
    "past the bound",
)
LEGEND: Final = (
    "Waits in minutes from completion to the begin of the read: mean / 95th percentile / longest. "
    "Missed are bleeds that were not flagged, indeterminate ones included. A breach is a wait "
    "beyond the target of the order class. Past the bound are studies that were passed by one "
    "that came later than `preread.ranking` allows. The first 5 % of each run are left out of "
    "the waits; brackets hold 95 % intervals over the runs."
)
_NOTHING: Final = "–"
_GROUP_WORDS: Final = {
    BLEEDS: "all bleeds",
    FOUND: "bleeds the AI flags",
    MISSED: "bleeds it does not flag",
    SAID_NONE: "bleeds it calls none",
    FALSE_ALARMS: "false alarms",
    UNFLAGGED: "clear studies without a flag",
}


def report_text(experiments: Sequence[Experiment], command: str) -> str:
    """Return the report as Markdown."""
    parts = [
        "# Simulated worklist",
        f"> {NOTICE}",
        f"`{command}`, version {__version__}. {LEGEND}",
    ]
    for experiment in experiments:
        parts += [_title(experiment), policy_table(experiment), *effect_lines(experiment)]
    return "\n\n".join(parts) + "\n"


def policy_table(experiment: Experiment) -> str:
    """Return the waits under every policy as a Markdown table."""
    rows = [HEAD, ("---",) * len(HEAD)]
    rows += [_row(name, runs) for name, runs in experiment.runs.items()]
    bounds = [_bound_min(experiment, order) for order in ORDERS]
    named = "bound of the shipped policy" if _is_shipped(experiment) else "bound of these targets"
    blank = ("",) * (len(HEAD) - 3)
    rows.append((named, *blank, "/".join(map(str, bounds)), "0"))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def effect_lines(experiment: Experiment) -> list[str]:
    """Return, for each proposed policy, what it gives and what it costs against no AI."""
    reference = experiment.runs.get(REFERENCE)
    lines = []
    for name in (Name.PROPOSED, Name.WITH_BREAKER):
        runs = experiment.runs.get(name)
        if reference is None or runs is None:
            continue
        trips = f"The breaker {_trips(runs)}." if name is Name.WITH_BREAKER else ""
        if trips and all(run.tripped_after is None for run in runs):
            lines.append(trips)
            continue
        effects = [
            f"- {words}: {_effect(runs, reference, group)}"
            for group, words in _GROUP_WORDS.items()
            if mean_waits(runs, group) and mean_waits(reference, group)
        ]
        title = f"**{WORDS[name]}**, against {WORDS[REFERENCE]}, mean waits. {trips}".rstrip()
        lines.append("\n".join([title, "", *effects]))
    return lines


def report_data(experiments: Sequence[Experiment], command: str) -> dict[str, Any]:
    """Return the report as what JSON can hold."""
    return {
        "notice": NOTICE,
        "version": __version__,
        "command": command,
        "unit": "minutes",
        "reference": REFERENCE.value,
        "scenarios": [_experiment_data(experiment) for experiment in experiments],
    }


def _experiment_data(experiment: Experiment) -> dict[str, Any]:
    reference = experiment.runs.get(REFERENCE)
    return {
        "parameters": experiment.scenario.model_dump(mode="json"),
        "policy_version": experiment.scenario.targets.policy().version,
        "studies": experiment.studies,
        "origin": experiment.origin,
        "seeds": list(experiment.seeds),
        "overtaking_bound_min": {order: _bound_min(experiment, order) for order in ORDERS},
        "policies": {
            name.value: {
                "waits": {g: _wait_data(runs, g) for g in GROUPS if mean_waits(runs, g)},
                "breach": {
                    order: asdict(estimate(shares))
                    for order in ORDERS
                    if (shares := _breaches(runs, order))
                },
                "latest_overtaker_min": {order: _lead_min(runs, order) for order in ORDERS},
                "past_the_bound": sum(run.violations for run in runs),
                "breaker_tripped_after": [run.tripped_after for run in runs],
                "against_reference": {
                    group: {
                        "ratio": _number(ratio(runs, reference, group)),
                        "difference": asdict(estimate(differences(runs, reference, group))),
                    }
                    for group in GROUPS
                    if reference is not None and differences(runs, reference, group)
                },
            }
            for name, runs in experiment.runs.items()
        },
    }


def _number(value: Estimate) -> dict[str, Any] | None:
    return None if math.isnan(value.mean) else asdict(value)


def _wait_data(runs: Sequence[RunFigures], group: str) -> dict[str, Any]:
    waits = [run.waits[group] for run in runs if group in run.waits]
    return {
        "mean": asdict(estimate([wait.mean_min for wait in waits])),
        "p95": asdict(estimate([wait.p95_min for wait in waits])),
        "max": max(wait.max_min for wait in waits),
        "studies": sum(wait.studies for wait in waits),
    }


def _title(experiment: Experiment) -> str:
    scenario = experiment.scenario
    readers = "1 reader" if scenario.readers == 1 else f"{scenario.readers} readers"
    runs = f"{len(experiment.seeds)} × {experiment.studies} studies {experiment.origin}"
    return f"## {scenario.name}: {scenario.title}\n\n{readers}; {runs}."


def _row(name: Name, runs: Sequence[RunFigures]) -> tuple[str, ...]:
    return (
        WORDS[name],
        *(_wait_text(runs, group) for group in (BLEEDS, FOUND, MISSED, SAID_NONE, UNFLAGGED)),
        _wait_text(runs, CLEAR[OrderClass.ROUTINE]),
        "/".join(_percent(_breaches(runs, order)) for order in ORDERS),
        "/".join(f"{_lead_min(runs, order):.0f}" for order in ORDERS),
        str(sum(run.violations for run in runs)),
    )


def _wait_text(runs: Sequence[RunFigures], group: str) -> str:
    waits = [run.waits[group] for run in runs if group in run.waits]
    if not waits:
        return _NOTHING
    mean = statistics.fmean(wait.mean_min for wait in waits)
    p95 = statistics.fmean(wait.p95_min for wait in waits)
    return f"{mean:.1f} / {p95:.0f} / {max(wait.max_min for wait in waits):.0f}"


def _effect(runs: Sequence[RunFigures], reference: Sequence[RunFigures], group: str) -> str:
    before = statistics.fmean(mean_waits(reference, group))
    after = statistics.fmean(mean_waits(runs, group))
    change = estimate(differences(runs, reference, group))
    times = ratio(runs, reference, group)
    return (
        f"{before:.1f} → {after:.1f}, "
        f"{_with_interval(change, '+.1f')} min, × {_with_interval(times, '.2f')}"
    )


def _trips(runs: Sequence[RunFigures]) -> str:
    tripped = [run.tripped_after for run in runs if run.tripped_after is not None]
    if not tripped:
        return f"never tripped in {len(runs)} runs"
    return (
        f"tripped in {len(tripped)} of {len(runs)} runs, "
        f"after {min(tripped)} to {max(tripped)} results"
    )


def _with_interval(value: Estimate, form: str) -> str:
    if math.isnan(value.mean):  # of a reference that never waited
        return _NOTHING
    text = f"{value.mean:{form}}".replace("-", "−")
    if value.low is None or value.high is None:
        return text
    return f"{text} ({value.low:{form}} to {value.high:{form}})".replace("-", "−")


def _breaches(runs: Sequence[RunFigures], order: OrderClass) -> list[float]:
    return [run.breach[order] for run in runs if order in run.breach]


def _percent(shares: Sequence[float]) -> str:
    return f"{100 * statistics.fmean(shares):.1f}" if shares else _NOTHING


def _lead_min(runs: Sequence[RunFigures], order: OrderClass) -> float:
    return max((run.lead_min.get(order, 0.0) for run in runs), default=0.0)


def _bound_min(experiment: Experiment, order: OrderClass) -> int:
    return overtaking_bound_min(experiment.scenario.targets.policy(), order)


def _is_shipped(experiment: Experiment) -> bool:
    return experiment.scenario.targets == type(experiment.scenario.targets)()
