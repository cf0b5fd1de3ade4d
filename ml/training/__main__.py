"""``python -m ml.training prepare|phantoms|train|predict|evaluate|export|reference``.

The order of the recipe. ``prepare`` and ``phantoms`` write the sets; ``train`` makes one
network per fold and one of all patients; ``predict`` reads each fold's held-out patients;
``evaluate`` prints the figures; ``export`` calibrates on all out-of-fold predictions and
writes the bundle; ``reference`` adds to it what the training images are like.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from ml.bundle import load_bundle
from ml.training.config import read_config
from ml.training.evaluate import report, write_report
from ml.training.evidence import gather
from ml.training.export import export_bundle
from ml.training.predict import predict_fold
from ml.training.prepare import FIRST_TRAINING_SEED, prepare_ctich, prepare_phantoms
from ml.training.reference import reference_of, write_reference
from ml.training.scorebook import fit_scorebook
from ml.training.train import RunPaths, train


def main() -> None:
    """Run one step of the recipe; docs/model-card.md lists them in order."""
    arguments = _parser().parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.step(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml.training", description=main.__doc__)
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    steps = parser.add_subparsers(required=True, metavar="STEP")
    prepare = _step(steps, "prepare", _prepare, "CT-ICH pictures to HU on the model's grid")
    prepare.add_argument("--ct-ich", type=Path, required=True, help="folder of the set")
    prepare.add_argument("--out", type=Path, required=True, help="folder to write, 2 GB")
    phantoms = _step(steps, "phantoms", _phantoms, "synthetic heads; they only train")
    phantoms.add_argument("--out", type=Path, required=True)
    phantoms.add_argument("--heads", type=int, default=40)
    phantoms.add_argument("--first-seed", type=int, default=FIRST_TRAINING_SEED)
    training = _step(steps, "train", _train, "one network; resumes where it was cut")
    training.add_argument("--prepared", type=Path, required=True)
    training.add_argument("--painted", type=Path, help="bleeds painted into real heads")
    training.add_argument("--phantoms", type=Path, help="synthetic heads")
    training.add_argument("--imagenet", type=Path, required=True, help="safetensors")
    training.add_argument("--start", type=Path, help="checkpoint.pt of a run to go on from")
    training.add_argument("--run", type=Path, required=True, help="folder of the run")
    training.add_argument("--fold", type=int, required=True, help="held out; -1 for none")
    training.add_argument(
        "--minutes", type=float, default=math.inf, help="of this piece; the next call goes on"
    )
    predict = _step(steps, "predict", _predict, "held-out patients of one fold")
    predict.add_argument("--prepared", type=Path, required=True)
    predict.add_argument("--weights", type=Path, required=True)
    predict.add_argument("--fold", type=int, required=True)
    predict.add_argument("--out", type=Path, required=True)
    evaluate = _step(steps, "evaluate", _evaluate, "figures out of fold")
    evaluate.add_argument("--prepared", type=Path, required=True)
    evaluate.add_argument("--predictions", type=Path, required=True)
    evaluate.add_argument("--out", type=Path, required=True, help="JSON file")
    export = _step(steps, "export", _export, "calibrate and write the bundle")
    export.add_argument("--prepared", type=Path, required=True)
    export.add_argument("--predictions", type=Path, required=True)
    export.add_argument("--report", type=Path, required=True)
    export.add_argument("--run", type=Path, required=True, help="run without a held-out fold")
    export.add_argument("--earlier", type=Path, help="run that --run started from")
    export.add_argument("--fold-runs", type=Path, nargs="*", default=[], help="for the record")
    export.add_argument("--out", type=Path, required=True, help="folder of the bundle")
    reference = steps.add_parser("reference", help="what usual images are like, for a bundle")
    reference.set_defaults(step=_reference)
    reference.add_argument("--prepared", type=Path, required=True)
    reference.add_argument("--patients", type=int, default=30, help="at most, evenly spread")
    reference.add_argument("--bundle", type=Path, required=True, help="folder to add it to")
    return parser


def _step(
    steps: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    function: Callable[[argparse.Namespace], None],
    text: str,
) -> argparse.ArgumentParser:
    step = steps.add_parser(name, help=text)
    step.add_argument("--config", type=Path, required=True, help="JSON of the bundle")
    step.set_defaults(step=function)
    return step


def _prepare(arguments: argparse.Namespace) -> None:
    prepare_ctich(arguments.ct_ich, arguments.out, read_config(arguments.config).network)


def _phantoms(arguments: argparse.Namespace) -> None:
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.heads)
    prepare_phantoms(arguments.out, read_config(arguments.config).network, seeds)


def _train(arguments: argparse.Namespace) -> None:
    given = {
        "real": arguments.prepared,
        "painted": arguments.painted,
        "phantoms": arguments.phantoms,
    }
    paths = RunPaths(
        {name: path for name, path in given.items() if path is not None},
        arguments.imagenet,
        arguments.run,
        arguments.start,
    )
    config = read_config(arguments.config)
    train(config, paths, fold=arguments.fold, minutes=arguments.minutes)


def _predict(arguments: argparse.Namespace) -> None:
    spec = read_config(arguments.config).network
    predict_fold(
        arguments.prepared, arguments.weights, arguments.out, spec=spec, fold=arguments.fold
    )


def _evaluate(arguments: argparse.Namespace) -> None:
    spacing_mm = read_config(arguments.config).network.spacing_mm
    figures = report(gather(arguments.prepared, arguments.predictions, spacing_mm))
    write_report(figures, arguments.out)
    sys.stdout.write(arguments.out.read_text())


def _export(arguments: argparse.Namespace) -> None:
    config = read_config(arguments.config)
    patients = gather(arguments.prepared, arguments.predictions, config.network.spacing_mm)
    export_bundle(
        arguments.run / "weights.safetensors",
        arguments.out,
        config=config,
        book=fit_scorebook(patients),
        figures=json.loads(arguments.report.read_text()),
        training={
            "steps": _steps_of(arguments.run),
            "earlier_steps": _steps_of(arguments.earlier) if arguments.earlier else 0,
            "fold_steps": [_steps_of(run) for run in arguments.fold_runs],
        },
    )


def _reference(arguments: argparse.Namespace) -> None:
    spacing_mm = load_bundle(arguments.bundle).manifest.network.spacing_mm
    fitted = reference_of(arguments.prepared, spacing_mm, arguments.patients)
    write_reference(fitted, arguments.bundle)


def _steps_of(run: Path) -> int:
    """Return the last step that the run's log names."""
    lines = (run / "log.jsonl").read_text().splitlines()
    return max(int(json.loads(line)["step"]) for line in lines)


if __name__ == "__main__":
    main()
