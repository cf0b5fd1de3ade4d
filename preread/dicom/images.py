"""One DICOM file to its slices in Hounsfield units; the only place that decodes pixel data."""

from __future__ import annotations

import logging
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, RLELossless

from preread.dicom.header import InstanceHeader
from preread.errors import UnreadableVolume
from preread.reasons import ReasonCode

LOWEST_HU: Final = -1024.0
HIGHEST_HU: Final = 3071.0  # 12 bits
_BITS: Final = frozenset({8, 16})
_MAX_FRAMES: Final = 2000
_PIXEL_TAGS: Final = [
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "RescaleIntercept",
    "RescaleSlope",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "PixelData",
]


@dataclass(frozen=True)
class SliceImage:
    """One slice: float32 HU of shape (R, C), and where it lies (PS3.3 C.7.6.2.1.1)."""

    hu: NDArray[np.float32]
    sop_instance_uid: str
    instance_number: int | None
    position_mm: tuple[float, float, float]
    orientation: tuple[float, float, float, float, float, float]
    pixel_spacing_mm: tuple[float, float]
    thickness_mm: float | None


def read_slices(
    stream: BinaryIO, header: InstanceHeader, frame: int | None = None
) -> list[SliceImage]:
    """Decode one file whose header has been read within bounds.

    Parameters
    ----------
    stream
        The file; read from its beginning.
    header
        Of the same file.
    frame
        Decode only this one, from 0; None decodes all.

    Returns
    -------
    list of SliceImage
        One, or one per frame of an Enhanced CT image. HU are within -1024..3071; padding
        (0028,0120) is -1024.

    Raises
    ------
    UnreadableVolume
        If the pixels cannot be decoded to HU or the geometry is missing.
    """
    with _quiet():
        try:
            return _read_slices(stream, header, frame)
        except UnreadableVolume:
            raise
        except Exception:  # noqa: BLE001 - decoders raise anything; texts may hold patient data
            raise UnreadableVolume(
                ReasonCode.PIXEL_DECODE_FAILED, "the pixel data could not be decoded"
            ) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what pydicom warns and logs to itself: it may quote values of the file."""
    logger = logging.getLogger("pydicom")
    before = logger.disabled
    logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before


def _read_slices(stream: BinaryIO, header: InstanceHeader, frame: int | None) -> list[SliceImage]:
    stream.seek(0)
    dataset = pydicom.dcmread(stream, force=True, specific_tags=list(_PIXEL_TAGS))
    _check_format(dataset)
    _check_frames(dataset, header)
    if "PerFrameFunctionalGroupsSequence" in dataset:
        stored = _unpad(dataset, pixel_array(dataset, index=frame))
        return _split_frames(dataset, header, stored, frame)
    stored = _unpad(dataset, dataset.pixel_array)
    if stored.ndim != 2 or not header.rescale_present:  # noqa: PLR2004 - rows and columns
        raise UnreadableVolume(ReasonCode.RESCALE_MISSING)
    if header.position_mm is None or header.orientation is None or not header.pixel_spacing_mm:
        raise UnreadableVolume(ReasonCode.MISSING_GEOMETRY)
    padding = _padding(dataset, stored)
    slope, intercept = float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
    return [
        SliceImage(
            hu=_to_hu(stored, padding, slope, intercept),
            sop_instance_uid=header.sop_instance_uid,
            instance_number=header.instance_number,
            position_mm=header.position_mm,
            orientation=header.orientation,
            pixel_spacing_mm=header.pixel_spacing_mm,
            thickness_mm=header.slice_thickness_mm,
        )
    ]


def _check_format(dataset: Dataset) -> None:
    """Refuse what is not one gray channel in which more means denser."""
    gray = dataset.PhotometricInterpretation == "MONOCHROME2" and dataset.SamplesPerPixel == 1
    if not gray or dataset.BitsAllocated not in _BITS:
        raise UnreadableVolume(
            ReasonCode.PIXEL_DECODE_FAILED, "(0028,0004) the image is not MONOCHROME2"
        )


def _check_frames(dataset: Dataset, header: InstanceHeader) -> None:
    """Compare compressed frames with Rows and Columns before a native decoder sees them."""
    syntax = UID(header.transfer_syntax_uid)
    if not syntax.is_encapsulated or syntax == DeflatedExplicitVRLittleEndian:
        return
    matrix = (int(dataset.Rows), int(dataset.Columns))
    most = 2 * matrix[0] * matrix[1] * int(dataset.BitsAllocated) // 8 + (1 << 16)
    for frame in generate_frames(dataset.PixelData, number_of_frames=header.frames):
        claimed = None if syntax == RLELossless else codestream_size(frame)
        if len(frame) > most or (syntax != RLELossless and claimed != matrix):
            raise UnreadableVolume(
                ReasonCode.PIXEL_DECODE_FAILED, "the compressed image is not of Rows x Columns"
            )


def codestream_size(frame: bytes) -> tuple[int, int] | None:
    """Return the rows and columns that a JPEG, JPEG-LS or JPEG 2000 stream claims.

    Parameters
    ----------
    frame
        The compressed frame.

    Returns
    -------
    tuple of int, or None
        None if it is no single-component stream of these.

    Notes
    -----
    SIZ of ISO/IEC 15444-1 A.5.1; SOF of ISO/IEC 10918-1 B.2.2, SOF55 of 14495-1 C.2.2.
    """
    if frame[:4] == b"\xff\x4f\xff\x51" and len(frame) >= 42:  # noqa: PLR2004 - up to Csiz
        right, low, left, top = struct.unpack_from(">4I", frame, 8)
        components = struct.unpack_from(">H", frame, 40)[0]
        return (low - top, right - left) if components == 1 else None
    if frame[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 10 <= len(frame) and frame[at] == 0xFF:  # noqa: PLR2004 - marker
        marker, length = frame[at + 1], struct.unpack_from(">H", frame, at + 2)[0]
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}):  # noqa: PLR2004
            _, rows, columns, components = struct.unpack_from(">BHHB", frame, at + 4)
            return (rows, columns) if components == 1 else None
        at += 2 + length
    return None


def _unpad(dataset: Dataset, stored: NDArray[np.generic]) -> NDArray[np.int32]:
    """Cut bits above Bits Stored off unsigned values: old files keep overlays there."""
    values = stored.astype(np.int32)
    bits = int(dataset.BitsStored)
    if dataset.PixelRepresentation == 0 and bits < dataset.BitsAllocated:
        values &= (1 << bits) - 1
    return values


def _padding(dataset: Dataset, stored: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return where stored values are padding (PS3.3 C.7.5.1.1.2)."""
    value = dataset.get("PixelPaddingValue")
    if not isinstance(value, int):
        return np.zeros(stored.shape, bool)
    limit = dataset.get("PixelPaddingRangeLimit")
    other = limit if isinstance(limit, int) else value
    return (stored >= min(value, other)) & (stored <= max(value, other))


