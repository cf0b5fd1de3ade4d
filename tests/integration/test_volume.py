"""Volumes: the same voxels at the same places, however the files say it."""

import copy
import io
import struct

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from preread.dicom.header import read_header
from preread.dicom.images import codestream_size, read_slices
from preread.dicom.phantom import Bleed, Phantom, make_head
from preread.dicom.phantom_files import encode_series
from preread.dicom.stack import QualityFlag
from preread.dicom.volume import Volume, read_volume, to_radiological
from preread.errors import DicomTruncated, UnreadableDicom, UnreadableVolume
from preread.reasons import ReasonCode
from preread.terms import HemorrhageType, Laterality

ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"


@pytest.fixture(scope="module")
def head() -> Phantom:
    return make_head(3, [Bleed(HemorrhageType.IPH, Laterality.LEFT, 12.0)], slices=6)


@pytest.fixture(scope="module")
def encoded(head) -> tuple[bytes, ...]:
    return tuple(encode_series(head))


@pytest.fixture
def datasets(encoded) -> list[Dataset]:
    """The slices, quartered so that tests are quick: every fourth row and column."""
    return [quartered(pydicom.dcmread(io.BytesIO(content))) for content in encoded]


def quartered(dataset) -> Dataset:
    set_pixels(dataset, dataset.pixel_array[::4, ::4])
    dataset.PixelSpacing = [4 * float(value) for value in dataset.PixelSpacing]
    return dataset


def set_pixels(dataset, stored) -> None:
    dataset.Rows, dataset.Columns = stored.shape
    dataset.PixelData = np.ascontiguousarray(stored).tobytes()
    dataset["PixelData"].VR = "OW"


def volume_of(datasets) -> Volume:
    files = []
    for dataset in datasets:
        buffer = io.BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        files.append(buffer)
    return read_volume(files)


def position(dataset) -> np.ndarray:
    return np.array([float(value) for value in dataset.ImagePositionPatient])


def axes(dataset) -> tuple[np.ndarray, np.ndarray]:
    cosines = np.array([float(value) for value in dataset.ImageOrientationPatient])
    return cosines[:3], cosines[3:]


def refused(datasets) -> ReasonCode:
    with pytest.raises(UnreadableVolume) as raised:
        volume_of(datasets)
    return raised.value.reason


def test_a_volume_has_the_phantoms_voxels_in_hu(head, encoded):
    volume = read_volume([io.BytesIO(content) for content in encoded])

    assert np.array_equal(volume.hu, head.hu)
    assert volume.hu.dtype == np.float32
    assert volume.flags == ()
    assert volume.instance_numbers == (1, 2, 3, 4, 5, 6)


def test_a_volume_knows_the_milliliters_of_its_voxels(head, encoded):
    volume = read_volume([io.BytesIO(content) for content in encoded])
    blood_ml = ((head.mask > 0).sum((1, 2)) * volume.voxel_ml).sum()

    assert blood_ml == pytest.approx(head.bleeds[0].volume_ml, rel=1e-3)


def test_a_volume_can_be_read_from_paths(encoded, tmp_path):
    paths = []
    for number, content in enumerate(encoded):
        paths.append(tmp_path / f"{number}")
        paths[-1].write_bytes(content)

    assert read_volume(paths).hu.shape == (6, 512, 512)


def turned(dataset, *, swap: bool, flip_rows: bool, flip_columns: bool) -> Dataset:
    """Store the same slice in another orientation; every voxel stays where it is."""
    stored = dataset.pixel_array
    start, (along_row, along_column) = position(dataset), axes(dataset)
    rows_mm, columns_mm = (float(value) for value in dataset.PixelSpacing)
    if flip_rows:
        start = start + along_column * rows_mm * (stored.shape[0] - 1)
        stored, along_column = stored[::-1], -along_column
    if flip_columns:
        start = start + along_row * columns_mm * (stored.shape[1] - 1)
        stored, along_row = stored[:, ::-1], -along_row
    if swap:
        stored, along_row, along_column = stored.T, along_column, along_row
        rows_mm, columns_mm = columns_mm, rows_mm
    set_pixels(dataset, stored)
    dataset.ImagePositionPatient = [round(float(value), 6) for value in start]
    dataset.ImageOrientationPatient = [float(v) for v in (*along_row, *along_column)]
    dataset.PixelSpacing = [rows_mm, columns_mm]
    return dataset


