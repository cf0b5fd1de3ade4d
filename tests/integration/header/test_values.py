"""What a header says, however the file is encoded, and what of it cannot be used."""

import io
import struct
from datetime import UTC, datetime

import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from preread.dicom.header import InstanceHeader
from preread.errors import (
    DicomMalformed,
    DicomMissingAttribute,
)
from tests.support.dicom_bytes import before_pixels, element, long_element, read, small, written


def test_a_header_has_what_filing_and_choosing_need(plain):
    header = read(plain)

    assert header.modality == "CT"
    assert header.accession_number == "A-17"
    assert header.requested_priority == "STAT"
    assert header.body_part == "HEAD"
    assert header.image_type == ("ORIGINAL", "PRIMARY", "AXIAL")
    assert (header.rows, header.columns, header.frames) == (512, 512, 1)
    assert header.orientation == (1, 0, 0, 0, 1, 0)
    assert header.slice_thickness_mm == 5.0
    assert header.patient_age_years == 60
    assert header.acquired_at == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert header.contrast_agent is None
    assert header.rescale_present
    assert header.synthetic


def test_the_patient_id_is_only_kept_as_a_digest(plain):
    header = read(plain)

    assert header.patient_digest is not None
    assert "SECRET-17" not in repr(header)
    assert len(header.patient_digest) == 64


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian],
    ids=["implicit", "deflated"],
)
def test_every_encoding_gives_the_same_header(plain, syntax):
    dataset = small(plain)
    expected = read(written(dataset))
    header = read(written(dataset, syntax))

    assert header.transfer_syntax_uid == syntax
    for name in InstanceHeader.__dataclass_fields__:
        if name != "transfer_syntax_uid":
            assert getattr(header, name) == getattr(expected, name), name


def test_a_big_endian_file_gives_the_same_header(plain):
    dataset = small(plain)
    expected = read(written(dataset))
    pixels = dataset.pixel_array
    dataset.PixelData = pixels.astype(">u2").tobytes()
    dataset["PixelData"].VR = "OW"
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, implicit_vr=False, little_endian=False)
    header = read(buffer.getvalue())

    assert (header.rows, header.columns) == (8, 8)
    assert header.position_mm == expected.position_mm


def test_a_file_without_preamble_is_read_when_it_clearly_is_dicom(plain):
    meta_first = plain[132:]
    bare = written(small(plain), ImplicitVRLittleEndian)
    bare = bare[bare.index(b"\x08\x00\x08\x00") :]

    assert read(meta_first).modality == "CT"
    assert read(bare).transfer_syntax_uid == ImplicitVRLittleEndian


def test_an_icon_with_compressed_pixels_is_passed(plain):
    icon = (
        long_element(0x0088, 0x0200, b"SQ", 0xFFFFFFFF)
        + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
        + long_element(0x7FE0, 0x0010, b"OB", 0xFFFFFFFF)
        + struct.pack("<HHI", 0xFFFE, 0xE000, 0)
        + struct.pack("<HHI", 0xFFFE, 0xE000, 4) + b"\xff\xd8\xff\xd9"
        + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        + struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
        + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    )  # fmt: skip
    start = len(before_pixels(plain))

    assert read(plain[:start] + icon + plain[start:]) == read(plain)


@pytest.mark.parametrize(
    ("keyword", "error"),
    [
        ("SOPInstanceUID", DicomMissingAttribute),
        ("SOPClassUID", DicomMissingAttribute),
        ("StudyInstanceUID", DicomMissingAttribute),
        ("SeriesInstanceUID", DicomMissingAttribute),
    ],
)
def test_an_instance_without_a_uid_cannot_be_filed(plain, keyword, error):
    dataset = small(plain)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    del dataset[keyword]
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset)

    with pytest.raises(error, match=keyword):
        read(buffer.getvalue())


@pytest.mark.parametrize("uid", [b"../../../../etc/passwd", b"1.2.<script>", b"1" * 64, b"abc."])
def test_a_uid_that_is_none_is_refused(plain, uid):
    dataset = small(plain)
    old = dataset.StudyInstanceUID.encode()
    content = written(dataset)
    old_element = element(0x0020, 0x000D, b"UI", old + b"\0" * (len(old) % 2))
    padded = uid + b"\0" * (len(uid) % 2)
    assert old_element in content

    with pytest.raises(DicomMalformed):
        read(content.replace(old_element, element(0x0020, 0x000D, b"UI", padded)))


@pytest.mark.parametrize(
    ("keyword", "value", "field"),
    [
        ("ImagePositionPatient", b"nan\\0\\0 ", "position_mm"),
        ("ImagePositionPatient", b"1\\2 ", "position_mm"),
        ("ImageOrientationPatient", b"0\\0\\0\\0\\0\\0 ", "orientation"),
        ("PixelSpacing", b"0\\0 ", "pixel_spacing_mm"),
        ("PixelSpacing", b"0,5\\0,5 ", "pixel_spacing_mm"),
        ("SliceThickness", b"-5", "slice_thickness_mm"),
        ("PatientAge", b"old ", "patient_age_years"),
        ("InstanceNumber", b"1e999 ", "instance_number"),
    ],
)
def test_a_value_that_cannot_be_used_is_none(plain, keyword, value, field):
    dataset = small(plain)
    tag = pydicom.tag.Tag(keyword)
    dataset[keyword] = pydicom.dataelem.RawDataElement(
        tag, dataset[keyword].VR, len(value), value, 0, is_implicit_VR=False, is_little_endian=True
    )

    assert getattr(read(written(dataset)), field) is None


@pytest.mark.parametrize("slope", [b"0 ", b"nan ", b"1e999 ", b"abc "])
def test_a_rescale_slope_of_no_use_counts_as_missing(plain, slope):
    dataset = small(plain)
    tag = pydicom.tag.Tag("RescaleSlope")
    dataset["RescaleSlope"] = pydicom.dataelem.RawDataElement(
        tag, "DS", len(slope), slope, 0, is_implicit_VR=False, is_little_endian=True
    )

    assert not read(written(dataset)).rescale_present


def test_a_time_without_offset_is_not_taken_for_utc(plain):
    dataset = small(plain)
    del dataset.TimezoneOffsetFromUTC
    assert read(written(dataset)).acquired_at is None

    dataset.TimezoneOffsetFromUTC = "-0500"
    assert read(written(dataset)).acquired_at == datetime(2026, 1, 1, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("agent", "given"), [("", False), ("NONE", False), ("OMNIPAQUE 350", True)]
)
def test_a_contrast_agent_is_told_from_the_word_none(plain, agent, given):
    dataset = small(plain)
    dataset.ContrastBolusAgent = agent

    assert read(written(dataset)).contrast_agent is given


def test_control_characters_do_not_pass(plain):
    dataset = small(plain)
    dataset.AccessionNumber = "A\x1b[31m\nB"

    assert read(written(dataset)).accession_number == "A[31mB"
