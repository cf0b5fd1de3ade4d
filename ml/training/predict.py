"""Read the held-out studies of a fold with its network and keep what it said."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from ml.field import FieldRule, read_field
from ml.model_slices import field_of_slices
from ml.prediction import Prediction
from ml.predictor import TorchPredictor, load_network
from ml.spec import NetworkSpec
from ml.training.prepared import PreparedSet, ReducedSet, open_prepared
from ml.training.scanners.changes import change_images


def predict_fold(
    prepared: Path,
    weights: Sequence[Path],
    target: Path,
    *,
    spec: NetworkSpec,
    fold: int,
    field: FieldRule | None = None,
    change: str | None = None,
) -> int:
    """Write one npz per held-out study.

    Parameters
    ----------
    prepared
        Prepared set of real patients.
    weights
        Networks trained without the fold; what they say is averaged.
    target
        Folder for ``<study>.npz``; a study that is there already is kept.
    spec
        Of the network.
    fold
        Which studies.
    field
        What is read of a head; None: all.
    change
        Of ``ml.training.scanners``: how the images are changed before they are read.

    Returns
    -------
    int
        Studies of the fold.
    """
    source = open_prepared(prepared)
    predictor = TorchPredictor([load_network(path, spec) for path in weights])
    target.mkdir(parents=True, exist_ok=True)
    count = 0
    for study, rows in studies_of(source, fold):
        path = prediction_path(target, study)
        count += 1
        if not path.exists():
            hu = images_of(source, rows, change)
            read = field_of_slices(hu, spec, field)
            write_prediction(path, read_field(predictor, hu, read))
    return count


def images_of(
    source: PreparedSet, rows: NDArray[np.intp], change: str | None = None
) -> NDArray[np.float32]:
    """Return (S, size, size) HU of some slices of one study, changed if so asked."""
    hu: NDArray[np.float32] = source.hu[rows].astype(np.float32)
    return hu if change is None else change_images(hu, change, int(rows[0]))


def studies_of(
    source: PreparedSet | ReducedSet, fold: int | None = None
) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Yield each study, of one fold or of all, with the indices of its slices."""
    indices: dict[str, list[int]] = {}
    for index, row in enumerate(source.rows):
        if fold is None or row.fold == fold:
            indices.setdefault(row.study, []).append(index)
    for study, own in indices.items():
        yield study, np.array(own, np.intp)


def prediction_path(folder: Path, study: str) -> Path:
    """Return where a study's prediction is kept; names may hold slashes."""
    return folder / f"{quote(study, safe='')}.npz"


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
