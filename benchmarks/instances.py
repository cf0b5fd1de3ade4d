"""CT-like DICOM files of half a megabyte: real geometry, noise, some 240 header elements."""

from dataclasses import dataclass
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

_SIDE: Final = 512
_PATTERNS: Final = 8  # pictures with noise of their own; what a file says differs in each
_PRIVATE_ELEMENTS: Final = 200  # scanners write about as many
_PRIVATE_GROUP: Final = 0x0019
_STUDY: Final = "2.25.100000000000000000000000000000000000"
_NUMBER: Final = "7777"
_FIRST_NUMBER: Final = 1000
_SYNTHETIC: Final = "SYNTHETIC"


@dataclass(frozen=True, slots=True)
class InstanceMold:
    """Makes any number of studies by writing other UIDs into one header.

    Attributes
    ----------
    header
        A whole DICOM file up to its pixels, with placeholders in it.
    pixels
        The pixels of a few slices, taken in turn.
    """

    header: bytes
    pixels: tuple[bytes, ...]

    def study(self, number: int, count: int) -> list[bytes]:
        """Return the files of one study; every number gives another study."""
        uid = str(_STUDY[:-6] + f"{number:06d}").encode()
        header = self.header.replace(_STUDY.encode(), uid)
        return [
            header.replace(_NUMBER.encode(), str(_FIRST_NUMBER + index).encode())
            + self.pixels[index % len(self.pixels)]
            for index in range(count)
        ]


def mold() -> InstanceMold:
    """Return the mold of all benchmarks; the same each time."""
    rng = np.random.default_rng(1)
    pixels = tuple(_slice(rng).tobytes() for _ in range(_PATTERNS))
    whole = _encode(pixels[0])
    return InstanceMold(header=whole[: -len(pixels[0])], pixels=pixels)


def _slice(rng: np.random.Generator) -> NDArray[np.uint16]:
    """Draw a round head: air, bone, brain, and the noise that decides what packing gains."""
    at = np.arange(_SIDE, dtype=np.float32) - _SIDE / 2
    radius = np.hypot(at[:, None], at[None, :])
    hu = np.select([radius < 180, radius < 195], [np.float32(35), np.float32(900)], -1000)  # noqa: PLR2004 - pixels
    noisy = hu + rng.normal(0, 6, hu.shape)
    stored: NDArray[np.uint16] = np.clip(np.rint(noisy) + 1024, 0, 4095).astype("<u2")
    return stored


def _encode(pixels: bytes) -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = f"{_STUDY}.{_NUMBER}"
    dataset.StudyInstanceUID = _STUDY
    dataset.SeriesInstanceUID = f"{_STUDY}.1"
    dataset.PatientName = f"{_SYNTHETIC}^BENCHMARK"
    dataset.PatientID = _SYNTHETIC
    dataset.ImageComments = _SYNTHETIC
    dataset.Modality = "CT"
    dataset.BodyPartExamined = "HEAD"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.InstanceNumber = _NUMBER
    dataset.ImagePositionPatient = [-115.0, -115.0, 0.0]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing = [0.45, 0.45]
    dataset.SliceThickness = 5
    dataset.Rows = dataset.Columns = _SIDE
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    block = dataset.private_block(_PRIVATE_GROUP, "PREREAD BENCHMARK", create=True)
    for offset in range(_PRIVATE_ELEMENTS):
        block.add_new(offset, "LO", f"setting {offset} of the scanner")
    dataset.PixelData = pixels
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()
