"""Volumes: every voxel at its place in the patient, however the files lie."""

import io

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from preread.dicom.stack import QualityFlag
from preread.dicom.volume import read_volume, to_radiological
from tests.support.volumes import axes, position, quartered, set_pixels, volume_of


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
