"""Volumes: the same voxels, however the files say them."""

import io

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

from preread.dicom.header import read_header
from preread.dicom.images import read_slices
from preread.dicom.volume import read_volume
from preread.errors import UnreadableVolume
from preread.reasons import ReasonCode
from tests.support.volumes import refused, set_pixels, volume_of

ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"


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
