"""Headers are read within bounds: hostile, damaged and odd files end in the right error."""

import io
import struct
import zlib
from datetime import UTC, datetime

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)

from preread.dicom.header import HeaderLimits, InstanceHeader, read_header
from preread.dicom.phantom import make_head
from preread.dicom.phantom_files import SyntheticStudy, encode_series
from preread.dicom.volume import MAX_VOXELS
from preread.errors import (
    DicomMalformed,
    DicomMissingAttribute,
    DicomTooComplex,
    DicomTooLarge,
    DicomTruncated,
    NotDicom,
    UnreadableDicom,
)
from preread.settings import Settings

NAME = "DOE^JANE"


@pytest.fixture(scope="module")
def plain() -> bytes:
    study = SyntheticStudy(
        accession_number="A-17", requested_priority="STAT", patient_id="SECRET-17"
    )
    return encode_series(make_head(2, slices=1), study)[0]


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


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x08",
        b"PK\x03\x04" + bytes(400),
        b"%PDF-1.7" + bytes(400),
        bytes(132),
        b"\x89PNG\r\n" + b"x" * 500,
        b"\x08\x00\x05\x00" + b"\xff" * 400,
    ],
    ids=["empty", "one byte", "zip", "pdf", "zeros", "png", "nearly"],
)
def test_what_is_no_dicom_is_refused(content):
    with pytest.raises(NotDicom):
        read(content)


def test_a_file_cut_off_anywhere_is_refused(plain):
    whole = written(small(plain))
    assert read(whole).modality == "CT"

    for length in range(200, len(whole)):
        with pytest.raises(UnreadableDicom):
            read(whole[:length])


def test_pixel_data_shorter_than_the_matrix_is_truncated(plain):
    dataset = small(plain)
    dataset.PixelData = dataset.PixelData[:100]

    with pytest.raises(DicomTruncated):
        read(written(dataset))


def test_pixel_data_that_claims_four_gigabytes_is_truncated(plain):
    content = before_pixels(plain) + long_element(0x7FE0, 0x10, b"OW", 0xFFFFFFFE)

    with pytest.raises(DicomTruncated):
        read(content)


def test_fragments_that_are_never_closed_are_truncated(plain):
    dataset = small(plain)
    dataset.PixelData = pydicom.encaps.encapsulate([b"\xff\x4f" + bytes(60)])
    dataset["PixelData"].is_undefined_length = True
    whole = written(dataset, JPEG2000Lossless)
    assert read(whole).has_pixels

    with pytest.raises(DicomTruncated):
        read(whole[:-8])


def nested(depth) -> bytes:
    sequence = long_element(0x0008, 0x1140, b"SQ", 0xFFFFFFFF)
    return (sequence + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)) * depth


def items(count) -> bytes:
    sequence = long_element(0x0008, 0x1140, b"SQ", 0xFFFFFFFF)
    return sequence + struct.pack("<HHI", 0xFFFE, 0xE000, 0) * count


HOSTILE = {
    "deep nesting": (nested(100_000), DicomTooComplex),
    "two million items": (items(2_000_000), DicomTooComplex),
    "many elements": (element(0x0009, 0x0001, b"CS", b"") * 300_000, DicomTooComplex),
    "long text": (
        element(0x0018, 0x0010, b"LO", b"x" * 40_000),
        DicomTooComplex,
    ),
    "no value representation": (element(0x0008, 0x1031, b"\x00\x01", b"xx"), DicomMalformed),
    "undefined length of a text": (
        long_element(0x0008, 0x1031, b"UT", 0xFFFFFFFF),
        DicomMalformed,
    ),
    "stray delimiter": (struct.pack("<HHI", 0xFFFE, 0xE00D, 0), DicomMalformed),
    "sequence without items": (
        long_element(0x0008, 0x1140, b"SQ", 0xFFFFFFFF) + element(0x0008, 0x0060, b"CS", b"MR"),
        DicomMalformed,
    ),
    "element larger than its item": (
        long_element(0x0008, 0x1140, b"SQ", 0xFFFFFFFF)
        + struct.pack("<HHI", 0xFFFE, 0xE000, 8)
        + element(0x0008, 0x1150, b"UI", b"1.2.3.4."),
        DicomMalformed,
    ),
    "the same UID twice": (element(0x0008, 0x0018, b"UI", b"1.2.3\0"), DicomMalformed),
    "length beyond the end": (long_element(0x0009, 0x1001, b"OB", 0x7FFFFFFF), DicomTruncated),
}


@pytest.mark.parametrize(("added", "error"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_refused(plain, added, error):
    with pytest.raises(error):
        read(before_pixels(plain) + added)


def test_a_thin_slice_head_in_one_enhanced_image_is_within_the_limits(plain):
    # 1000 frames, each with 13 functional groups of a few elements, as scanners write them.
    words = b"".join(element(0x0018, 0x9300 + n, b"CS", b"NONE") for n in range(5))
    group = long_element(0x0018, 0x9321, b"SQ", 8 + len(words))
    group += struct.pack("<HHI", 0xFFFE, 0xE000, len(words)) + words
    frame = struct.pack("<HHI", 0xFFFE, 0xE000, 13 * len(group)) + 13 * group
    frames = long_element(0x5200, 0x9230, b"SQ", 1000 * len(frame)) + 1000 * frame
    whole = before_pixels(plain) + frames + plain[len(before_pixels(plain)) :]

    assert read(whole).has_pixels
    assert Settings().max_instance_bytes > 2 * MAX_VOXELS + len(frames)  # of 16 bits


def test_a_deflate_bomb_is_refused_without_inflating_it(plain):
    head = written(small(plain), DeflatedExplicitVRLittleEndian)
    start = 132 + 12 + struct.unpack_from("<I", head, 140)[0]
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(deflate.compress(bytes(1 << 20)) for _ in range(300)) + deflate.flush()
    assert len(bomb) < 1 << 20

    with pytest.raises(DicomTooLarge):
        read(head[:start] + bomb, max_inflated_bytes=16 << 20)


def test_a_deflated_file_cut_off_is_refused(plain):
    with pytest.raises(DicomTruncated):
        read(written(small(plain), DeflatedExplicitVRLittleEndian)[:-40])


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


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_no_change_of_bytes_leads_anywhere_but_a_header_or_a_clean_refusal(plain, data):
    content = bytearray(written(small(plain)))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(132, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))

    assert NAME not in said_of(bytes(content))


def said_of(content) -> str:
    """Return the header in words, or the error that refuses the file."""
    try:
        return repr(read(content))
    except UnreadableDicom as error:
        return f"{error.code} {error}"
