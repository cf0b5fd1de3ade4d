"""Read the held-out patients of a fold with its network and keep what it said."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.pipeline import Prediction
from ml.predictor import TorchPredictor, load_network
from ml.spec import NetworkSpec
from ml.training.prepared import PreparedSet, ReducedSet, open_prepared


def predict_fold(
    prepared: Path, weights: Path, target: Path, *, spec: NetworkSpec, fold: int
) -> int:
    """Write one npz per held-out patient.

    Parameters
    ----------
    prepared
        Prepared set of real patients.
    weights
        Network trained without the fold.
    target
        Folder for ``<patient>.npz``; a patient that is there already is kept.
    spec
        Of the network.
    fold
        Which patients.

    Returns
    -------
    int
        Patients of the fold.
    """
    source = open_prepared(prepared)
    predictor = TorchPredictor([load_network(weights, spec)])
    target.mkdir(parents=True, exist_ok=True)
    count = 0
    for patient, rows in patients_of(source, fold):
        path = target / f"{patient}.npz"
        count += 1
        if not path.exists():
            prediction = predictor.predict(source.hu[rows].astype(np.float32))
            write_prediction(path, prediction)
    return count


def patients_of(
    source: PreparedSet | ReducedSet, fold: int | None = None
) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield each patient, of one fold or of all, with the indices of its slices."""
    names = [row.patient for row in source.rows if fold is None or row.fold == fold]
    for patient in dict.fromkeys(names):
        rows = [index for index, row in enumerate(source.rows) if row.patient == patient]
        yield patient, np.array(rows, np.intp)


def write_prediction(path: Path, prediction: Prediction) -> None:
    """Keep a prediction; masks in steps of 1/255."""
    np.savez_compressed(
        path,
        kind_probabilities=prediction.kind_probabilities,
        mask_levels=np.rint(prediction.mask_probabilities * 255).astype(np.uint8),
        kind_maps=prediction.kind_maps.astype(np.float16),
    )


def read_prediction(path: Path) -> Prediction:
    """Read a kept prediction."""
    with np.load(path) as kept:
        return Prediction(
            kept["kind_probabilities"],
            kept["mask_levels"].astype(np.float32) / 255,
            kept["kind_maps"].astype(np.float32),
        )