@settings(
    max_examples=24, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    swap=st.booleans(),
    flip_rows=st.booleans(),
    flip_columns=st.booleans(),
    order=st.permutations(range(6)),
)
def test_the_orientation_of_the_files_does_not_matter(
    encoded, swap, flip_rows, flip_columns, order
):
    plain = [quartered(pydicom.dcmread(io.BytesIO(content))) for content in encoded]
    for dataset in plain:
        crop = dataset.pixel_array[:, :100]  # not square, so that a lost swap shows
        set_pixels(dataset, crop)
    expected = to_radiological(volume_of(plain))
    odd = [
        turned(plain[i], swap=swap, flip_rows=flip_rows, flip_columns=flip_columns) for i in order
    ]
    volume = to_radiological(volume_of(odd))

    assert np.array_equal(volume.hu, expected.hu)
    assert np.allclose(volume.affine, expected.affine, atol=1e-4)
    assert np.allclose(volume.positions_mm, expected.positions_mm, atol=1e-4)
    assert volume.pixel_spacing_mm == pytest.approx(expected.pixel_spacing_mm)
    assert volume.sop_instance_uids == expected.sop_instance_uids


def test_radiological_order_runs_left_back_and_up(datasets):
    for dataset in datasets:
        turned(dataset, swap=False, flip_rows=True, flip_columns=True)
    direction = to_radiological(volume_of(datasets)).direction

    assert np.allclose(direction, [[0, 0, 1], [0, 1, 0], [1, 0, 0]])


def test_the_affine_takes_voxels_to_their_place_in_the_patient(datasets):
    volume = volume_of(datasets)
    corner = volume.affine @ [2, 3, 4, 1]
    row_mm, column_mm = volume.pixel_spacing_mm
    expected = position(datasets[2]) + np.array([4 * column_mm, 3 * row_mm, 0])

    assert np.allclose(corner[:3], expected, atol=1e-3)


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless, JPEGLSLossless],
    ids=["implicit", "deflated", "rle", "jpeg-ls"],
)
def test_a_lossless_syntax_gives_the_same_volume(datasets, syntax):
    expected = volume_of(datasets)
    for dataset in datasets:
        if syntax.is_encapsulated:
            dataset.compress(syntax, generate_instance_uid=False)
        else:
            dataset.file_meta.TransferSyntaxUID = syntax
    volume = volume_of(datasets)

    assert np.array_equal(volume.hu, expected.hu)


@pytest.mark.parametrize(
    "syntax",
    ["JPEGLosslessProcess14_1", "JPEG2000Lossless"],
    ids=["jpeg lossless", "jpeg 2000"],
)
def test_a_syntax_that_only_gdcm_writes_gives_the_same_volume(datasets, syntax, tmp_path):
    expected = volume_of(datasets)
    paths = [tmp_path / f"{number}.dcm" for number in range(len(datasets))]
    for dataset, path in zip(datasets, paths, strict=True):
        dataset.save_as(path, enforce_file_format=True)
        recompress(path, syntax)
    volume = read_volume(paths)

    assert np.array_equal(volume.hu, expected.hu)


def recompress(path, syntax) -> None:
    gdcm = pytest.importorskip("gdcm")
    reader, change, writer = (
        gdcm.ImageReader(),
        gdcm.ImageChangeTransferSyntax(),
        gdcm.ImageWriter(),
    )
    reader.SetFileName(str(path))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


def test_signed_values_give_the_same_volume(datasets):
    expected = volume_of(datasets)
    for dataset in datasets:
        stored = dataset.pixel_array.astype(np.int32) - 1024
        dataset.PixelRepresentation, dataset.RescaleIntercept = 1, 0
        dataset.BitsStored, dataset.HighBit = 16, 15
        set_pixels(dataset, stored.astype("<i2"))

    assert np.array_equal(volume_of(datasets).hu, expected.hu)


