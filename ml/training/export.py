"""Write the bundle: the networks of all folds, calibrated on patients they had not seen."""

import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from ml.bundle import MANIFEST_FILE, InputChannel, Manifest, Member, sha256_of
from ml.cascade import Cascade
from ml.slabs import TARGET_MM
from ml.training.calibrate import FittedRules
from ml.training.config import TrainingConfig
from ml.windows import CHANNELS
from preread import __version__
from preread.terms import KINDS

CITATIONS: Final = (
    (
        "Hssayeni M. Computed Tomography Images for Intracranial Hemorrhage Detection and "
        "Segmentation, version 1.0.0. PhysioNet, 2019. doi:10.13026/w8q8-ky94 (CC BY 4.0)."
    ),
    (
        "Hssayeni MD, Croock MS, Salman AD, Al-khafaji HF, Yahya ZA, Ghoraani B. Intracranial "
        "Hemorrhage Segmentation Using a Deep Convolutional Model. Data 2020;5(1):14."
    ),
    (
        "Goldberger AL, et al. PhysioBank, PhysioToolkit, and PhysioNet. Circulation "
        "2000;101(23):e215-e220."
    ),
    (
        "Sandler M, et al. MobileNetV2: Inverted Residuals and Linear Bottlenecks. CVPR 2018; "
        "encoder started from ImageNet weights of an Apache-2.0 release (google-coral/test_data)."
    ),
)
LICENSE: Final = (
    "Apache-2.0. Derived from CT-ICH v1.0.0 (CC BY 4.0): keep the citations with the weights."
)
# Out of fold, by the two networks a fold of ctich-mbv2-04, this dismisses 89 % of the slices without blood, and of one
# of 36 bleeding studies, of which the two see nothing as it is, every slice with blood.
CASCADE: Final = Cascade(screeners=2, least_any=0.1, least_pixel=0.1)
TRAINED_ON: Final = (
    "CT-ICH v1.0.0: 82 patients of one trauma center (36 with hemorrhage), rebuilt from 8-bit "
    "pictures, four fifths of them per member; ImageNet start; bleeds painted into the negative "
    "ones of the same patients as a quarter to a third of each batch, synthetic phantoms as an "
    "eighth; then taught on, half of the way, on the field around the skull"
)


@dataclass(frozen=True, slots=True)
class FoldNetwork:
    """safetensors of the network that was trained without a fold."""

    fold: int
    weights: Path


def export_bundle(
    networks: Sequence[FoldNetwork],
    target: Path,
    *,
    config: TrainingConfig,
    rules: FittedRules,
    training: dict[str, JsonValue],
) -> Manifest:
    """Write ``manifest.json`` and the weights of every member.

    Parameters
    ----------
    networks
        One per fold, or several: then the networks of a fold are judged together, and one of each
        fold, of the recipes in turn, reads new patients.
    target
        The bundle's folder.
    config
        How they were trained.
    rules
        Of every member and of the ensemble.
    training
        Anything worth keeping about the runs.

    Returns
    -------
    Manifest
        As written. It is a demonstrator until a report of an evaluation is adopted
        (``ml.evaluation.adopt``) that says otherwise.
    """
    target.mkdir(parents=True, exist_ok=True)
    named = _named(networks)
    reading = readers(named)
    members, held_back = (
        tuple(_member(named[name], target / name, rules) for name in names)
        for names in (reading, [name for name in named if name not in reading])
    )
    manifest = Manifest(
        schema_version="2.0",
        name=config.name,
        version="1",
        demonstrator=True,
        members=members,
        held_back=held_back,
        network=config.network,
        kinds=KINDS,
        channels=tuple(
            InputChannel(
                slice_offset=channel.offset,
                low_hu=channel.window.low_hu,
                high_hu=channel.window.high_hu,
            )
            for channel in CHANNELS
        ),
        slab_mm=TARGET_MM,
        rules=rules.ensemble,
        trained_on=TRAINED_ON,
        training={"config": json.loads(config.model_dump_json()), **training},
        evaluation={},
        license=LICENSE,
        citations=CITATIONS,
        code_version=__version__,
        cascade=CASCADE if len(members) > CASCADE.screeners else None,
        field=config.field,
    )
    text = json.dumps(json.loads(manifest.model_dump_json()), indent=2, ensure_ascii=False)
    (target / MANIFEST_FILE).write_text(text + "\n", encoding="utf-8")
    return manifest


def _named(networks: Sequence[FoldNetwork]) -> dict[str, FoldNetwork]:
    """Return the networks by the name of their file."""
    seen: Counter[int] = Counter()
    named = {}
    for one in networks:
        seen[one.fold] += 1
        further = "" if seen[one.fold] == 1 else f"-{seen[one.fold]}"
        named[f"fold-{one.fold}{further}.safetensors"] = one
    return named


def readers(named: Mapping[str, FoldNetwork]) -> list[str]:
    """Return who reads new patients: one network of each fold, of the recipes in turn.

    Parameters
    ----------
    named
        By file; those of one fold in the order of their recipes.

    Examples
    --------
    >>> files = {f"{n}{more}": FoldNetwork(n, Path()) for more in ("", "-2") for n in (1, 2, 3)}
    >>> readers(files)
    ['1', '2-2', '3']
    """
    folds = sorted({one.fold for one in named.values()})
    chosen = []
    for turn, fold in enumerate(folds):
        own = [name for name, one in named.items() if one.fold == fold]
        chosen.append(own[turn % len(own)])
    return chosen


def _member(network: FoldNetwork, path: Path, rules: FittedRules) -> Member:
    """Copy one network beside the manifest."""
    shutil.copyfile(network.weights, path)
    return Member(
        file=path.name,
        sha256=sha256_of(path),
        size_bytes=path.stat().st_size,
        held_out_fold=network.fold,
        rules=rules.members[network.fold],
    )


def steps_of(run: Path) -> int:
    """Return the last step that the run's log names."""
    lines = (run / "log.jsonl").read_text().splitlines()
    return max(int(json.loads(line)["step"]) for line in lines)
