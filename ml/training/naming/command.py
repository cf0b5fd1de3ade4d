"""The step ``fit-naming`` of the recipe: rules by which a bundle names kinds, and how well they do.

It reads what ``predict`` kept with the rules and networks of places that the bundle has, so it
comes after ``export`` and ``attach-places``, and again whenever one of them was run anew.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from ml.bundle import MANIFEST_FILE, Bundle, NamingRule, load_bundle
from ml.evaluation.estimates import Bootstrap, Figures
from ml.training.naming.figures import naming_figures
from ml.training.naming.fit import fit_naming
from ml.training.naming.studies import SeenStudy, read_bleeding
from ml.training.placing.attach import add_figures


def add_step(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the step to the command line of ``ml.training``."""
    step = steps.add_parser("fit-naming", help="rules by which kinds are named, into a bundle")
    step.set_defaults(step=_fit)
    step.add_argument("--prepared", type=Path, required=True)
    step.add_argument("--predictions", type=Path, required=True)
    step.add_argument("--bundle", type=Path, required=True, help="folder to add them to")


def _fit(arguments: argparse.Namespace) -> None:
    bundle = load_bundle(arguments.bundle)
    studies = read_bleeding(arguments.prepared, arguments.predictions, bundle)
    rules = {
        member.held_out_fold: member.rules
        for member in bundle.manifest.networks
        if member.held_out_fold is not None
    }
    figures = naming_figures(studies, rules, Bootstrap())
    write_naming(arguments.bundle, bundle, studies, figures)
    print(json.dumps(figures, indent=1))


def write_naming(folder: Path, bundle: Bundle, studies: list[SeenStudy], figures: Figures) -> None:
    """Fit the rule of each member without its fold and the ensemble's to all; keep the figures.

    Parameters
    ----------
    folder, bundle
        The same bundle.
    studies
        Bleeding ones, of several folds.
    figures
        Go into the bundle's figures of places, under ``naming``.
    """
    path = folder / MANIFEST_FILE
    manifest = json.loads(path.read_text(encoding="utf-8"))
    # Several members may have been kept from the same fold, by the same rules.
    fitted: dict[int | None, dict[str, Any]] = {}
    written = [*manifest["members"], *manifest.get("held_back", [])]
    for member, kept in zip(bundle.manifest.networks, written, strict=True):
        fold = member.held_out_fold
        if fold not in fitted:
            others = [one for one in studies if one.fold != fold]
            fitted[fold] = _plain(fit_naming(others, member.rules))
        kept["rules"]["naming"] = fitted[fold]
    manifest["rules"]["naming"] = _plain(fit_naming(studies, bundle.manifest.rules))
    path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    add_figures(folder, "naming", figures)
    load_bundle(folder)


def _plain(rule: NamingRule) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(rule.model_dump_json())
    return plain
