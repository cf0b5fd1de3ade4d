"""The model card: written from the bundle's manifest and the report beside its weights, never by hand.

After the Applied Model Card of the Coalition for Health AI (CHAI). Words that no figure
decides stand in the template; every figure and every weakness that shows in figures comes
from the report.
"""

import json
from pathlib import Path
from typing import Final

import jinja2
from pydantic import JsonValue

from ml.bundle import Bundle, load_bundle
from ml.evaluation.estimates import Figures
from ml.evaluation.report import REPORT_FILE, TEMPLATES, counted, figure, found, interval, spared
from preread import __version__
from preread.errors import InvalidBundle
from preread.notice import NOTICE

TEMPLATE: Final = "model-card.md"
# Beside the weights; written by ``ml.training.placing``.
PLACES_FILE: Final = "places.json"


def write_card(folder: Path, target: Path) -> None:
    """Write the card of a bundle that has a report.

    Raises
    ------
    InvalidBundle
        If the bundle is not whole, has no report, or the report is of other weights.
    """
    bundle = load_bundle(folder)
    card = make_card(bundle, read_report(folder, bundle), read_places(folder, bundle))
    target.write_text(card, encoding="utf-8")


def read_report(folder: Path, bundle: Bundle) -> Figures:
    """Read the report beside the weights and check that it is theirs.

    Raises
    ------
    InvalidBundle
        If it is missing, malformed, or of other weights.
    """
    name = bundle.manifest.name
    try:
        report: JsonValue = json.loads((folder / REPORT_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InvalidBundle(f"bundle {name}: there is no {REPORT_FILE}") from error
    except json.JSONDecodeError as error:
        raise InvalidBundle(f"bundle {name}: {REPORT_FILE} is malformed") from error
    judged = report.get("bundle") if isinstance(report, dict) else None
    if not isinstance(report, dict) or not isinstance(judged, dict):
        raise InvalidBundle(f"bundle {name}: {REPORT_FILE} is malformed")
    if judged.get("identity") != bundle.manifest.identity:
        raise InvalidBundle(f"bundle {name}: {REPORT_FILE} is of other weights")
    return report


def read_places(folder: Path, bundle: Bundle) -> Figures | None:
    """Read the figures of the networks that name places; None where the bundle has none.

    Raises
    ------
    InvalidBundle
        If the bundle has such networks and their figures are missing or malformed.
    """
    if bundle.manifest.places is None:
        return None
    try:
        figures: JsonValue = json.loads((folder / PLACES_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError) as error:
        raise InvalidBundle(
            f"bundle {bundle.manifest.name}: no figures in {PLACES_FILE}"
        ) from error
    if not isinstance(figures, dict):
        raise InvalidBundle(f"bundle {bundle.manifest.name}: {PLACES_FILE} is malformed")
    return figures


def make_card(bundle: Bundle, report: Figures, places: Figures | None = None) -> str:
    """Return the card's Markdown.

    Parameters
    ----------
    bundle
        Says what the weights are.
    report
        Of ``ml.evaluation.report``.
    places
        Of ``python -m ml.training places-figures``; None where places are named by geometry.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown of our own figures, no page
    )
    environment.filters |= {
        "counted": counted,
        "figure": figure,
        "found": found,
        "interval": interval,
        "spared": spared,
    }
    described: Figures = json.loads(bundle.manifest.model_dump_json())
    return environment.get_template(TEMPLATE).render(
        manifest=described,
        report=report,
        places=places,
        notice=NOTICE,
        code_version=__version__,
    )
