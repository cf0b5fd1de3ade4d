"""``python -m ml.training prepare|phantoms|train|predict|evaluate|calibrate|export``."""

import argparse
from pathlib import Path

import torch

from ml.training.config import read_config
from ml.training.prepare import FIRST_TRAINING_SEED, prepare_ctich, prepare_phantoms
from ml.training.train import RunPaths, train


def main() -> None:
    """Run one step of the recipe; docs/model-card.md lists them in order."""
    arguments = _parser().parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.step(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml.training", description=main.__doc__)
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    steps = parser.add_subparsers(required=True)
    prepare = steps.add_parser("prepare", help="CT-ICH pictures to HU on the model's grid")
    prepare.add_argument("--ct-ich", type=Path, required=True)
    prepare.add_argument("--config", type=Path, required=True)
    prepare.add_argument("--out", type=Path, required=True)
    prepare.set_defaults(step=_prepare)
    phantoms = steps.add_parser("phantoms", help="synthetic heads, for training only")
    phantoms.add_argument("--config", type=Path, required=True)
    phantoms.add_argument("--out", type=Path, required=True)
    phantoms.add_argument("--heads", type=int, default=40)
    phantoms.add_argument("--first-seed", type=int, default=FIRST_TRAINING_SEED)
    phantoms.set_defaults(step=_phantoms)
    training = steps.add_parser("train", help="one network; resumes where it was cut")
    training.add_argument("--config", type=Path, required=True)
    training.add_argument("--prepared", type=Path, required=True)
    training.add_argument("--phantoms", type=Path)
    training.add_argument("--imagenet", type=Path, required=True)
    training.add_argument("--run", type=Path, required=True)
    training.add_argument("--fold", type=int, required=True, help="held out; −1 for none")
    training.add_argument("--minutes", type=float, required=True)
    training.set_defaults(step=_train)
    return parser


def _prepare(arguments: argparse.Namespace) -> None:
    prepare_ctich(arguments.ct_ich, arguments.out, read_config(arguments.config).network)


def _phantoms(arguments: argparse.Namespace) -> None:
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.heads)
    prepare_phantoms(arguments.out, read_config(arguments.config).network, seeds)


def _train(arguments: argparse.Namespace) -> None:
    paths = RunPaths(arguments.prepared, arguments.phantoms, arguments.imagenet, arguments.run)
    config = read_config(arguments.config)
    train(config, paths, fold=arguments.fold, minutes=arguments.minutes)


if __name__ == "__main__":
    main()
