"""DICOM files byte by byte: whole ones, and parts to damage them with."""

import io
import struct

import pydicom
from pydicom.dataset import Dataset

from preread.dicom.header import HeaderLimits, InstanceHeader, read_header

NAME = "DOE^JANE"


def small(plain) -> Dataset:
    """The phantom's slice cut to 8 x 8 pixels, so that files stay small."""
    dataset = pydicom.dcmread(io.BytesIO(plain))
    dataset.Rows = dataset.Columns = 8
    dataset.PixelData = dataset.PixelData[:128]
    dataset.PatientName = NAME
    return dataset


def written(dataset, syntax=None, **kwargs) -> bytes:
    if syntax is not None:
        dataset.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True, **kwargs)
    return buffer.getvalue()


def read(content, **limits) -> InstanceHeader:
    return read_header(io.BytesIO(content), HeaderLimits(**limits))


def element(group, number, vr, value) -> bytes:
    """One element in explicit VR little endian with a 16-bit length."""
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


def long_element(group, number, vr, length, value=b"") -> bytes:
    return struct.pack("<HH2sHI", group, number, vr, 0, length) + value


def before_pixels(plain) -> bytes:
    return plain[: plain.rindex(b"\xe0\x7f\x10\x00")]
