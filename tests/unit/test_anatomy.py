"""The axes of a head and the side of a bleed."""

import numpy as np
import pytest

from ml.anatomy import find_frame, laterality, locate_voxels, side_in
from ml.intracranial import find_interior
from preread.terms import Laterality, Region
from tests.support.heads import Ball, head

HEIGHTS_MM = np.arange(32) * 5.0


@pytest.fixture(scope="module")
def frame():
    """Axes of a straight head: 170 mm long, vertex 75 mm above its middle."""
    hu = head().volume.hu
    return find_frame(find_interior(hu, 1.4), HEIGHTS_MM, hu)


def test_the_axes_of_a_straight_head_are_straight(frame):
    assert frame.axis.columns(79.5, 15.5) == pytest.approx(79.5, abs=0.5)
    assert abs(frame.axis.per_row) < 0.01
    assert (frame.back - frame.front) * 1.4 == pytest.approx(170, abs=5)
    assert frame.top_mm == pytest.approx(HEIGHTS_MM[15] + 2.5 + 75, abs=6)


@pytest.mark.parametrize("turn_deg", [-60.0, -45.0, -20.0, -8.0, 12.0, 35.0, 60.0])
def test_the_axes_of_a_turned_head_turn_with_it(turn_deg):
    hu = head(turn_deg=turn_deg).volume.hu
    frame = find_frame(find_interior(hu, 1.4), HEIGHTS_MM, hu)
    turn = np.deg2rad(turn_deg)
    # 70 mm to the front, to the back, and 50 mm to the left of the head's own axes.
    own_mm = np.array([[-70.0, 0.0], [70.0, 0.0], [0.0, 50.0]])
    back = own_mm[:, 0] * np.cos(turn) - own_mm[:, 1] * np.sin(turn)
    left = own_mm[:, 1] * np.cos(turn) + own_mm[:, 0] * np.sin(turn)
    voxels = np.column_stack([np.full(3, 15.5), 79.5 + back / 1.4, 79.5 + left / 1.4])
    position = locate_voxels(frame, voxels)
    assert position.left_mm == pytest.approx([0, 0, 50], abs=2.5)
    assert position.behind == pytest.approx([15 / 170, 155 / 170, 0.5], abs=0.03)


def test_one_wide_slab_among_others_gives_an_axis_through_all_of_them():
    """The slope of a line through one point is none, not one through the origin."""
    hu = head().volume.hu[[2, 3, 15]]
    frame = find_frame(find_interior(hu, 1.4), np.arange(3) * 5.0, hu)
    for slab in range(3):
        assert frame.axis.columns(np.array([79.5]), slab) == pytest.approx([79.5], abs=3.0)


@pytest.mark.parametrize("slabs", [slice(24, 30), slice(14, 18), slice(0, 32)])
@pytest.mark.parametrize("half_axes_mm", [(75, 75, 75), (75, 72, 76), (75, 70, 78)])
def test_a_round_or_wide_head_is_taken_for_a_straight_one(half_axes_mm, slabs):
    hu = head(Ball((0, -20, 40), 14), half_axes_mm=half_axes_mm).volume.hu[slabs]
    frame = find_frame(find_interior(hu, 1.4), np.arange(len(hu)) * 5.0, hu)
    assert abs(np.rad2deg(np.arctan(frame.axis.per_row))) <= 36.0
    left = locate_voxels(frame, np.array([[0, 79.5, 79.5 + 30]])).left_mm
    assert left > 15


@pytest.mark.parametrize(
    ("left_mm", "side"),
    [
        pytest.param([20, 30], Laterality.LEFT, id="left"),
        pytest.param([-20, -30], Laterality.RIGHT, id="right"),
        pytest.param([-20, 30], Laterality.BILATERAL, id="both"),
        pytest.param([-3, 3, 1], Laterality.MIDLINE, id="midline"),
        pytest.param([-20, 30, 30, 30, 30, 30], Laterality.LEFT, id="mostly left"),
    ],
)
def test_the_side_follows_from_the_distances(left_mm, side):
    assert laterality(np.array(left_mm, float)) is side


@pytest.mark.parametrize(
    ("region", "left_mm", "side"),
    [
        (Region.SUPRASELLAR_CISTERN, [-9, 7, 8, 9, 8], Laterality.MIDLINE),
        (Region.SUPRASELLAR_CISTERN, [7, 8, 9, 8, 3], Laterality.LEFT),
        (Region.PARAFALCINE, [-20, 30], Laterality.MIDLINE),
        (Region.SYLVIAN_FISSURE, [-9, 7, 8, 9, 8], Laterality.LEFT),
        (Region.SYLVIAN_FISSURE, [-20, 30], Laterality.BILATERAL),
        (Region.FRONTAL_HORN, [2, 3, 4, -1, 3], Laterality.LEFT),
        (Region.FRONTAL_LOBE, [2, -3], Laterality.BILATERAL),
        (Region.PONS, [2, 3, 4], Laterality.MIDLINE),
        (Region.PONS, [3, 4, 5], Laterality.LEFT),
        (Region.PONS, [3, 4, 5, -4], Laterality.MIDLINE),
        (Region.PREPONTINE_CISTERN, [3, 4, 5], Laterality.MIDLINE),
        (Region.CORPUS_CALLOSUM, [3, 4, 5], Laterality.MIDLINE),
    ],
)
def test_only_an_unpaired_region_has_blood_at_the_midline(region, left_mm, side):
    assert side_in(region, np.array(left_mm, float)) is side


def test_air_has_no_axes():
    air = np.full((8, 64, 64), -1000, np.float32)
    assert find_frame(find_interior(air, 3.0), np.arange(8) * 5.0, air) is None
