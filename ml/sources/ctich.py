"""Read the CT-ICH set (PhysioNet, v1.0.0, JPG release) back into HU.

Hssayeni et al., Data 2020, 5(1):14; doi:10.13026/w8q8-ky94. The release holds two
windowed 8-bit pictures per slice. Inside the brain window a gray level is half a HU;
outside it the bone window's level, 12.5 HU, stands in.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.labeled import BLOOD_OF_UNKNOWN_KIND, NO_BLOOD, PRESENT, UNKNOWN, LabeledStudy
from ml.sources.grids import regular_volume
from ml.sources.labels import settle
from ml.sources.skipping import OnSkip, log_skip, read_each
from ml.sources.tables import label_of, number_of, read_rows
from preread.errors import UnreadableStudy
from preread.terms import KINDS, HemorrhageType

LABEL_FILE: Final = "hemorrhage_diagnosis.csv"
FOLD_FILE: Final = "folds5.csv"
PICTURES: Final = "Patients_CT"

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
# Of all scans of the set (Hssayeni et al.), feet to head.
THICKNESS_MM: Final = 5.0
LABEL_COLUMNS: Final = {
    HemorrhageType.IPH: "Intraparenchymal",
    HemorrhageType.SDH: "Subdural",
    HemorrhageType.IVH: "Intraventricular",
    HemorrhageType.SAH: "Subarachnoid",
    HemorrhageType.EDH: "Epidural",
}


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


def read_ctich(folder: Path, on_skip: OnSkip = log_skip) -> Iterator[LabeledStudy]:
    """Read every patient of the set.

    Parameters
    ----------
    folder
        Holds ``Patients_CT``, ``hemorrhage_diagnosis.csv`` and, if there are folds,
        ``folds5.csv`` of ``patient,fold``.
    on_skip
        Is told of patients whose pictures are missing or broken.

    Yields
    ------
    LabeledStudy
        In the order of the patients' numbers, which are their names. Slices carry the set's own
        numbers; the kind of the mask is known where the slice has one kind only.

    Raises
    ------
    InvalidSource
        If a label file is missing or unusable.
    """
    folds: dict[int, int] = {}
    if (folder / FOLD_FILE).exists():
        rows = read_rows(folder / FOLD_FILE, ("patient", "fold"))
        folds = {
            number_of(row["patient"], FOLD_FILE): number_of(row["fold"], FOLD_FILE) for row in rows
        }
    patients = [
        _Patient(folder / PICTURES / f"{number:03d}", number, folds.get(number), labels)
        for number, labels in sorted(_read_labels(folder / LABEL_FILE).items())
    ]
    yield from read_each(((one.name, one) for one in patients), _read_patient, on_skip)


@dataclass(frozen=True, slots=True)
class _Patient:
    """One patient's pictures, and the kinds of each slice by its number."""

    pictures: Path
    number: int
    fold: int | None
    labels: dict[int, list[int]]

    @property
    def name(self) -> str:
        return f"{self.number:03d}"


def _read_labels(path: Path) -> dict[int, dict[int, list[int]]]:
    labels: defaultdict[int, dict[int, list[int]]] = defaultdict(dict)
    columns = tuple(LABEL_COLUMNS[kind] for kind in KINDS)
    for row in read_rows(path, ("PatientNumber", "SliceNumber", *columns)):
        patient = number_of(row["PatientNumber"], path.name)
        number = number_of(row["SliceNumber"], path.name)
        labels[patient][number] = [label_of(row[column], path.name) for column in columns]
    return dict(labels)


def _read_patient(name: str, patient: _Patient) -> LabeledStudy:
    numbers = sorted(patient.labels)
    slices = [_read_slice(patient.pictures, number) for number in numbers]
    kinds = np.array([patient.labels[number] for number in numbers], np.int8)
    labels = settle(np.full(len(numbers), UNKNOWN, np.int8), kinds)
    whole = labels.over()
    spacing = (THICKNESS_MM, ASSUMED_SPACING_MM, ASSUMED_SPACING_MM, 1.0)
    # The pictures are radiological: columns run to the patient's left, rows to the back.
    affine = np.diag(spacing)[[2, 1, 0, 3]]
    volume = regular_volume(np.stack([hu for hu, _ in slices]), affine, "CT-ICH", patient.number)
    return LabeledStudy(
        name=name,
        patient=name,
        fold=patient.fold,
        volume=replace(volume, instance_numbers=tuple(numbers)),
        slice_any=labels.any,
        slice_kinds=labels.kinds,
        study_any=int(whole.any),
        study_kinds=whole.kinds,
        mask=np.stack([_kind_of(mask, own) for (_, mask), own in zip(slices, kinds, strict=True)]),
        spacing_is_assumed=True,
    )


def _kind_of(blood: NDArray[np.bool_], kinds: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Name the kind of a slice's blood where the slice has one kind only."""
    present = np.flatnonzero(kinds == PRESENT)
    kind = 1 + int(present[0]) if len(present) == 1 else BLOOD_OF_UNKNOWN_KIND
    return np.where(blood, np.uint8(kind), np.uint8(NO_BLOOD))


def _read_slice(pictures: Path, number: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    brain = _gray(pictures / "brain" / f"{number}.jpg")
    bone_path = pictures / "bone" / f"{number}.jpg"
    mask_path = pictures / "brain" / f"{number}_HGE_Seg.jpg"
    hu = rebuild_hu(brain, _gray(bone_path) if bone_path.exists() else None)
    mask = _gray(mask_path) > HALF_LEVEL if mask_path.exists() else np.zeros(hu.shape, np.bool_)
    if mask.shape != hu.shape:
        message = f"the mask of slice {number} does not fit its picture"
        raise UnreadableStudy(message)
    return hu, mask


def _gray(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("L"), np.uint8)
    except OSError:  # Pillow's own error for a broken picture is one as well
        message = f"{path.parent.name}/{path.name} is missing or broken"
        raise UnreadableStudy(message) from None
