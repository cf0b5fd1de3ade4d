"""``python -m ml.training prepare|phantoms|paint|places|train|predict|calibrate|export|train-places|…``.

The order of the recipe (docs/training.md). ``prepare``, ``phantoms`` and ``paint`` write the
sets; ``places`` registers the heads of one to an atlas; ``train`` makes one network per fold;
``predict`` reads each fold's held-out patients; ``calibrate`` fits rules to all out-of-fold
predictions; ``export`` writes the bundle;
``train-places``, ``places-figures`` and ``attach-places`` add networks that name places,
``fit-naming`` fits how kinds are named, and ``reference`` adds what the training images are like.
``./run evaluate`` then judges what ships.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from pydantic import JsonValue

from ml.bundle import load_bundle
from ml.sources.choose import AUTO, SOURCES, read_labeled
from ml.sources.skipping import Skipped
from ml.spec import Architecture
from ml.training.calibrate import calibrate, read_rules, write_rules
from ml.training.compare import compare
from ml.training.config import read_config
from ml.training.evidence import gather
from ml.training.export import FoldNetwork, export_bundle, steps_of
from ml.training.naming.command import add_step as add_naming
from ml.training.painting.paint import paint_set
from ml.training.places.build import Maps, place_set
from ml.training.places.template import read_atlas, read_template
from ml.training.placing.command import add_steps
from ml.training.predict import predict_fold
from ml.training.prepare import FIRST_TRAINING_SEED, prepare_phantoms, prepare_studies
from ml.training.reference import reference_of, write_reference
from ml.training.scanners.command import add_step as add_scanners
from ml.training.train import RunPaths, train
from preread.errors import InvalidSource


def main() -> None:
    """Run one step of the recipe; docs/training.md lists them in order."""
    arguments = _parser().parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.step(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml.training", description=main.__doc__)
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    steps = parser.add_subparsers(required=True, metavar="STEP")
    prepare = _step(steps, "prepare", _prepare, "labeled studies to HU on the model's grid")
    prepare.add_argument("--data", type=Path, required=True, help="folder of the source")
    prepare.add_argument(
        "--source", choices=(AUTO, *SOURCES), default=AUTO, help="by default by its layout"
    )
    prepare.add_argument("--out", type=Path, required=True, help="folder to write, 1 MB a slice")
    prepare.add_argument(
        "--folds", type=int, default=5, help="of a source that has none; 0: it only trains"
    )
    phantoms = _step(steps, "phantoms", _phantoms, "synthetic heads; they only train")
    phantoms.add_argument("--out", type=Path, required=True)
    phantoms.add_argument("--heads", type=int, default=40)
    phantoms.add_argument("--first-seed", type=int, default=FIRST_TRAINING_SEED)
    _add_steps_on_heads(steps)
    add_steps(steps)
    add_naming(steps)
    add_scanners(steps)
    training = _step(steps, "train", _train, "one network; resumes where it was cut")
    training.add_argument("--prepared", type=Path, required=True)
    training.add_argument("--painted", type=Path, help="bleeds painted into real heads")
    training.add_argument("--phantoms", type=Path, help="synthetic heads")
    training.add_argument("--imagenet", type=Path, help="safetensors; unet-classic takes none")
    training.add_argument(
        "--arch",
        type=Architecture,
        choices=list(Architecture),
        help="another network than the configuration's, on the same slices",
    )
    training.add_argument(
        "--start", type=Path, help="checkpoint.pt or weights.safetensors of an earlier run"
    )
    training.add_argument(
        "--teachers", type=Path, nargs="+", default=[], help="weights to learn from, same fold"
    )
    training.add_argument("--run", type=Path, required=True, help="folder of the run")
    training.add_argument("--fold", type=int, required=True, help="held out; -1 for none")
    training.add_argument("--device", default="cpu", help="cpu, or cuda[:n]")
    training.add_argument(
        "--minutes", type=float, default=math.inf, help="of this piece; the next call goes on"
    )
    predict = _step(steps, "predict", _predict, "held-out patients of one fold")
    predict.add_argument("--prepared", type=Path, required=True)
    predict.add_argument(
        "--weights", type=Path, nargs="+", required=True, help="of one network or several"
    )
    predict.add_argument("--fold", type=int, required=True)
    predict.add_argument("--out", type=Path, required=True)
    _add_steps_to_a_bundle(steps)
    return parser


def _add_steps_to_a_bundle(
    steps: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    """Add the steps from predictions to a bundle that is whole."""
    fitted = _step(steps, "calibrate", _calibrate, "rules for what the networks say, out of fold")
    fitted.add_argument("--prepared", type=Path, required=True)
    fitted.add_argument("--predictions", type=Path, required=True)
    fitted.add_argument("--out", type=Path, required=True, help="JSON file")
    export = _step(steps, "export", _export, "write the bundle of all folds' networks")
    export.add_argument(
        "--runs",
        type=Path,
        nargs="+",
        required=True,
        help="folders of the folds' runs, each named by its fold; one folder a recipe",
    )
    export.add_argument(
        "--other-config", type=Path, nargs="*", default=[], help="recipes of further folders"
    )
    export.add_argument("--rules", type=Path, required=True, help="what calibrate wrote")
    export.add_argument("--ablation", type=Path, help="what compare wrote, for the record")
    export.add_argument("--pairs", type=Path, help="the same of a second network a fold")
    export.add_argument("--classic", type=Path, help="the same against the classic U-Net")
    export.add_argument("--field", type=Path, help="the same of the field against whole slices")
    export.add_argument("--scanners", type=Path, help="what scanners wrote, for the record")
    export.add_argument("--out", type=Path, required=True, help="folder of the bundle")
    ablation = _step(steps, "compare", _compare, "what an addition to the recipe gives")
    ablation.add_argument("--prepared", type=Path, required=True)
    ablation.add_argument("--without", type=Path, required=True, help="predictions")
    ablation.add_argument("--with", dest="using", type=Path, required=True, help="predictions")
    ablation.add_argument("--out", type=Path, required=True, help="JSON file")
    reference = steps.add_parser("reference", help="what usual images are like, for a bundle")
    reference.set_defaults(step=_reference)
    reference.add_argument("--prepared", type=Path, required=True)
    reference.add_argument("--patients", type=int, default=30, help="at most, evenly spread")
    reference.add_argument("--bundle", type=Path, required=True, help="folder to add it to")


def _add_steps_on_heads(
    steps: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    """Add the steps that make more of the heads of a prepared set."""
    painted = _step(steps, "paint", _paint, "bleeds painted into real heads; they only train")
    painted.add_argument("--prepared", type=Path, required=True)
    painted.add_argument("--out", type=Path, required=True)
    painted.add_argument("--copies", type=int, default=2, help="of each head without blood")
    placed = _step(steps, "places", _places, "where each voxel lies, by an atlas; resumes")
    placed.add_argument("--prepared", type=Path, required=True)
    placed.add_argument("--template", type=Path, required=True, help="NIfTI, Cormack units, MNI")
    placed.add_argument("--labels", type=Path, required=True, help="NIfTI, MNI: lobes by number")
    placed.add_argument("--label-names", type=Path, required=True, help="CSV: ROIIndex,ROIName")
    placed.add_argument("--out", type=Path, required=True, help="folder to write, 0.3 MB a slice")


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
    skipped: list[Skipped] = []

    def tell(one: Skipped) -> None:
        skipped.append(one)
        print(f"left out: {one.name}: {one.reason}", flush=True)

    spec = read_config(arguments.config).network
    try:
        studies = read_labeled(arguments.data, arguments.source, tell)
        count = prepare_studies(studies, arguments.out, spec, folds=arguments.folds, on_skip=tell)
    except InvalidSource as error:
        sys.exit(str(error))
    (arguments.out / "skipped.json").write_text(json.dumps([asdict(one) for one in skipped]))
    print(f"{count} slices, {len(skipped)} left out")


def _phantoms(arguments: argparse.Namespace) -> None:
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.heads)
    prepare_phantoms(arguments.out, read_config(arguments.config).network, seeds)


def _paint(arguments: argparse.Namespace) -> None:
    spec = read_config(arguments.config).network
    spacing_mm = spec.spacing_mm * spec.reduction
    paint_set(arguments.prepared, arguments.out, spacing_mm, arguments.copies)


def _places(arguments: argparse.Namespace) -> None:
    spec = read_config(arguments.config).network
    try:
        maps = Maps(
            read_template(arguments.template), read_atlas(arguments.labels, arguments.label_names)
        )
    except InvalidSource as error:
        sys.exit(str(error))
    spacing_mm = spec.spacing_mm * spec.reduction
    placed = place_set(arguments.prepared, arguments.out, spacing_mm, maps)
    left_out = [f"{one.study} ({one.loss:.3f})" for one in placed if not one.good]
    print(f"{len(placed)} heads, {len(left_out)} left out: {', '.join(left_out) or 'none'}")


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
        tuple(arguments.teachers),
    )
    config = read_config(arguments.config)
    if arguments.arch is not None:
        config = config.with_arch(arguments.arch)
    train(
        config,
        paths,
        fold=arguments.fold,
        minutes=arguments.minutes,
        device=arguments.device,
    )


def _predict(arguments: argparse.Namespace) -> None:
    config = read_config(arguments.config)
    predict_fold(
        arguments.prepared,
        arguments.weights,
        arguments.out,
        spec=config.network,
        fold=arguments.fold,
        field=config.field,
    )


def _calibrate(arguments: argparse.Namespace) -> None:
    config = read_config(arguments.config)
    patients = gather(arguments.prepared, arguments.predictions, config.network.spacing_mm)
    write_rules(calibrate(patients, config.name), arguments.out)


def _export(arguments: argparse.Namespace) -> None:
    rules = read_rules(arguments.rules)
    runs = [
        (fold, folder / str(fold)) for folder in arguments.runs for fold in sorted(rules.members)
    ]
    steps: JsonValue = {f"{run.parent.name}/{fold}": steps_of(run) for fold, run in runs}
    others: JsonValue = [
        json.loads(read_config(path).model_dump_json()) for path in arguments.other_config
    ]
    training: dict[str, JsonValue] = {"steps": steps, "other_configs": others}
    for name in ("ablation", "pairs", "classic", "field", "scanners"):
        compared: Path | None = getattr(arguments, name)
        if compared is not None:
            training[name] = json.loads(compared.read_text())
    export_bundle(
        [FoldNetwork(fold, run / "weights.safetensors") for fold, run in runs],
        arguments.out,
        config=read_config(arguments.config),
        rules=rules,
        training=training,
    )


def _reference(arguments: argparse.Namespace) -> None:
    spacing_mm = load_bundle(arguments.bundle).manifest.network.spacing_mm
    fitted = reference_of(arguments.prepared, spacing_mm, arguments.patients)
    write_reference(fitted, arguments.bundle)


def _compare(arguments: argparse.Namespace) -> None:
    spacing_mm = read_config(arguments.config).network.spacing_mm
    found = compare(
        gather(arguments.prepared, arguments.without, spacing_mm),
        gather(arguments.prepared, arguments.using, spacing_mm),
    )
    arguments.out.write_text(json.dumps(found, indent=2) + "\n")
    print(arguments.out.read_text())


if __name__ == "__main__":
    main()
