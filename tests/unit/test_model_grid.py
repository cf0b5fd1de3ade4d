"""To the model's grid and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.geometry import ModelGrid, Placement, from_grid, head_center, resample_weights, to_grid

GRID = ModelGrid(64, 2.0)


def smooth(shape, spacing_mm, center_rc):
    """A bump of 100 HU on 0, 25 mm wide, 10 mm behind and 15 mm left of the center."""
    rows = (np.arange(shape[0]) - center_rc[0]) * spacing_mm[0] - 10
    columns = (np.arange(shape[1]) - center_rc[1]) * spacing_mm[1] - 15
    distance = rows[:, None] ** 2 + columns[None, :] ** 2
    return (100 * np.exp(-distance / (2 * 25**2))).astype(np.float32)[None]


@given(st.floats(0.4, 2.0), st.floats(0.4, 2.0), st.floats(-8.0, 8.0), st.floats(-8.0, 8.0))
def test_a_bump_lands_at_its_millimetres_whatever_the_spacing(row_mm, column_mm, down, across):
    shape = (int(180 / row_mm), int(180 / column_mm))
    center = (shape[0] / 2 + down / row_mm, shape[1] / 2 + across / column_mm)
    placement = Placement(center, shape, (row_mm, column_mm), GRID)
    moved = to_grid(smooth(shape, (row_mm, column_mm), center), placement)
    wanted = smooth((64, 64), (2.0, 2.0), (31.5, 31.5))
    assert np.abs(moved - wanted).max() < 1.5


@given(st.floats(0.5, 1.9), st.floats(-6.0, 6.0))
def test_there_and_back_is_the_same_map(spacing_mm, shift):
    shape = (96, 90)
    center = (47.5 + shift, 44.5 - shift)
    placement = Placement(center, shape, (spacing_mm, spacing_mm), ModelGrid(256, 1.0))
    source = smooth(shape, (spacing_mm, spacing_mm), center)
    back = from_grid(to_grid(source, placement), placement)
    assert np.abs(back - source)[0, 4:-4, 4:-4].max() < 2.0


def test_left_stays_left():
    source = np.zeros((1, 40, 40), np.float32)
    source[0, 20, 30] = 500
    placement = Placement((20, 20), (40, 40), (2.0, 2.0), GRID)
    assert np.unravel_index(to_grid(source, placement)[0].argmax(), (64, 64))[1] > 32


def test_beyond_the_source_there_is_air():
    placement = Placement((9.5, 9.5), (20, 20), (2.0, 2.0), GRID)
    assert to_grid(np.zeros((1, 20, 20), np.float32), placement)[0, 0, 0] == -1000


def test_a_map_of_half_the_size_lies_on_the_same_millimetres():
    placement = Placement((31.5, 31.5), (64, 64), (2.0, 2.0), GRID)
    fine = smooth((64, 64), (2.0, 2.0), (31.5, 31.5))
    coarse = fine.reshape(1, 32, 2, 32, 2).mean(axis=(2, 4))
    assert np.abs(from_grid(coarse, placement) - fine)[0, 4:-4, 4:-4].max() < 2.0


def test_every_source_pixel_counts_when_the_grid_is_coarser():
    weights = resample_weights(100, 25, start=1.5, step=4.0).toarray()
    assert weights.sum(axis=0)[4:-4] == pytest.approx(0.25)


def test_the_middle_of_the_skull_is_found_and_a_table_below_it_is_not():
    hu = np.full((10, 100, 100), -1000, np.float32)
    hu[:, 20:61, 30:71] = 800
    hu[:, 22:59, 32:69] = 35
    hu[:, 95:, :] = -150
    assert head_center(hu) == pytest.approx((40, 50), abs=1.5)


def test_without_bone_the_middle_of_the_image_is_taken():
    assert head_center(np.zeros((3, 50, 70), np.float32)) == pytest.approx((24.5, 34.5), abs=1)
