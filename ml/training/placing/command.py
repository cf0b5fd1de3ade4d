"""The steps ``train-places``, ``places-figures``, ``attach-places`` and ``phantom-places``.

``train-places`` makes one network per fold and resumes by fold; ``places-figures`` lets each read
the lesions of its fold, beside plain geometry, fits the calibration and writes ``places.json``;
``attach-places`` puts all of it into a bundle; ``phantom-places`` lets the whole bundle name bleeds
of synthetic heads whose places are known, and adds the figures.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import JsonValue
from safetensors.torch import save_file

from ml.bundle import load_bundle
from ml.evaluation.estimates import Bootstrap, rounded
from ml.evaluation.metrics import calibration_error
from ml.places.analytic import AnalyticPlaceReader
from ml.places.reader import TorchPlaceReader, load_namer
from ml.places.reading import PlaceReader
from ml.training.averaging import halved
from ml.training.config import read_config
from ml.training.places.placed import open_places
from ml.training.placing.attach import FIGURES_FILE, add_figures, attach_places, network_path
from ml.training.placing.figures import figures_of, fit_calibration, pose_figures, told
from ml.training.placing.heads import LabeledHead, read_heads, read_painted
from ml.training.placing.learn import Plan, train_places
from ml.training.placing.lesions import ReadLesion, read_lesions
from ml.training.placing.phantoms import phantom_figures, read_phantoms


def add_steps(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add these steps to the command line of ``ml.training``."""
    training = steps.add_parser("train-places", help="the networks that name places, by fold")
    training.set_defaults(step=_train)
    training.add_argument("--steps", type=int, default=Plan().steps)
    figures = steps.add_parser("places-figures", help="what they name rightly, out of fold")
    figures.set_defaults(step=_figures)
    for step in (training, figures):
        step.add_argument("--config", type=Path, required=True, help="JSON of the bundle")
        step.add_argument("--prepared", type=Path, required=True)
        step.add_argument("--places", type=Path, required=True, help="what `places` wrote")
        step.add_argument("--painted", type=Path, required=True)
        step.add_argument("--out", type=Path, required=True, help="folder of the networks")
    attach = steps.add_parser("attach-places", help="put them into a bundle")
    attach.set_defaults(step=_attach)
    attach.add_argument("--networks", type=Path, required=True, help="with places.json")
    attach.add_argument("--bundle", type=Path, required=True, help="folder to add them to")
    phantoms = steps.add_parser("phantom-places", help="known places of synthetic heads")
    phantoms.set_defaults(step=_phantoms)
    phantoms.add_argument("--bundle", type=Path, required=True, help="with networks of places")
    phantoms.add_argument("--heads", type=int, default=42)


def _heads(
    arguments: argparse.Namespace,
) -> tuple[Sequence[LabeledHead], Sequence[LabeledHead]]:
    network = read_config(arguments.config).network
    spacing_mm = network.spacing_mm * network.reduction
    real = read_heads(arguments.prepared, open_places(arguments.places), spacing_mm)
    return list(real.values()), list(read_painted(arguments.painted, real))


def _train(arguments: argparse.Namespace) -> None:
    real, painted = _heads(arguments)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for fold in sorted({one.fold for one in real}):
        path = network_path(arguments.out, fold)
        if path.exists():
            continue
        print(f"without fold {fold}", flush=True)
        network = train_places(
            [one for one in real if one.fold != fold],
            [one for one in painted if one.fold != fold],
            Plan(steps=arguments.steps),
        )
        partial = path.with_suffix(".partial")
        save_file(halved(network.state_dict()), partial)
        partial.replace(path)


def _figures(arguments: argparse.Namespace) -> None:
    real, painted = _heads(arguments)
    folds = sorted({one.fold for one in real})
    readers = {fold: TorchPlaceReader.load([network_path(arguments.out, fold)]) for fold in folds}
    plain = AnalyticPlaceReader()
    found: dict[str, JsonValue] = {}
    said: dict[str, list[ReadLesion]] = {}
    for name, heads in (("real", real), ("painted", painted)):
        said[name] = _read_all(heads, readers)
        by_geometry = [lesion for one in heads for lesion in read_lesions(one, plain)]
        found[name] = figures_of(said[name], Bootstrap())
        found[f"{name}_by_geometry"] = figures_of(by_geometry, Bootstrap())
    found["pose"] = pose_figures(real, readers, Bootstrap())
    # Bleeds of patients are what the probabilities are for; painted ones differ from them.
    calibration = fit_calibration(said["real"])
    found["calibration"] = {"intercept": calibration.intercept, "slopes": [*calibration.slopes]}
    found["calibration_error"] = _error_out_of_fold(real, said["real"], said["real"])
    found["calibration_error_painted"] = _error_out_of_fold(real, said["real"], said["painted"])
    found["cpu_ms"] = _cpu_ms(real, list(readers.values()))
    (arguments.out / FIGURES_FILE).write_text(json.dumps(found, indent=1) + "\n")
    print((arguments.out / FIGURES_FILE).read_text())


def _read_all(heads: Sequence[LabeledHead], readers: Mapping[int, PlaceReader]) -> list[ReadLesion]:
    return [lesion for one in heads for lesion in read_lesions(one, readers[one.fold])]


def _error_out_of_fold(
    heads: Sequence[LabeledHead], known: Sequence[ReadLesion], judged: Sequence[ReadLesion]
) -> JsonValue:
    """Return the calibration error over all folds, each fold's curve fitted to the others' known."""
    fold_of = {one.patient: one.fold for one in heads}
    probabilities, truth = [], []
    for fold in sorted(set(fold_of.values())):
        outer = [one for one in judged if fold_of[one.patient] == fold]
        inner = [one for one in known if fold_of[one.patient] != fold]
        if inner and outer:
            said, present = told(outer, fit_calibration(inner))
            probabilities.append(said)
            truth.append(present)
    if not probabilities:
        return None
    return rounded(calibration_error(np.concatenate(probabilities), np.concatenate(truth)))


def _cpu_ms(heads: Sequence[LabeledHead], readers: Sequence[TorchPlaceReader]) -> JsonValue:
    """Return CPU time of reading one bleeding head with all networks, the mean over heads."""
    spent = []
    for one in heads:
        started = time.process_time()
        lesions = [lesion for reader in readers for lesion in read_lesions(one, reader)]
        if lesions:
            spent.append(1000 * (time.process_time() - started))
    return rounded(sum(spent) / len(spent)) if spent else None


def _attach(arguments: argparse.Namespace) -> None:
    attach_places(arguments.networks, arguments.bundle)


def _phantoms(arguments: argparse.Namespace) -> None:
    bundle = load_bundle(arguments.bundle)
    known = list(read_phantoms(arguments.heads, bundle, load_namer(bundle)))
    figures = phantom_figures(known, Bootstrap())
    add_figures(arguments.bundle, "phantoms", figures)
    for one in known:
        if not one.is_of_most or (one.regions and not one.is_first):
            begun = "/".join(sorted(one.regions)) or "the convexity"
            said = ", ".join(one.said)
            print(
                f"head {one.head}, {one.kind} {one.side}: from {begun}, most {one.most}, said {said}"
            )
    print(json.dumps(figures, indent=1))
