"""Midline shift of ellipsoid heads whose septum lies where it was put."""

import numpy as np
import pytest

from ml.anatomy import NO_AXES, find_frame
from ml.intracranial import find_interior
from ml.midline import NO_VENTRICLES, OPEN_SKULL, measure_shift
from preread.terms import Laterality
from tests.support.heads import SKULL_HU, head

SIZE, SPACING_MM, SLICES = 160, 1.4, 32
HEIGHTS_MM = np.arange(SLICES) * 5.0
FLUID_HU = 6.0


def with_horns(shift_mm=0.0, turn_deg=0.0, wide_mm=8.0):
    """A head with two frontal horns, a septum of 3 mm between them, turned about the vertical."""
    plain = head(slices=SLICES, size=SIZE, spacing_mm=SPACING_MM, turn_deg=turn_deg)
    hu = plain.volume.hu.copy()
    up = (np.arange(SLICES) - (SLICES - 1) / 2) * 5.0
    across = (np.arange(SIZE) - (SIZE - 1) / 2) * SPACING_MM
    back, left = np.meshgrid(across, across, indexing="ij")
    turn = np.deg2rad(turn_deg)
    along = back * np.cos(turn) + left * np.sin(turn)
    aside = np.abs(left * np.cos(turn) - back * np.sin(turn) - shift_mm)
    horns = (aside > 1.5) & (aside < 1.5 + wide_mm) & (along > -40) & (along < 0)
    for slab in np.flatnonzero((up > 0) & (up < 25)):
        hu[slab][horns] = FLUID_HU
    return hu


def shift_of(hu):
    interior = find_interior(hu, SPACING_MM)
    return measure_shift(hu, interior, find_frame(interior, HEIGHTS_MM, hu))


@pytest.mark.parametrize("shift_mm", [3.0, 6.0, 12.0])
@pytest.mark.parametrize(("sign", "side"), [(1, Laterality.LEFT), (-1, Laterality.RIGHT)])
def test_the_septum_is_where_it_was_put(shift_mm, sign, side):
    measured = shift_of(with_horns(sign * shift_mm))
    assert measured.shift_mm == pytest.approx(shift_mm, abs=0.8)
    assert measured.toward is side
    assert measured.reason is None


def test_a_midline_that_did_not_move_has_no_direction():
    measured = shift_of(with_horns())
    assert measured.shift_mm < 0.5
    assert measured.toward is None


def test_a_mirrored_head_moved_as_far_the_other_way():
    hu = with_horns(5.0)
    one, other = shift_of(hu), shift_of(np.ascontiguousarray(hu[:, :, ::-1]))
    assert one.shift_mm == pytest.approx(other.shift_mm, abs=0.3)
    assert (one.toward, other.toward) == (Laterality.LEFT, Laterality.RIGHT)


@pytest.mark.parametrize("turn_deg", [-50.0, -12.0, 5.0, 12.0, 40.0])
def test_a_turned_head_has_the_shift_of_a_straight_one(turn_deg):
    measured = shift_of(with_horns(6.0, turn_deg))
    assert measured.shift_mm == pytest.approx(6.0, abs=1.0)
    assert measured.toward is Laterality.LEFT


def test_without_two_horns_there_is_a_reason_and_no_number():
    quiet = shift_of(head(slices=SLICES, size=SIZE, spacing_mm=SPACING_MM).volume.hu)
    assert (quiet.shift_mm, quiet.toward, quiet.reason) == (None, None, NO_VENTRICLES)
    one_sided = with_horns()
    one_sided[:, :, : SIZE // 2] = np.where(
        one_sided[:, :, : SIZE // 2] == FLUID_HU, 65.0, one_sided[:, :, : SIZE // 2]
    )
    assert shift_of(one_sided).reason == NO_VENTRICLES


def test_an_open_skull_has_no_midline_to_measure_from():
    hu = with_horns()
    hu[14:24, :, : SIZE // 2] = np.where(
        hu[14:24, :, : SIZE // 2] == SKULL_HU, 30.0, hu[14:24, :, : SIZE // 2]
    )
    assert shift_of(hu).reason == OPEN_SKULL


def test_without_a_head_there_are_no_axes():
    assert shift_of(np.full((SLICES, SIZE, SIZE), -1000.0, np.float32)).reason == NO_AXES
