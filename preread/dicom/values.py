"""Typed access to the raw values of a header; what cannot be read is None, but UIDs raise."""

from __future__ import annotations

import hashlib
import math
import re
import struct
from dataclasses import dataclass
from typing import Final

from preread.dicom.elements import Elements
from preread.errors import DicomMalformed, DicomMissingAttribute

TAGS: Final = {
    "SpecificCharacterSet": (0x0008, 0x0005),
    "ImageType": (0x0008, 0x0008),
    "SOPClassUID": (0x0008, 0x0016),
    "SOPInstanceUID": (0x0008, 0x0018),
    "StudyDate": (0x0008, 0x0020),
    "SeriesDate": (0x0008, 0x0021),
    "AcquisitionDate": (0x0008, 0x0022),
    "AcquisitionDateTime": (0x0008, 0x002A),
    "StudyTime": (0x0008, 0x0030),
    "SeriesTime": (0x0008, 0x0031),
    "AcquisitionTime": (0x0008, 0x0032),
    "AccessionNumber": (0x0008, 0x0050),
    "Manufacturer": (0x0008, 0x0070),
    "ManufacturerModelName": (0x0008, 0x1090),
    "Modality": (0x0008, 0x0060),
    "TimezoneOffsetFromUTC": (0x0008, 0x0201),
    "StudyDescription": (0x0008, 0x1030),
    "SeriesDescription": (0x0008, 0x103E),
    "PatientID": (0x0010, 0x0020),
    "PatientAge": (0x0010, 0x1010),
    "ContrastBolusAgent": (0x0018, 0x0010),
    "BodyPartExamined": (0x0018, 0x0015),
    "SliceThickness": (0x0018, 0x0050),
    "ProtocolName": (0x0018, 0x1030),
    "GantryDetectorTilt": (0x0018, 0x1120),
    "ConvolutionKernel": (0x0018, 0x1210),
    "StudyInstanceUID": (0x0020, 0x000D),
    "SeriesInstanceUID": (0x0020, 0x000E),
    "SeriesNumber": (0x0020, 0x0011),
    "InstanceNumber": (0x0020, 0x0013),
    "ImagePositionPatient": (0x0020, 0x0032),
    "ImageOrientationPatient": (0x0020, 0x0037),
    "ImageComments": (0x0020, 0x4000),
    "SamplesPerPixel": (0x0028, 0x0002),
    "PhotometricInterpretation": (0x0028, 0x0004),
    "NumberOfFrames": (0x0028, 0x0008),
    "Rows": (0x0028, 0x0010),
    "Columns": (0x0028, 0x0011),
    "PixelSpacing": (0x0028, 0x0030),
    "BitsAllocated": (0x0028, 0x0100),
    "RescaleIntercept": (0x0028, 0x1052),
    "RescaleSlope": (0x0028, 0x1053),
    "RequestedProcedurePriority": (0x0040, 0x1003),
}
_UID: Final = re.compile(r"[0-9]+(\.[0-9]+)+")  # leading zeros are wrong but common
_MAX_UID: Final = 64


@dataclass(frozen=True)
class Values:
    """The kept values of one file, by keyword (PS3.6)."""

    elements: Elements

    def raw(self, name: str) -> bytes | None:
        """Return the bytes as they are in the file."""
        return self.elements.values.get(TAGS[name])

    def text(self, name: str) -> str | None:
        """Return a text without control characters; the charset only matters for names."""
        raw = self.raw(name)
        if raw is None:
            return None
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text = raw.decode("latin-1")
        return "".join(sign for sign in text if sign.isprintable()).strip()

    def code(self, name: str) -> str | None:
        """Return a text in capitals; None if it is empty."""
        text = self.text(name)
        return text.upper() if text else None

    def uid(self, name: str) -> str:
        """Return a UID, or raise DicomMissingAttribute or DicomMalformed."""
        tag = "({:04X},{:04X})".format(*TAGS[name])
        uid = (self.raw(name) or b"").rstrip(b"\0 ").decode("latin-1")
        if not uid:
            raise DicomMissingAttribute(f"{tag} {name} is missing")
        if len(uid) > _MAX_UID or not _UID.fullmatch(uid):
            raise DicomMalformed(f"{tag} {name} is no UID (PS3.5 9.1)")
        return uid

    def floats(self, name: str, count: int) -> tuple[float, ...] | None:
        """Return decimal strings, if there are ``count`` and all are finite."""
        text = self.text(name)
        if not text:
            return None
        try:
            numbers = tuple(float(part) for part in text.split("\\"))
        except ValueError:
            return None
        good = len(numbers) == count and all(math.isfinite(number) for number in numbers)
        return numbers if good else None

    def number(self, name: str) -> float | None:
        """Return one finite decimal string."""
        numbers = self.floats(name, 1)
        return None if numbers is None else numbers[0]

    def positive(self, name: str) -> float | None:
        """Return one decimal string above 0."""
        number = self.number(name)
        return number if number is not None and number > 0 else None

    def whole(self, name: str) -> int | None:
        """Return an integer string."""
        number = self.number(name)
        return int(number) if number is not None and abs(number) < 1 << 31 else None

    def short(self, name: str) -> int | None:
        """Return a US value in the byte order of the file."""
        raw = self.raw(name)
        if raw is None or len(raw) != 2:  # noqa: PLR2004 - US has two bytes
            return None
        value: int = struct.unpack(">H" if self.elements.big_endian else "<H", raw)[0]
        return value

    def digest(self, name: str) -> str | None:
        """Return the SHA-256 of a value, in hex; None if it is empty."""
        raw = (self.raw(name) or b"").strip(b"\0 ")
        return hashlib.sha256(raw).hexdigest() if raw else None
