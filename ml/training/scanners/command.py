"""The step ``scanners`` of the recipe: what is lost where the images look different."""

import argparse
import json
from pathlib import Path

from pydantic import JsonValue

from ml.training.config import read_config
from ml.training.evidence import gather
from ml.training.predict import predict_fold
from ml.training.prepared import open_reduced
from ml.training.scanners.changes import CHANGES
from ml.training.scanners.judge import judge


def add_step(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the step to the command line of ``ml.training``."""
    step = steps.add_parser("scanners", help="held-out patients as other scanners might show them")
    step.set_defaults(step=_scanners)
    step.add_argument("--config", type=Path, required=True)
    step.add_argument("--prepared", type=Path, required=True)
    step.add_argument("--predictions", type=Path, required=True, help="of the images as they are")
    step.add_argument(
        "--runs", type=Path, nargs="+", required=True, help="folders of the folds' runs"
    )
    step.add_argument("--work", type=Path, required=True, help="folder for predictions; resumes")
    step.add_argument("--out", type=Path, required=True, help="JSON file")


def _scanners(arguments: argparse.Namespace) -> None:
    config = read_config(arguments.config)
    spacing_mm = config.network.spacing_mm
    folds = sorted({row.fold for row in open_reduced(arguments.prepared).rows})
    home = gather(arguments.prepared, arguments.predictions, spacing_mm)
    found: dict[str, JsonValue] = {"as they are": judge(home, home)}
    for change in CHANGES:
        folder = arguments.work / change
        for fold in folds:
            predict_fold(
                arguments.prepared,
                [runs / str(fold) / "weights.safetensors" for runs in arguments.runs],
                folder,
                spec=config.network,
                fold=fold,
                field=config.field,
                change=change,
            )
        found[change] = judge(home, gather(arguments.prepared, folder, spacing_mm, change))
        print(change, found[change], flush=True)
    arguments.out.write_text(json.dumps(found, indent=2) + "\n")