def test_every_slice_has_its_own_rescale(datasets):
    expected = volume_of(datasets)
    stored = datasets[2].pixel_array
    set_pixels(datasets[2], (stored // 2).astype("<u2"))
    datasets[2].RescaleSlope = 2
    volume = volume_of(datasets)

    assert np.abs(volume.hu - expected.hu).max() <= 1


def test_padding_and_what_lies_beyond_the_scale_is_clamped(datasets):
    stored = datasets[0].pixel_array.astype(np.int32) - 1024
    stored[0, :] = -2000
    stored[1, :] = 25000
    stored[2, :] = -1900
    datasets[0].PixelRepresentation, datasets[0].RescaleIntercept = 1, 0
    datasets[0].BitsStored, datasets[0].HighBit = 16, 15
    datasets[0].add_new(0x00280120, "SS", -2000)
    set_pixels(datasets[0], stored.astype("<i2"))
    slice_hu = volume_of(datasets).hu[0]

    assert (slice_hu[0] == -1024).all()
    assert (slice_hu[1] == 3071).all()
    assert (slice_hu[2] == -1024).all()


def test_padding_within_the_scale_is_air_too(datasets):
    datasets[0].add_new(0x00280120, "US", 1064)
    stored = datasets[0].pixel_array.copy()
    stored[5, 5] = 1064
    set_pixels(datasets[0], stored)

    assert volume_of(datasets).hu[0, 5, 5] == -1024


def test_overlay_bits_above_the_stored_ones_are_cut_off(datasets):
    expected = volume_of(datasets)
    set_pixels(datasets[0], datasets[0].pixel_array | 0x1000)

    assert np.array_equal(volume_of(datasets).hu, expected.hu)


def test_a_slice_sent_twice_is_dropped_with_a_flag(datasets):
    again = Dataset()
    again.update(datasets[3])
    again.file_meta = datasets[3].file_meta
    again.SOPInstanceUID = "1.2.3"
    again.InstanceNumber = 99
    volume = volume_of([*datasets, again])

    assert volume.hu.shape[0] == 6
    assert "1.2.3" not in volume.sop_instance_uids
    assert QualityFlag.DUPLICATE_SLICES in volume.flags


def test_a_missing_slice_is_told(datasets):
    volume = volume_of(datasets[:2] + datasets[3:])

    assert QualityFlag.MISSING_SLICES in volume.flags
    assert volume.thickness_mm.tolist() == [5.0, 7.5, 7.5, 5.0, 5.0]


def test_uneven_spacing_gives_every_slice_its_own_thickness(datasets):
    for index, dataset in enumerate(datasets):
        x, y, _ = position(dataset)
        dataset.ImagePositionPatient = [x, y, float((0, 4, 8, 12, 19, 26)[index])]
        dataset.SliceThickness = 4 if index < 4 else 7
    volume = volume_of(datasets)

    # half way to both neighbors: 4, 4, 4, (4 + 7) / 2, 7, 7
    assert volume.thickness_mm.tolist() == [4.0, 4.0, 4.0, 5.5, 7.0, 7.0]
    assert volume.flags == (QualityFlag.UNEVEN_SPACING,)
    assert np.allclose(volume.positions_mm[:, 2], [0, 4, 8, 12, 19, 26])


def test_a_tilted_gantry_is_measured_and_volumes_follow_the_normal(datasets):
    """Tilted by 18.5 degrees, the table moves 5 mm, so slices are 5 cos 18.5 = 4.74 mm apart."""
    tilt = np.deg2rad(18.5)
    for index, dataset in enumerate(datasets):
        dataset.ImageOrientationPatient = [1, 0, 0, 0, float(np.cos(tilt)), -float(np.sin(tilt))]
        dataset.ImagePositionPatient = [-100.0, -100.0, 5.0 * index]
    volume = volume_of(datasets)

    assert volume.gantry_tilt_deg == pytest.approx(18.5, abs=0.01)
    assert volume.flags == (QualityFlag.GANTRY_TILT,)
    assert volume.thickness_mm[2] == pytest.approx(4.7416, abs=1e-3)
    assert np.allclose(volume.affine[:3, 0], [0, 0, 5])
    assert np.allclose(np.linalg.norm(volume.direction, axis=0), 1)


def test_an_enhanced_image_gives_the_same_volume(datasets):
    expected = volume_of(datasets)

    assert np.array_equal(volume_of([enhanced(datasets)]).hu, expected.hu)


def test_one_frame_of_an_enhanced_image_is_decoded_alone(datasets):
    stream = io.BytesIO()
    enhanced(datasets).save_as(stream, enforce_file_format=True)
    header = read_header(stream)
    whole = read_slices(stream, header)
    for number in (0, len(datasets) - 1):
        (alone,) = read_slices(stream, header, number)
        assert np.array_equal(alone.hu, whole[number].hu)
        assert alone.position_mm == whole[number].position_mm
    with pytest.raises(UnreadableVolume):
        read_slices(stream, header, len(datasets))


def test_an_enhanced_image_without_positions_is_refused(datasets):
    whole = enhanced(datasets)
    for group in whole.PerFrameFunctionalGroupsSequence:
        del group.PlanePositionSequence

    assert refused([whole]) is ReasonCode.MISSING_GEOMETRY


def enhanced(datasets) -> Dataset:
    """Return the slices as the frames of one Enhanced CT image (PS3.3 A.38)."""
    whole = Dataset()
    whole.update(datasets[0])
    whole.file_meta = datasets[0].file_meta
    whole.SOPClassUID = whole.file_meta.MediaStorageSOPClassUID = ENHANCED_CT
    whole.NumberOfFrames = len(datasets)
    whole.PixelData = b"".join(dataset.PixelData for dataset in datasets)
    shared = Dataset()
    shared.PlaneOrientationSequence = [only(ImageOrientationPatient=whole.ImageOrientationPatient)]
    shared.PixelMeasuresSequence = [only(PixelSpacing=whole.PixelSpacing, SliceThickness=5)]
    shared.PixelValueTransformationSequence = [only(RescaleIntercept=-1024, RescaleSlope=1)]
    whole.SharedFunctionalGroupsSequence = [shared]
    whole.PerFrameFunctionalGroupsSequence = [
        only(PlanePositionSequence=[only(ImagePositionPatient=dataset.ImagePositionPatient)])
        for dataset in datasets
    ]
    for keyword in (
        "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness",
        "RescaleIntercept", "RescaleSlope", "RescaleType",
    ):  # fmt: skip
        del whole[keyword]
    return whole


def only(**attributes) -> Dataset:
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


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