def _to_hu(
    stored: NDArray[np.int32], padding: NDArray[np.bool_], slope: float, intercept: float
) -> NDArray[np.float32]:
    hu = stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    hu[padding] = LOWEST_HU
    return np.clip(hu, LOWEST_HU, HIGHEST_HU, out=hu)


def _split_frames(
    dataset: Dataset, header: InstanceHeader, stored: NDArray[np.int32], frame: int | None
) -> list[SliceImage]:
    """Return the frames of an Enhanced CT image (PS3.3 A.38), with their functional groups."""
    frames = stored.reshape(-1, *stored.shape[-2:])
    shared = dataset.get("SharedFunctionalGroupsSequence") or [Dataset()]
    groups = dataset.PerFrameFunctionalGroupsSequence
    numbers = range(len(groups)) if frame is None else (frame,)
    if len(groups) > _MAX_FRAMES or len(frames) != len(numbers):
        raise UnreadableVolume(ReasonCode.MISSING_GEOMETRY)
    padding = _padding(dataset, frames)
    return [
        _frame(header, number, (groups[number], shared[0]), _Pixels(frames[at], padding[at]))
        for at, number in enumerate(numbers)
    ]


@dataclass(frozen=True)
class _Pixels:
    stored: NDArray[np.int32]
    padding: NDArray[np.bool_]


def _frame(
    header: InstanceHeader, number: int, groups: tuple[Dataset, Dataset], pixels: _Pixels
) -> SliceImage:
    place = _group(groups, "PlanePositionSequence", ReasonCode.MISSING_GEOMETRY)
    plane = _group(groups, "PlaneOrientationSequence", ReasonCode.MISSING_GEOMETRY)
    measures = _group(groups, "PixelMeasuresSequence", ReasonCode.MISSING_GEOMETRY)
    values = _group(groups, "PixelValueTransformationSequence", ReasonCode.RESCALE_MISSING)
    x, y, z = (float(part) for part in place.ImagePositionPatient)
    a, b, c, d, e, f = (float(part) for part in plane.ImageOrientationPatient)
    between_rows, between_columns = (float(part) for part in measures.PixelSpacing)
    slope, intercept = float(values.RescaleSlope), float(values.RescaleIntercept)
    if not np.isfinite([x, y, z, a, b, c, d, e, f, between_rows, between_columns]).all():
        raise UnreadableVolume(ReasonCode.MISSING_GEOMETRY)
    thickness = measures.get("SliceThickness")
    return SliceImage(
        hu=_to_hu(pixels.stored, pixels.padding, slope, intercept),
        sop_instance_uid=header.sop_instance_uid,
        instance_number=number + 1,
        position_mm=(x, y, z),
        orientation=(a, b, c, d, e, f),
        pixel_spacing_mm=(between_rows, between_columns),
        thickness_mm=None if thickness is None else float(thickness),
    )


def _group(groups: tuple[Dataset, Dataset], keyword: str, missing: ReasonCode) -> Dataset:
    """Return a functional group's only item, of the frame itself or else the shared one."""
    for group in groups:
        if items := group.get(keyword):
            item: Dataset = items[0]
            return item
    raise UnreadableVolume(missing)
