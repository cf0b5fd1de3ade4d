"""Write synthetic images as valid CT Image Storage files that say SYNTHETIC of themselves."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from preread.dicom.phantom import Phantom
from preread.dicom.phantom_scanner import Pose

SYNTHETIC: Final = "SYNTHETIC"
"""Image Comments and Series Description begin with it; the header reader looks for it."""

COMMENTS: Final = f"{SYNTHETIC} - computed phantom, not a patient"
PATIENT_NAME: Final = f"{SYNTHETIC}^PHANTOM"
EPOCH: Final = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
INTERCEPT: Final = -1024  # stored values are unsigned, as most scanners write them
BODY_MATRIX: Final = 512
BODY_PIXEL_MM: Final = 0.75
SUPINE: Final = Pose()


@dataclass(frozen=True, slots=True)
class SyntheticStudy:
    """The study that a synthetic series is filed under.

    Attributes
    ----------
    study_uid
        Study Instance UID (0020,000D); None derives one from the seed.
    accession_number
        (0008,0050), at most 16 characters.
    requested_priority
        Requested Procedure Priority (0040,1003), STAT, HIGH, ROUTINE, MEDIUM or LOW
        (PS3.4 C.4.1.1.3); None leaves the attribute out.
    patient_id
        (0010,0020); None derives one from the seed.
    acquired_at
        Date and time of study, series and images.
    """

    study_uid: str | None = None
    accession_number: str = ""
    requested_priority: str | None = None
    patient_id: str | None = None
    acquired_at: datetime = EPOCH


@dataclass(frozen=True)
class _Stack:
    """Axial images to be written: int16 HU, shape (S, R, C), and where they lie."""

    hu: NDArray[np.int16]
    pixel_mm: tuple[float, float]
    thickness_mm: float
    origin_mm: tuple[float, float, float]
    body_part: str
    description: str
    seed: int
    pose: Pose = SUPINE


def encode_series(
    phantom: Phantom, study: SyntheticStudy | None = None, pose: Pose = SUPINE
) -> list[bytes]:
    """Return the phantom as DICOM files, feet to head, explicit VR little endian.

    Parameters
    ----------
    phantom
        The head.
    study
        What to file it under; None derives everything from the seed.
    pose
        How the patient lies; with ``from_vertex`` the files run from head to feet.
    """
    return _encode(replace(_head_stack(phantom), pose=pose), study or SyntheticStudy())


def write_series(phantom: Phantom, folder: Path, study: SyntheticStudy | None = None) -> list[Path]:
    """Write the phantom as DICOM files into ``folder``, which is made if absent.

    Parameters
    ----------
    phantom
        The head.
    folder
        Receives ``0001.dcm`` and so on, feet to head.
    study
        What to file it under; None derives everything from the seed.
    """
    return _write(encode_series(phantom, study), folder)


def write_body_series(
    seed: int, folder: Path, study: SyntheticStudy | None = None, slices: int = 24
) -> list[Path]:
    """Write a synthetic CT of an abdomen: a study that is no head, for the demo and tests."""
    return _write(encode_body_series(seed, study, slices), folder)


def encode_body_series(
    seed: int, study: SyntheticStudy | None = None, slices: int = 24
) -> list[bytes]:
    """Return a synthetic CT of an abdomen as DICOM files, feet to head."""
    return _encode(_body_stack(seed, slices), study or SyntheticStudy())


def derive_uid(*parts: object) -> str:
    """Return the same UID for the same parts, under the root for UUIDs (PS3.5 B.2)."""
    text = "/".join(str(part) for part in ("preread phantom", *parts))
    return f"2.25.{int.from_bytes(hashlib.sha256(text.encode()).digest()[:15])}"


def _write(files: list[bytes], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:04d}.dcm" for number in range(1, len(files) + 1)]
    for path, content in zip(paths, files, strict=True):
        path.write_bytes(content)
    return paths


def _head_stack(phantom: Phantom) -> _Stack:
    return _Stack(
        hu=phantom.hu,
        pixel_mm=(phantom.row_mm, phantom.column_mm),
        thickness_mm=phantom.thickness_mm,
        origin_mm=phantom.origin_mm,
        body_part="HEAD",
        description=f"{SYNTHETIC} HEAD 5MM",
        seed=phantom.seed,
    )


def _body_stack(seed: int, slices: int) -> _Stack:
    """Draw an abdomen: wall, fat, liver, kidneys, spine, bowel gas."""
    rng = np.random.default_rng(seed)
    at = (np.arange(BODY_MATRIX) - (BODY_MATRIX - 1) / 2) * BODY_PIXEL_MM
    x, y = at[None, :], at[:, None]
    hu = np.full((slices, BODY_MATRIX, BODY_MATRIX), -1000.0, np.float32)
    organs = (
        (0, 0, 165, 115, -100), (0, 0, 150, 98, 50), (0, -5, 138, 80, -95),
        (-70, -10, 62, 55, 58), (75, -15, 40, 35, 48), (-62, 42, 22, 28, 34),
        (62, 42, 22, 28, 34), (0, 62, 26, 22, 450), (0, 62, 9, 8, 30), (18, -40, 30, 16, -700),
    )  # fmt: skip
    for index in range(slices):
        grow = 1.0 + 0.12 * np.sin(index / slices * np.pi)
        for middle_x, middle_y, wide, high, value in organs:
            inside = ((x - middle_x) / (wide * grow)) ** 2 + ((y - middle_y) / (high * grow)) ** 2
            hu[index][inside < 1] = value
    hu += rng.standard_normal(hu.shape, dtype=np.float32) * 8.0
    edge = -(BODY_MATRIX - 1) / 2 * BODY_PIXEL_MM
    return _Stack(
        hu=np.rint(hu).astype(np.int16),
        pixel_mm=(BODY_PIXEL_MM, BODY_PIXEL_MM),
        thickness_mm=5.0,
        origin_mm=(edge, edge, -400.0),
        body_part="ABDOMEN",
        description=f"{SYNTHETIC} ABDOMEN 5MM",
        seed=seed,
    )


def _encode(stack: _Stack, study: SyntheticStudy) -> list[bytes]:
    filled = replace(
        study,
        study_uid=study.study_uid or derive_uid(stack.body_part, stack.seed, "study"),
        patient_id=study.patient_id or f"{SYNTHETIC}-{stack.seed}",
    )
    order = range(len(stack.hu))[:: -1 if stack.pose.from_vertex else 1]
    return [
        _encode_slice(stack, filled, index, number) for number, index in enumerate(order, start=1)
    ]


def _encode_slice(stack: _Stack, study: SyntheticStudy, index: int, number: int) -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    _set_study(dataset, stack, study)
    _set_image(dataset, stack, index)
    dataset.InstanceNumber = number
    dataset.SOPInstanceUID = derive_uid(study.study_uid, stack.seed, stack.body_part, index)
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _set_study(dataset: Dataset, stack: _Stack, study: SyntheticStudy) -> None:
    dataset.SOPClassUID = CTImageStorage
    dataset.PatientName = PATIENT_NAME
    dataset.PatientID = study.patient_id
    dataset.PatientBirthDate = ""
    dataset.PatientSex = "O"
    dataset.PatientAge = "060Y"
    dataset.StudyInstanceUID = study.study_uid
    dataset.SeriesInstanceUID = derive_uid(study.study_uid, stack.seed, stack.body_part, "series")
    dataset.FrameOfReferenceUID = derive_uid(study.study_uid, "frame")
    dataset.StudyID = "1"
    dataset.AccessionNumber = study.accession_number
    dataset.ReferringPhysicianName = ""
    for kind in ("Study", "Series", "Acquisition", "Content"):
        setattr(dataset, f"{kind}Date", study.acquired_at.strftime("%Y%m%d"))
        setattr(dataset, f"{kind}Time", study.acquired_at.strftime("%H%M%S"))
    dataset.TimezoneOffsetFromUTC = study.acquired_at.strftime("%z") or "+0000"
    dataset.StudyDescription = f"{SYNTHETIC} {stack.body_part} CT"
    dataset.SeriesDescription = stack.description
    dataset.ImageComments = COMMENTS
    if study.requested_priority is not None:
        dataset.RequestedProcedurePriority = study.requested_priority


def _set_image(dataset: Dataset, stack: _Stack, index: int) -> None:
    rows, columns = stack.hu.shape[1:]
    extent_mm = ((columns - 1) * stack.pixel_mm[1], (rows - 1) * stack.pixel_mm[0])
    x, y, z = stack.pose.corner_mm(stack.origin_mm, extent_mm)
    dataset.Modality = "CT"
    dataset.Manufacturer = "PreRead phantom"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.BodyPartExamined = stack.body_part
    dataset.PatientPosition = stack.pose.position
    dataset.PositionReferenceIndicator = ""
    dataset.SeriesNumber = 2
    dataset.AcquisitionNumber = 1
    dataset.KVP = 120
    dataset.GantryDetectorTilt = stack.pose.tilt_deg
    dataset.ConvolutionKernel = "STANDARD"
    dataset.SliceThickness = stack.thickness_mm
    dataset.SpacingBetweenSlices = stack.thickness_mm
    position = (x, y, z + index * stack.thickness_mm)
    dataset.ImagePositionPatient = [round(float(value), 4) for value in position]
    dataset.ImageOrientationPatient = list(stack.pose.orientation)
    dataset.SliceLocation = round(position[2], 4)
    stored = stack.pose.store(stack.hu[index])
    dataset.PixelSpacing = list(stack.pose.spacing_mm(stack.pixel_mm))
    _set_pixels(dataset, stored)


def _set_pixels(dataset: Dataset, hu: NDArray[np.int16]) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = hu.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = INTERCEPT, 1, "HU"
    dataset.WindowCenter, dataset.WindowWidth = 40, 80
    stored = np.clip(hu.astype(np.int32) - INTERCEPT, 0, 4095).astype("<u2")
    dataset.PixelData = stored.tobytes()
