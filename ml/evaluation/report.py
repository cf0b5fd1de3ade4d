"""The report: one JSON of figures without names, and one HTML file that needs nothing beside it."""

import base64
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import jinja2
from pydantic import JsonValue

from ml.bundle import Bundle
from ml.evaluation.estimates import ROUNDS, Figures
from ml.evaluation.figures import report_figures
from ml.evaluation.gallery import Exhibit, failure_of, study_dice
from ml.evaluation.plots import draw_plots
from ml.evaluation.results import Outcome, StudyResult, UnreadStudy
from preread import __version__
from preread.notice import NOTICE
from preread.rubric import rubric_text
from preread.terms import KINDS

REPORT_FILE: Final = "report.json"
PAGE_FILE: Final = "report.html"
TEMPLATES: Final = Path(__file__).parent / "templates"


def make_report(
    outcomes: Sequence[Outcome],
    bundle: Bundle,
    *,
    source: str,
    day: date,
    rounds: int = ROUNDS,
) -> Figures:
    """Compute the report of some outcomes.

    Parameters
    ----------
    outcomes
        Of one source.
    bundle
        That was judged.
    source
        What the studies are; never a path.
    day
        Of the evaluation.
    rounds
        Of the bootstrap.

    Returns
    -------
    dict
        JSON values: what was judged on what, then the figures. No study's name is in it.
    """
    manifest = bundle.manifest
    return {
        "bundle": {
            "name": manifest.name,
            "version": manifest.version,
            "identity": manifest.identity,
        },
        "source": source,
        "evaluated_on": day.isoformat(),
        "code_version": __version__,
        **report_figures(outcomes, rounds),
    }


def write_report(report: Figures, path: Path) -> None:
    """Write the figures; keys keep their order."""
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def render_page(
    report: Figures, outcomes: Sequence[Outcome], exhibits: Sequence[Exhibit] = ()
) -> str:
    """Return the report as one HTML file.

    Parameters
    ----------
    report
        Of ``make_report``.
    outcomes
        For the table of every study, by name.
    exhibits
        Pictures of failures; they show patients.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "base64": lambda content: base64.b64encode(content).decode(),
        "counted": counted,
        "dice": study_dice,
        "failure": _failure_words,
        "figure": figure,
        "found": found,
        "interval": interval,
        "spared": spared,
        "truth": _truth_words,
        "words": lambda text: text.replace("_", " "),
    }
    return environment.get_template(PAGE_FILE).render(
        report=report,
        notice=NOTICE,
        plots=draw_plots(report),
        rubric=rubric_text(),
        exhibits=exhibits,
        results=[one for one in outcomes if isinstance(one, StudyResult)],
        unread=[one for one in outcomes if isinstance(one, UnreadStudy)],
    )


def figure(value: JsonValue) -> str:
    """Return a figure for reading, a dash where there is none.

    Examples
    --------
    >>> figure(0.5), figure(12.3456), figure(None)
    ('0.500', '12.3', '–')
    """
    if not isinstance(value, float | int):
        return "–"
    return f"{value:.3f}" if abs(value) < 1 or abs(value) == 1.0 else f"{value:.1f}"


def interval(edges: JsonValue) -> str:
    """Return an interval for reading, nothing where it is not known.

    Examples
    --------
    >>> interval([0.8051, 0.948]), interval([-12.34, 3.2]), interval([None, None])
    ('(0.81 to 0.95)', '(-12.3 to 3.2)', '')
    """
    if not isinstance(edges, list) or not all(isinstance(edge, float | int) for edge in edges):
        return ""
    low, high = (float(str(edge)) for edge in edges)
    digits = 2 if max(abs(low), abs(high)) <= 1 else 1
    return f"({low:.{digits}f} to {high:.{digits}f})"


def counted(one: Figures) -> str:
    """Return a share with its count and interval.

    Examples
    --------
    >>> counted({"share": 0.8, "count": "8/10", "interval": [0.49, 0.943]})
    '0.800 (8/10; 0.49 to 0.94)'
    """
    inside = "; ".join(filter(None, (str(one["count"]), interval(one["interval"])[1:-1])))
    return f"{figure(one['share'])} ({inside})"


def found(one: Figures) -> str:
    """Return the sensitivity of a decision with its count and interval."""
    return _decided(one, "sensitivity")


def spared(one: Figures) -> str:
    """Return the specificity of a decision with its count and interval."""
    return _decided(one, "specificity")


def _decided(one: Figures, name: str) -> str:
    return counted(
        {"share": one[name], "count": one[f"{name}_count"], "interval": one[f"{name}_interval"]}
    )


def _truth_words(one: StudyResult) -> str:
    present = [
        kind.value for kind, is_ in zip(KINDS, one.truth.study_kinds, strict=True) if is_ > 0
    ]
    if one.bleeds is None:
        return "unknown"
    return " ".join(present) or ("bleeds" if one.bleeds else "quiet")


def _failure_words(one: StudyResult) -> str:
    failure = failure_of(one)
    return "" if failure is None else failure.value.replace("_", " ")
