"""What the fold networks said about patients that they had not seen, boiled down for scoring."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.evidence import SliceEvidence, gather_evidence
from ml.intracranial import possible_on
from ml.labeled import UNKNOWN
from ml.model_slices import interior_of
from ml.training.border import BorderPixels, sample_border
from ml.training.predict import images_of, prediction_path, read_prediction, studies_of
from ml.training.prepared import PreparedSet, open_prepared

# Lower ones win a thousandth of Dice and swell the volumes.
MASK_THRESHOLDS: Final = (0.03, 0.05, 0.1, 0.2, 0.3, 0.4)
LEAST_ML: Final = 0.5
SLAB_MM: Final = 5.0


@dataclass(frozen=True)
class PatientEvidence:
    """One study of a patient, out of fold; S slices, T mask thresholds.

    Attributes
    ----------
    patient, fold
        Who, and the fold that was held out.
    labels
        (S, K) bool.
    slices
        What speaks for blood on each slice.
    overlap, predicted
        (T, S) pixels of the mask that are blood, and that are said to be.
    truth
        (S,) pixels of blood.
    border
        Pixels to which the border of lesions is fitted.
    """

    patient: str
    fold: int
    labels: NDArray[np.bool_]
    slices: SliceEvidence
    overlap: NDArray[np.int64]
    predicted: NDArray[np.int64]
    truth: NDArray[np.int64]
    border: BorderPixels


def gather(
    prepared: Path, predictions: Path, spacing_mm: float, change: str | None = None
) -> list[PatientEvidence]:
    """Gather every study whose prediction is there.

    Parameters
    ----------
    prepared
        Prepared set.
    predictions
        Folder of ``<study>.npz``.
    spacing_mm
        Of the prepared set.
    change
        Of ``ml.training.scanners``: how the images were changed before they were read.

    Raises
    ------
    ValueError
        If labels of a slice are unknown: what cannot be told right from wrong is no evidence.
    """
    source = open_prepared(prepared)
    kept = [
        (rows, path)
        for study, rows in studies_of(source)
        if (path := prediction_path(predictions, study)).exists()
    ]
    unknown = [
        source.rows[int(index)].study
        for rows, _ in kept
        for index in rows
        if UNKNOWN in source.rows[int(index)].labels
    ]
    if unknown:
        message = f"«{unknown[0]}» has slices whose kinds are unknown; they cannot be judged"
        raise ValueError(message)
    return [_evidence(source, rows, path, spacing_mm, change) for rows, path in kept]


def _evidence(
    source: PreparedSet,
    rows: NDArray[np.intp],
    path: Path,
    spacing_mm: float,
    change: str | None,
) -> PatientEvidence:
    prediction = read_prediction(path)
    hu = images_of(source, rows, change)
    interior = interior_of(hu, spacing_mm)
    possible = possible_on(interior, prediction.mask_probabilities)
    truth = source.mask[rows] > 0
    maps = prediction.mask_probabilities * possible
    masks = [maps > threshold for threshold in MASK_THRESHOLDS]
    return PatientEvidence(
        patient=source.rows[int(rows[0])].patient,
        fold=source.rows[int(rows[0])].fold,
        labels=np.array([source.rows[int(row)].labels for row in rows], np.bool_),
        slices=gather_evidence(
            prediction.kind_probabilities, maps, prediction.kind_maps, spacing_mm
        ),
        overlap=np.array([_count(mask & truth) for mask in masks]),
        predicted=np.array([_count(mask) for mask in masks]),
        truth=_count(truth),
        border=sample_border(maps, hu, interior, truth),
    )


def _count(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    counted: NDArray[np.int64] = mask.sum(axis=(1, 2))
    return counted
