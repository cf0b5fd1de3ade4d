"""Headers are read within bounds: hostile and damaged files end in the right error."""

import struct
import zlib

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
)

from preread.dicom.volume import MAX_VOXELS
from preread.errors import (
    DicomMalformed,
    DicomTooComplex,
    DicomTooLarge,
    DicomTruncated,
    NotDicom,
    UnreadableDicom,
)
from preread.settings import Settings
from tests.support.dicom_bytes import (
    NAME,
    before_pixels,
    element,
    long_element,
    read,
    small,
    written,
)


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
