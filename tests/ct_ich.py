"""One real patient of the CT-ICH set, rebuilt as a DICOM series in Hounsfield units.

The set (Hssayeni et al., Data 2020, 5(1):14, doi:10.13026/w8q8-ky94) has no pixel spacing and
no tags; spacing is estimated, everything else but the voxels is made up. Nothing of it is kept
here: the files are written where a test says.
"""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset

from ml.sources.ctich import rebuild_hu
from preread.dicom.phantom import Phantom
from preread.dicom.phantom_files import SyntheticStudy, encode_series

MATRIX = 512
SOURCE_MATRIX = 650
SOURCE_PIXEL_MM = 0.35  # from the median size of the skulls
THICKNESS_MM = 5.0


def write_ct_ich(
    patient: int, source: Path, folder: Path, study: SyntheticStudy | None = None
) -> list[Path]:
    """Write one patient's slices as DICOM files, feet to head.

    Parameters
    ----------
    patient
        Number in the set.
    source
        The folder ``ct-ich``.
    folder
        Receives the files.
    study
        What to file them under.
    """
    brains = sorted(
        (source / "Patients_CT" / f"{patient:03d}" / "brain").glob("*.jpg"), key=_number
    )
    plain = [path for path in brains if "_HGE_Seg" not in path.name]
    hu = np.stack([_resize(_hounsfield(path)) for path in plain])
    edge = -(MATRIX - 1) / 2 * _pixel_mm()
    head = Phantom(
        hu=np.rint(hu).astype(np.int16),
        mask=np.zeros(hu.shape, np.uint8),
        thickness_mm=THICKNESS_MM,
        row_mm=_pixel_mm(),
        column_mm=_pixel_mm(),
        origin_mm=(edge, edge, 0.0),
        bleeds=(),
        seed=patient,
    )
    study = replace(study or SyntheticStudy(), patient_id=f"CT-ICH-{patient}")
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, content in enumerate(encode_series(head, study), start=1):
        paths.append(folder / f"{number:04d}.dcm")
        _relabel(pydicom.dcmread(BytesIO(content)), patient).save_as(paths[-1])
    return paths


def _relabel(dataset: Dataset, patient: int) -> Dataset:
    """Say that the voxels are a patient's, not a phantom's."""
    dataset.PatientName = f"CT-ICH^{patient:03d}"
    dataset.ImageComments = "rebuilt from CT-ICH v1.0.0, CC BY 4.0"
    dataset.SeriesDescription = "HEAD 5MM"
    dataset.StudyDescription = "HEAD CT"
    return dataset


def _number(path: Path) -> int:
    return int("".join(sign for sign in path.stem if sign.isdigit()) or 0)


def _pixel_mm() -> float:
    return SOURCE_PIXEL_MM * SOURCE_MATRIX / MATRIX


def _hounsfield(brain: Path) -> NDArray[np.float32]:
    """Return HU, rebuilt from both windows."""
    bone = brain.parent.parent / "bone" / brain.name
    return rebuild_hu(gray_of(brain), gray_of(bone) if bone.exists() else None)


def gray_of(path: Path) -> NDArray[np.uint8]:
    """Return a picture in its 256 grays."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"), np.uint8)


def _resize(hu: NDArray[np.float32]) -> NDArray[np.float32]:
    small = Image.fromarray(hu).resize((MATRIX, MATRIX), Image.Resampling.BILINEAR)
    return np.asarray(small, np.float32)
