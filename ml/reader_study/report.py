"""The report of a reading study: figures as JSON, readings as CSV, and one HTML file with charts."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import jinja2

from ml.evaluation.estimates import Figures
from ml.evaluation.report import PAGE_FILE, REPORT_FILE, counted, figure, interval
from ml.reader_study.charts import draw_charts
from ml.reader_study.figures import SCORES, combination, study_figures
from ml.reader_study.readings import Reading, gather_readings
from ml.reader_study.truth import Truth
from preread import __version__
from preread.errors import SettingsInvalid
from preread.notice import NOTICE
from preread.reader_study.cases import StudyFolder
from preread.reader_study.journal import read_events
from preread.rubric import rubric_text

READINGS_FILE: Final = "readings.csv"
TEMPLATES: Final = Path(__file__).parent / "templates"
COLUMNS: Final = (
    *("reader", "case", "pre_read_id", "revision", "blinded", "score", "verdict", "fp_cause"),
    *("reader_types", "reader_locations", "first_read_types", "first_read_locations"),
    *("pre_read_types", "labeled_types", "computed_score", "computed_score_by_labels"),
    *("first_read_seconds", "read_seconds", "server_seconds", "revised", "answered_at", "comment"),
)


def write_report(folder: StudyFolder, truth: dict[int, Truth]) -> Path:
    """Write the report of what was answered so far and return its HTML file.

    Parameters
    ----------
    folder
        The study.
    truth
        The labels by case, where there are any.

    Raises
    ------
    SettingsInvalid
        If nobody has scored a case yet.
    """
    plan = folder.plan()
    numbers = folder.numbers()
    facts = [folder.facts(number) for number in numbers]
    documents = {one.number: folder.pre_read(one.number) for one in facts if one.is_read}
    readings = gather_readings(read_events(folder.answers_path), documents, truth)
    if not readings:
        message = f"{folder.path} holds no score yet"
        raise SettingsInvalid(message)
    models = sorted(
        {f"{one.model.name} {one.model.version}" for one in documents.values() if one.model}
    )
    report: Figures = {
        "code_version": __version__,
        "models": list(models),
        "seed": plan.seed,
        "first_read": plan.first_read,
        "synthetic_cases": sum(one.synthetic for one in facts),
        "prepared_cases": len(documents),
        "not_assessed": {
            str(one.number): one.reason.value for one in facts if one.reason is not None
        },
        **study_figures(readings),
    }
    target = folder.report_path
    target.mkdir(exist_ok=True)
    text = json.dumps(report, indent=2, ensure_ascii=False)
    (target / REPORT_FILE).write_text(text + "\n", encoding="utf-8")
    (target / READINGS_FILE).write_text(readings_csv(readings), encoding="utf-8")
    page = target / PAGE_FILE
    page.write_text(render_page(report), encoding="utf-8")
    return page


def render_page(report: Figures) -> str:
    """Return the report as one HTML file that needs nothing beside it."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"counted": counted, "figure": figure, "interval": interval}
    return environment.get_template(PAGE_FILE).render(
        report=report,
        notice=NOTICE,
        charts=draw_charts(report),
        rubric=rubric_text(),
        scores=SCORES,
    )


def readings_csv(readings: Sequence[Reading]) -> str:
    """Return one line per reader and case; fields are named as those of a reader's feedback."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(_row, readings))
    return buffer.getvalue()


def _row(one: Reading) -> tuple[object, ...]:
    scored, first = one.scored, one.first_read
    return (
        *(scored.reader, scored.case, scored.pre_read_id, scored.revision, scored.blinded),
        *(_text(scored.score), scored.verdict.value),
        scored.fp_cause.value if scored.fp_cause else "",
        combination(scored.types),
        "; ".join(bleed.words for bleed in scored.named),
        "" if first is None else combination(first.types),
        "" if first is None else "; ".join(bleed.words for bleed in first.named),
        combination(one.said),
        "" if one.labeled is None else combination(one.labeled),
        *(_text(one.computed), _text(one.computed_by_labels)),
        "" if first is None else first.read_ms / 1000,
        *(scored.read_ms / 1000, scored.server_ms / 1000, one.revised, scored.at.isoformat()),
        _no_formula(scored.comment),
    )


def _text(value: int | None) -> str:
    return "" if value is None else str(value)


def _no_formula(comment: str) -> str:
    """Keep a spreadsheet from taking a comment for a formula."""
    return f"'{comment}" if comment[:1] in {"=", "+", "-", "@"} else comment
