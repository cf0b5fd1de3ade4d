"""What gives no volume is refused with its reason, and quietly."""

import copy
import io
import struct

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from preread.dicom.images import codestream_size
from preread.dicom.volume import read_volume
from preread.errors import DicomTruncated, UnreadableDicom, UnreadableVolume
from preread.reasons import ReasonCode
from tests.support.volumes import refused, volume_of


def test_inverted_gray_is_refused(datasets):
    datasets[1].PhotometricInterpretation = "MONOCHROME1"

    assert refused(datasets) is ReasonCode.PIXEL_DECODE_FAILED


@pytest.mark.parametrize(
    ("keyword", "reason"),
    [
        ("ImagePositionPatient", ReasonCode.MISSING_GEOMETRY),
        ("ImageOrientationPatient", ReasonCode.MISSING_GEOMETRY),
        ("PixelSpacing", ReasonCode.MISSING_GEOMETRY),
        ("RescaleSlope", ReasonCode.RESCALE_MISSING),
        ("RescaleIntercept", ReasonCode.RESCALE_MISSING),
    ],
)
def test_a_volume_needs_geometry_and_rescale(datasets, keyword, reason):
    del datasets[4][keyword]

    assert refused(datasets) is reason


def test_one_slice_is_no_volume(datasets):
    assert refused(datasets[:1]) is ReasonCode.TOO_FEW_SLICES


def test_two_series_are_no_volume(datasets):
    datasets[0].SeriesInstanceUID = "1.2.3"

    with pytest.raises(ValueError, match="several series"):
        volume_of(datasets)


def test_a_file_cut_off_is_no_part_of_a_volume(encoded):
    files = [io.BytesIO(content) for content in encoded[:5]]

    with pytest.raises(DicomTruncated):
        read_volume([*files, io.BytesIO(encoded[5][:-1000])])


@pytest.mark.parametrize("size", [(65535, 65535), (127, 128), (128, 129)])
def test_a_compressed_image_of_another_size_is_not_decoded(datasets, size):
    for dataset in datasets:
        dataset.compress(JPEGLSLossless, generate_instance_uid=False)
    frame = bytearray(next(pydicom.encaps.generate_frames(datasets[0].PixelData)))
    struct.pack_into(">HH", frame, frame.index(b"\xff\xf7") + 5, *size)
    datasets[0].PixelData = pydicom.encaps.encapsulate([bytes(frame)])

    assert refused(datasets) is ReasonCode.PIXEL_DECODE_FAILED


def test_garbage_in_place_of_a_compressed_image_is_refused_quietly(datasets, capfd):
    for dataset in datasets:
        dataset.compress(RLELossless, generate_instance_uid=False)
    datasets[0].PixelData = pydicom.encaps.encapsulate([b"\x02" + bytes(63) + b"SECRET" * 30])

    assert refused(datasets) is ReasonCode.PIXEL_DECODE_FAILED
    assert "SECRET" not in "".join(capfd.readouterr())


def test_the_size_in_a_jpeg_2000_stream_is_read():
    start = b"\xff\x4f\xff\x51" + struct.pack(">HHIIII", 41, 0, 512, 256, 0, 0)
    siz = start + struct.pack(">IIIIH", 512, 256, 0, 0, 1) + bytes(3)

    assert codestream_size(siz) == (256, 512)
    assert codestream_size(siz[:20]) is None
    assert codestream_size(b"GIF89a" + bytes(60)) is None
    assert JPEG2000Lossless.is_encapsulated


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_a_damaged_file_gives_a_volume_or_a_clean_refusal(datasets, data):
    syntax = data.draw(st.sampled_from([None, RLELossless, JPEGLSLossless]))
    damaged = copy.deepcopy(datasets[1])
    if syntax is not None:
        damaged.compress(syntax, generate_instance_uid=False)
    content = bytearray(saved(damaged))
    series = content.index(str(damaged.SeriesInstanceUID).encode())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(132, len(content) - 1))
        if not series <= at < series + 64:
            content[at] = data.draw(st.integers(0, 255))

    try:
        volume = read_volume([io.BytesIO(saved(datasets[0])), io.BytesIO(bytes(content))])
    except (UnreadableDicom, UnreadableVolume):
        return
    assert np.isfinite(volume.hu).all()
    assert np.isfinite(volume.affine).all()
    assert (volume.thickness_mm > 0).all()


def saved(dataset) -> bytes:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
