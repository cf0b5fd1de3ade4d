"""Labeled sources in miniature: small heads written as each source lays its files out."""

import csv
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import nibabel
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from ml.labeled import LabeledStudy
from preread.dicom.phantom import Phantom
from preread.dicom.phantom_files import SUPINE, SyntheticStudy, encode_series
from preread.dicom.phantom_scanner import Pose
from preread.dicom.volume import to_radiological
from tests.support.heads import Ball, Head, head

SLICES, SIZE, SPACING_MM, THICKNESS_MM = 20, 80, 2.8, 5.0
# Of the center of the first voxel, right of the middle and in front of it.
EDGE_MM = -(SIZE - 1) / 2 * SPACING_MM


def small_head(*balls: Ball, slices: int = SLICES, thickness_mm: float = THICKNESS_MM) -> Head:
    """A head of 100 mm: as little as the service assesses."""
    return head(*balls, slices=slices, size=SIZE, spacing_mm=SPACING_MM, thickness_mm=thickness_mm)


def encode(
    one: Head, seed: int, study: SyntheticStudy | None = None, pose: Pose = SUPINE
) -> list[Dataset]:
    """The head as DICOM data sets, feet to head; the seed tells its UIDs from others."""
    phantom = Phantom(
        hu=np.rint(one.volume.hu).astype(np.int16),
        mask=one.kinds,
        thickness_mm=float(one.volume.thickness_mm[0]),
        row_mm=SPACING_MM,
        column_mm=SPACING_MM,
        origin_mm=(EDGE_MM, EDGE_MM, 0.0),
        bleeds=(),
        seed=seed,
    )
    return [pydicom.dcmread(BytesIO(file)) for file in encode_series(phantom, study, pose)]


def save(datasets: list[Dataset], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"CT{number:06d}.dcm" for number in range(len(datasets))]
    for dataset, path in zip(datasets, paths, strict=True):
        dataset.save_as(path)
    return paths


@dataclass(frozen=True)
class Pseudonyms:
    """What RSNA put into the place of UIDs and of the Patient ID."""

    patient: str
    study: str


_KEPT = (
    "Modality", "ImagePositionPatient", "ImageOrientationPatient", "SamplesPerPixel",
    "PhotometricInterpretation", "Rows", "Columns", "PixelSpacing", "BitsAllocated",
    "BitsStored", "HighBit", "PixelRepresentation", "WindowCenter", "WindowWidth",
    "RescaleIntercept", "RescaleSlope", "PixelData",
)  # fmt: skip


def save_as_rsna(datasets: list[Dataset], folder: Path, names: Pseudonyms) -> list[str]:
    """Write with what RSNA left of a header; return the slices' names, feet to head."""
    folder.mkdir(parents=True, exist_ok=True)
    instances = [f"{names.study}{number:03d}" for number in range(len(datasets))]
    for instance, whole in zip(instances, datasets, strict=True):
        left = Dataset()
        left.file_meta = whole.file_meta
        for keyword in _KEPT:
            left[keyword] = whole[keyword]
        left.PatientID = names.patient
        for keyword, name in (
            ("SOPInstanceUID", instance),
            ("StudyInstanceUID", names.study),
            ("SeriesInstanceUID", f"{names.study}5e"),
        ):
            left[keyword] = DataElement(keyword, "UI", name, validation_mode=config.IGNORE)
        left.save_as(folder / f"{instance}.dcm")
    return instances


def write_csv(path: Path, columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as lines:
        table = csv.writer(lines)
        table.writerow(columns)
        table.writerows(rows)


def save_nifti(
    radiological: NDArray[np.generic],
    path: Path,
    axes: str = "RAS",
    shift_mm: float = 0.0,
    thickness_mm: float = THICKNESS_MM,
) -> None:
    """Write (S, R, C) slices that lie as ``encode`` lays them, stored along the axes named."""
    # Columns run to the left, rows to the back, slices to the head: the axes L, P, S.
    affine = np.diag([-SPACING_MM, -SPACING_MM, thickness_mm, 1.0])
    affine[:2, 3] = -EDGE_MM
    affine[0, 3] += shift_mm
    image = nibabel.Nifti1Image(radiological.transpose(2, 1, 0), affine)
    wanted = nibabel.orientations.axcodes2ornt(axes)
    turn = nibabel.orientations.ornt_transform(nibabel.io_orientation(affine), wanted)
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(image.as_reoriented(turn), path)


def left_share(study: LabeledStudy, blood: NDArray[np.bool_]) -> float:
    """The share of the blood on the patient's left of the middle of its head's bone."""
    x_mm = _x_mm(study)
    middle = x_mm[study.volume.hu > 500].mean()
    return float((x_mm[blood] > middle).mean())


def _x_mm(study: LabeledStudy) -> NDArray[np.float64]:
    """The x of every voxel in LPS: grows to the patient's left."""
    affine, shape = study.volume.affine, study.volume.hu.shape
    s, r, c = np.indices(shape)
    return affine[0, 0] * s + affine[0, 1] * r + affine[0, 2] * c + affine[0, 3]


def upright(study: LabeledStudy) -> NDArray[np.float32]:
    """HU in radiological orientation."""
    return to_radiological(study.volume).hu
