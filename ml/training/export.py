"""Write the bundle: the networks of all folds, calibrated on patients they had not seen."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from ml.bundle import (
    CalibrationRule,
    InputChannel,
    Manifest,
    MaskRule,
    Member,
    OperatingRule,
    Rules,
    sha256_of,
)
from ml.slabs import TARGET_MM
from ml.training.config import TrainingConfig
from ml.training.evaluate import IMAGENET_FLOOR
from ml.training.evidence import LEAST_ML, MASK_THRESHOLDS, PatientEvidence
from ml.training.scorebook import RULE, Scorebook, fit_scorebook
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
TRAINED_ON: Final = (
    "CT-ICH v1.0.0: 82 patients of one trauma center (36 with hemorrhage), rebuilt from 8-bit "
    "pictures, four fifths of them per member; ImageNet start; bleeds painted into the negative "
    "ones of the same patients as a third of each batch, synthetic phantoms as an eighth"
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
    patients: list[PatientEvidence],
    figures: dict[str, JsonValue],
    training: dict[str, JsonValue],
) -> Manifest:
    """Write ``manifest.json`` and the weights of every member.

    Parameters
    ----------
    networks
        One per fold.
    target
        The bundle's folder.
    config
        How they were trained.
    patients
        Out-of-fold evidence: a member's rules are fitted without its fold, the ensemble's on all.
    figures
        The report of ``evaluate``.
    training
        Anything worth keeping about the runs.

    Returns
    -------
    Manifest
        As written. ``demonstrator`` is set when the study AUC, out of fold, does not clear
        the ImageNet probe.
    """
    target.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(
        schema_version="2.0",
        name=config.name,
        version="1",
        demonstrator=not clears_floor(figures),
        members=tuple(_member(one, target, config.name, patients) for one in networks),
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
        rules=_rules(fit_scorebook(patients), config.name),
        trained_on=TRAINED_ON,
        training={"config": json.loads(config.model_dump_json()), **training},
        evaluation=figures,
        license=LICENSE,
        citations=CITATIONS,
        code_version=__version__,
    )
    text = json.dumps(json.loads(manifest.model_dump_json()), indent=2, ensure_ascii=False)
    (target / "manifest.json").write_text(text + "\n", encoding="utf-8")
    return manifest


def _member(
    network: FoldNetwork, target: Path, name: str, patients: list[PatientEvidence]
) -> Member:
    """Copy one network beside the manifest and fit its rules on the folds that judge others."""
    path = target / f"fold-{network.fold}.safetensors"
    shutil.copyfile(network.weights, path)
    others = [one for one in patients if one.fold != network.fold]
    return Member(
        file=path.name,
        sha256=sha256_of(path),
        size_bytes=path.stat().st_size,
        held_out_fold=network.fold,
        rules=_rules(fit_scorebook(others), f"{name}-without-fold-{network.fold}"),
    )


def _rules(book: Scorebook, name: str) -> Rules:
    return Rules(
        mask=MaskRule(threshold=MASK_THRESHOLDS[book.mask_index], least_ml=LEAST_ML),
        calibration=CalibrationRule(
            id=f"{name}-oof",
            any=book.any_curve,
            kinds=book.kind_curves,
            slice_any=book.slice_curve,
            slice_kinds=book.slice_kind_curves,
        ),
        operating=OperatingRule(id=f"{name}-op1", points=book.points, rule=RULE),
    )


def clears_floor(figures: dict[str, JsonValue]) -> bool:
    """Whether the study AUC out of fold is above the ImageNet linear probe's."""
    study = figures["study_any"]
    area = study["auc"] if isinstance(study, dict) else None
    return isinstance(area, float) and area > IMAGENET_FLOOR
