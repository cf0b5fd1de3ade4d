"""Networks that name places become part of a bundle."""

import json
import shutil
from pathlib import Path
from typing import Final

from ml.bundle import MANIFEST_FILE, PlaceFile, PlaceRule, load_bundle, sha256_of
from ml.evaluation.card import PLACES_FILE
from ml.evaluation.estimates import Figures
from ml.scoring import Calibration

FIGURES_FILE: Final = PLACES_FILE
TRAINED_ON: Final = (
    "the patients of the bundle's own training set, each registered to an atlas that does not "
    "ship; real outlines, and bleeds painted into the heads without blood"
)


def network_path(folder: Path, fold: int) -> Path:
    """Return where the network lies that never saw a fold."""
    return folder / f"places-{fold}.safetensors"


def attach_places(networks: Path, bundle_folder: Path) -> None:
    """Copy the networks of all folds and their figures into a bundle, and say so in its manifest.

    Parameters
    ----------
    networks
        Folder of what ``train-places`` and ``places-figures`` wrote.
    bundle_folder
        A whole bundle; networks that it had before are replaced.
    """
    figures = json.loads((networks / FIGURES_FILE).read_text())
    files = []
    for path in sorted(networks.glob("places-*.safetensors")):
        target = bundle_folder / path.name
        shutil.copyfile(path, target)
        fold = int(path.stem.removeprefix("places-"))
        files.append(
            PlaceFile(
                file=path.name,
                sha256=sha256_of(target),
                size_bytes=target.stat().st_size,
                held_out_fold=fold,
            )
        )
    curve = figures["calibration"]
    rule = PlaceRule(
        files=tuple(files),
        calibration=Calibration(curve["intercept"], tuple(curve["slopes"])),
        trained_on=TRAINED_ON,
    )
    shutil.copyfile(networks / FIGURES_FILE, bundle_folder / FIGURES_FILE)
    manifest = json.loads((bundle_folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    manifest["places"] = json.loads(rule.model_dump_json())
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    (bundle_folder / MANIFEST_FILE).write_text(text + "\n", encoding="utf-8")
    load_bundle(bundle_folder)


def add_figures(bundle_folder: Path, name: str, figures: Figures) -> None:
    """Keep more figures beside those of a bundle's networks of places."""
    path = bundle_folder / FIGURES_FILE
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps({**known, name: figures}, indent=1) + "\n", encoding="utf-8")
