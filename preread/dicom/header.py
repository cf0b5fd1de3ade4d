"""The header of one DICOM instance: what filing it and choosing a series need, and no more.

Names, birth dates and free text of the patient are never read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Final

from preread.dicom.elements import read_elements
from preread.dicom.values import TAGS, Values
from preread.dicom.walk import HeaderLimits
from preread.errors import DicomMalformed, DicomTruncated

__all__ = ["HeaderLimits", "InstanceHeader", "read_header"]

DEFAULT_LIMITS: Final = HeaderLimits()

_WANTED: Final = frozenset(TAGS.values())
_IMAGE_CLASSES: Final = frozenset(  # CT, MR and Secondary Capture: never without pixels
    f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("2", "2.1", "2.2", "4", "4.1", "7")
)
_NO_AGENT: Final = frozenset({"", "NONE", "NO", "N", "NC", "N/A", "NA", "WITHOUT", "NO CONTRAST"})
_MAX_SPACING_MM: Final = 20.0
_MAX_FRAMES: Final = 2000
_SYNTHETIC: Final = "SYNTHETIC"
_MAX_SCANNER: Final = 64


@dataclass(frozen=True, slots=True)
class InstanceHeader:
    """One instance as far as its header tells; None where an attribute is absent or unusable.

    Attributes
    ----------
    pixel_spacing_mm
        Between rows, between columns (0028,0030).
    position_mm
        LPS position of the center of the first voxel (0020,0032).
    orientation
        LPS direction cosines along a row, then along a column (0020,0037).
    contrast_agent
        Whether (0018,0010) names one; None if the attribute is absent.
    acquired_at
        UTC; None unless the file also says its offset from UTC (0008,0201).
    synthetic
        Whether the file says that its images are a computed phantom.
    patient_digest
        SHA-256 of the Patient ID, only to see whether two instances share it.
    has_pixels
        Whether there is pixel data, complete as far as its length tells.
    scanner
        Manufacturer (0008,0070) and model (0008,1090), never a serial number or station name.
    """

    sop_instance_uid: str
    sop_class_uid: str
    study_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    modality: str | None
    accession_number: str | None
    requested_priority: str | None
    body_part: str | None
    image_type: tuple[str, ...]
    instance_number: int | None
    rows: int | None
    columns: int | None
    frames: int
    pixel_spacing_mm: tuple[float, float] | None
    position_mm: tuple[float, float, float] | None
    orientation: tuple[float, float, float, float, float, float] | None
    slice_thickness_mm: float | None
    gantry_tilt_deg: float | None
    kernel: str | None
    contrast_agent: bool | None
    series_description: str | None
    study_description: str | None
    protocol_name: str | None
    patient_age_years: int | None
    acquired_at: datetime | None
    rescale_present: bool
    synthetic: bool
    patient_digest: str | None
    series_number: int | None = None
    has_pixels: bool = True
    scanner: str | None = None


def read_header(
    stream: BinaryIO,
    limits: HeaderLimits = DEFAULT_LIMITS,
    uid: Callable[[Values, str], str] = Values.uid,
) -> InstanceHeader:
    """Read the header of one DICOM file within limits.

    Parameters
    ----------
    stream
        A seekable file; read from its beginning.
    limits
        What the header may cost.
    uid
        Reads one UID by keyword. The default refuses what is no UID; research sets that put
        pseudonyms in their place need another.

    Raises
    ------
    UnreadableDicom
        NotDicom, DicomTruncated, DicomMalformed, DicomTooComplex, DicomTooLarge or
        DicomMissingAttribute; no message carries a value from the file.
    """
    elements = read_elements(stream, _WANTED, limits)
    values = Values(elements)
    _check_pixels(values, uid)
    spacing = values.floats("PixelSpacing", 2)
    position = values.floats("ImagePositionPatient", 3)
    cosines = values.floats("ImageOrientationPatient", 6)
    agent = values.text("ContrastBolusAgent")
    return InstanceHeader(
        sop_instance_uid=uid(values, "SOPInstanceUID"),
        sop_class_uid=uid(values, "SOPClassUID"),
        study_instance_uid=uid(values, "StudyInstanceUID"),
        series_instance_uid=uid(values, "SeriesInstanceUID"),
        transfer_syntax_uid=elements.transfer_syntax_uid,
        modality=values.code("Modality"),
        accession_number=values.text("AccessionNumber") or None,
        requested_priority=values.code("RequestedProcedurePriority"),
        body_part=values.code("BodyPartExamined"),
        image_type=tuple((values.code("ImageType") or "").split("\\")),
        instance_number=values.whole("InstanceNumber"),
        rows=values.short("Rows"),
        columns=values.short("Columns"),
        frames=_frames(values),
        pixel_spacing_mm=_spacing(spacing),
        position_mm=None if position is None else (position[0], position[1], position[2]),
        orientation=_orientation(cosines),
        slice_thickness_mm=values.positive("SliceThickness"),
        gantry_tilt_deg=values.number("GantryDetectorTilt"),
        kernel=values.text("ConvolutionKernel") or None,
        contrast_agent=None if agent is None else agent.upper() not in _NO_AGENT,
        series_description=values.text("SeriesDescription") or None,
        study_description=values.text("StudyDescription") or None,
        protocol_name=values.text("ProtocolName") or None,
        patient_age_years=_age_years(values.code("PatientAge")),
        acquired_at=_acquired_at(values),
        rescale_present=_has_rescale(values),
        synthetic=any(
            (values.text(name) or "").startswith(_SYNTHETIC)
            for name in ("ImageComments", "SeriesDescription")
        ),
        patient_digest=values.digest("PatientID"),
        series_number=values.whole("SeriesNumber"),
        has_pixels=elements.pixel_bytes is not None,
        scanner=_scanner(values),
    )


def _check_pixels(values: Values, uid: Callable[[Values, str], str]) -> None:
    """Refuse an image without pixel data, or with less of it than its matrix needs."""
    rows, columns = values.short("Rows"), values.short("Columns")
    bits = values.short("BitsAllocated")
    have = values.elements.pixel_bytes
    if have is None and (rows or uid(values, "SOPClassUID") in _IMAGE_CLASSES):
        raise DicomTruncated("(7FE0,0010) Pixel Data is missing")
    if have is None or not rows or not columns or not bits:
        return
    samples = values.short("SamplesPerPixel") or 1
    need = rows * columns * bits * samples * _frames(values) // 8
    subsampled = (values.code("PhotometricInterpretation") or "").startswith("YBR_FULL_422")
    if not values.elements.encapsulated and not subsampled and have < need:
        raise DicomTruncated("(7FE0,0010) Pixel Data is shorter than Rows and Columns need")


def _frames(values: Values) -> int:
    frames = values.whole("NumberOfFrames")
    if frames is None:
        return 1
    if not 1 <= frames <= _MAX_FRAMES:
        raise DicomMalformed("(0028,0008) Number of Frames is out of range")
    return frames


def _spacing(numbers: tuple[float, ...] | None) -> tuple[float, float] | None:
    if numbers is None or not all(0 < number <= _MAX_SPACING_MM for number in numbers):
        return None
    return numbers[0], numbers[1]


def _orientation(
    numbers: tuple[float, ...] | None,
) -> tuple[float, float, float, float, float, float] | None:
    """Return the cosines if rows and columns are of unit length and at right angles."""
    if numbers is None:
        return None
    a, b, c, d, e, f = numbers
    unit = abs(math.hypot(a, b, c) - 1) < 1e-2 and abs(math.hypot(d, e, f) - 1) < 1e-2  # noqa: PLR2004
    square = abs(a * d + b * e + c * f) < 1e-2  # noqa: PLR2004 - rounded to 2 digits by some
    return (a, b, c, d, e, f) if unit and square else None


def _has_rescale(values: Values) -> bool:
    slope, intercept = values.number("RescaleSlope"), values.number("RescaleIntercept")
    return intercept is not None and slope is not None and slope != 0


def _age_years(text: str | None) -> int | None:
    """Return full years of an Age String (PS3.5 6.2).

    Examples
    --------
    >>> _age_years("060Y"), _age_years("018M"), _age_years("060")
    (60, 1, None)
    """
    match = re.fullmatch(r"(\d{1,3})([DWMY])", text or "")
    if match is None:
        return None
    per_year = {"D": 365, "W": 52, "M": 12, "Y": 1}[match[2]]
    return int(match[1]) // per_year


def _scanner(values: Values) -> str | None:
    """Return manufacturer and model, without signs that neither needs."""
    words = [values.text(name) or "" for name in ("Manufacturer", "ManufacturerModelName")]
    plain = re.sub(r"[^A-Za-z0-9 ._/+-]", "", " ".join(words))
    return " ".join(plain.split())[:_MAX_SCANNER].strip() or None


def _acquired_at(values: Values) -> datetime | None:
    offset = values.text("TimezoneOffsetFromUTC") or ""
    whole = values.text("AcquisitionDateTime") or ""
    pairs = [whole[:14]] if whole else []
    for kind in ("Acquisition", "Series", "Study"):
        date, time = values.text(f"{kind}Date"), values.text(f"{kind}Time")
        if date and time:
            pairs.append(date + time[:6])
    if match := re.search(r"[+-]\d{4}$", whole):
        offset = match[0]
    for text in pairs:
        try:
            return datetime.strptime(text + offset, "%Y%m%d%H%M%S%z").astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None
