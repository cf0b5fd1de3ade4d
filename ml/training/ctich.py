"""Read the CT-ICH set (PhysioNet, v1.0.0, JPG release) back into HU.

Hssayeni et al., Data 2020, 5(1):14; doi:10.13026/w8q8-ky94. The release holds two
windowed 8-bit pictures per slice. Inside the brain window a gray level is half a HU;
outside it the bone window's level, 12.5 HU, stands in.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from preread.terms import KINDS, HemorrhageType

# L40 W120 and L700 W3200 of the release, as lowest HU and HU per gray level.
BRAIN_LOW_HU: Final = -20.0
BRAIN_STEP_HU: Final = 120.0 / 255.0
BONE_LOW_HU: Final = -900.0
BONE_STEP_HU: Final = 3200.0 / 255.0
# JPEG lets a saturated level flicker by a few: air at level 1 would become −19.5 HU. So the
# brain picture is believed only between these levels, −17..97 HU.
LOWEST_LEVEL: Final = 6
HIGHEST_LEVEL: Final = 249
# One bone picture is missing (084/36); its saturated brain pixels get these.
HALF_LEVEL: Final = 127
ASSUMED_BONE_HU: Final = 700.0
ASSUMED_AIR_HU: Final = -900.0
# The release has no pixel spacing; the median skull (521×404 px) suggests this.
ASSUMED_SPACING_MM: Final = 0.35
LABEL_COLUMNS: Final = {
    HemorrhageType.IPH: "Intraparenchymal",
    HemorrhageType.SDH: "Subdural",
    HemorrhageType.IVH: "Intraventricular",
    HemorrhageType.SAH: "Subarachnoid",
    HemorrhageType.EDH: "Epidural",
}


@dataclass(frozen=True, slots=True)
class LabeledSeries:
    """One patient of the set.

    Attributes
    ----------
    patient
        The set's own number.
    fold
        1..5; a patient is in one fold only.
    hu
        (S, R, C) float32, feet to head.
    mask
        (S, R, C) bool, blood of any kind.
    labels
        (S, K) bool in the order of ``KINDS``.
    slice_numbers
        The set's own numbers, from 1.
    """

    patient: int
    fold: int
    hu: NDArray[np.float32]
    mask: NDArray[np.bool_]
    labels: NDArray[np.bool_]
    slice_numbers: tuple[int, ...]


def rebuild_hu(brain: NDArray[np.uint8], bone: NDArray[np.uint8] | None) -> NDArray[np.float32]:
    """Rebuild HU from the two pictures of a slice.

    Parameters
    ----------
    brain
        Picture in the brain window, any shape.
    bone
        Picture in the bone window, or None where the release lacks it.

    Returns
    -------
    ndarray of float32
        HU, steps of 0.47 inside −17..97 and of 12.5 outside.

    Examples
    --------
    >>> rebuild_hu(np.uint8([0, 128, 255]), np.uint8([0, 80, 255])).round().tolist()
    [-900.0, 40.0, 2300.0]
    """
    fine = BRAIN_LOW_HU + BRAIN_STEP_HU * brain.astype(np.float32)
    if bone is None:
        coarse = np.where(brain < LOWEST_LEVEL, ASSUMED_AIR_HU, ASSUMED_BONE_HU)
    else:
        coarse = BONE_LOW_HU + BONE_STEP_HU * bone.astype(np.float32)
    rebuilt: NDArray[np.float32] = np.where(
        (brain >= LOWEST_LEVEL) & (brain <= HIGHEST_LEVEL), fine, coarse
    ).astype(np.float32)
    return rebuilt


def read_ctich(folder: Path) -> Iterator[LabeledSeries]:
    """Read every patient of the set.

    Parameters
    ----------
    folder
        Holds ``Patients_CT``, ``hemorrhage_diagnosis.csv`` and ``folds5.csv``.

    Yields
    ------
    LabeledSeries
        In the order of the patients' numbers.
    """
    folds = {int(row["patient"]): int(row["fold"]) for row in _rows(folder / "folds5.csv")}
    labels: dict[int, dict[int, list[bool]]] = {}
    for row in _rows(folder / "hemorrhage_diagnosis.csv"):
        kinds = [row[column] == "1" for column in (LABEL_COLUMNS[kind] for kind in KINDS)]
        labels.setdefault(int(row["PatientNumber"]), {})[int(row["SliceNumber"])] = kinds
    for patient in sorted(folds):
        pictures = folder / "Patients_CT" / f"{patient:03d}"
        numbers = sorted(n for n in labels[patient] if (pictures / "brain" / f"{n}.jpg").exists())
        slices = [_read_slice(pictures, number) for number in numbers]
        yield LabeledSeries(
            patient=patient,
            fold=folds[patient],
            hu=np.stack([hu for hu, _ in slices]),
            mask=np.stack([mask for _, mask in slices]),
            labels=np.array([labels[patient][number] for number in numbers], np.bool_),
            slice_numbers=tuple(numbers),
        )


def _read_slice(pictures: Path, number: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    brain = _gray(pictures / "brain" / f"{number}.jpg")
    bone_path = pictures / "bone" / f"{number}.jpg"
    mask_path = pictures / "brain" / f"{number}_HGE_Seg.jpg"
    hu = rebuild_hu(brain, _gray(bone_path) if bone_path.exists() else None)
    mask = _gray(mask_path) > HALF_LEVEL if mask_path.exists() else np.zeros(hu.shape, np.bool_)
    return hu, mask


def _gray(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"), np.uint8)


def _rows(path: Path) -> list[dict[str, str]]:
    # utf-8-sig: the label file starts with a byte-order mark.
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))
