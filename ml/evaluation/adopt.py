"""Keep a report beside the weights that it judges, and let the manifest say what they are worth."""

import json
from pathlib import Path

from ml.bundle import MANIFEST_FILE, load_bundle
from ml.evaluation.card import read_report
from ml.evaluation.estimates import Figures
from ml.evaluation.floors import IMAGENET_FLOOR
from ml.evaluation.goals import figure_at
from ml.evaluation.report import REPORT_FILE, write_report


class NoEvidence(Exception):
    """The report judges studies that the networks were trained on."""


def adopt_report(folder: Path, bundle_folder: Path) -> None:
    """Copy a report into a bundle; the manifest's ``demonstrator`` and ``evaluation`` follow it.

    Parameters
    ----------
    folder
        Of an evaluation of these weights.
    bundle_folder
        Receives ``report.json``; its manifest is written anew, the weights stay.

    Raises
    ------
    InvalidBundle
        If the bundle is not whole, or the report is missing, malformed or of other weights.
    NoEvidence
        If any study was read by a network that was trained on it.
    """
    bundle = load_bundle(bundle_folder)
    report = read_report(folder, bundle)
    if figure_at(report, ("studies_by_basis", "in_sample")) != 0:
        raise NoEvidence("a report in sample says nothing of the weights and is not kept with them")
    write_report(report, bundle_folder / REPORT_FILE)
    changed = {"demonstrator": not clears_floor(report), "evaluation": headline(report)}
    manifest = bundle.manifest.model_copy(update=changed)
    text = json.dumps(json.loads(manifest.model_dump_json()), indent=2, ensure_ascii=False)
    (bundle_folder / MANIFEST_FILE).write_text(f"{text}\n", encoding="utf-8")


def clears_floor(report: Figures) -> bool:
    """Whether the study AUC is above that of a linear probe on ImageNet features."""
    area = figure_at(report, ("study_any", "auc"))
    return isinstance(area, float) and area > IMAGENET_FLOOR


def headline(report: Figures) -> Figures:
    """Return what a manifest says of its evaluation; everything else is in the report."""
    return {
        "report": REPORT_FILE,
        **{name: report[name] for name in ("basis", "source", "evaluated_on", "patients")},
        "study_any": {name: figure_at(report, ("study_any", name)) for name in ("auc", "interval")},
    }
