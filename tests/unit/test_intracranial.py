"""The inside of the skull."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from ml.intracranial import _filled, _grown, _opened, _shrunk, find_interior
from tests.support.heads import BRAIN_HU, head


def inside_of(hu):
    return find_interior(hu, 1.4)


def test_brain_is_inside_and_bone_scalp_and_air_are_not():
    hu = head().volume.hu.copy()
    interior = inside_of(hu)
    brain = hu == BRAIN_HU
    closed = ~interior.open_slices
    assert (interior.inside & ~brain).sum() == 0
    assert (interior.inside & brain)[closed].sum() / brain[closed].sum() > 0.97


def test_a_hole_of_a_centimetre_does_not_let_the_brain_out():
    hu = head().volume.hu.copy()
    whole = inside_of(hu).inside.sum()
    hu[10:20, 77:83, :40] = np.where(hu[10:20, 77:83, :40] > 200, 30, hu[10:20, 77:83, :40])
    interior = inside_of(hu)
    assert not interior.open_slices[10:20].any()
    assert interior.inside.sum() > 0.98 * whole


def test_an_open_skull_falls_back_to_depth_and_says_so():
    hu = head().volume.hu.copy()
    hu[12:20, :, :70] = np.where(hu[12:20, :, :70] > 200, 30, hu[12:20, :, :70])
    interior = inside_of(hu)
    assert interior.open_slices[12:20].all()
    assert interior.inside[15, 80, 80]
    assert not interior.inside[15, 80, 80 - 48]


def test_a_table_under_the_head_is_outside():
    hu = head().volume.hu.copy()
    hu[:, -6:, :] = 100
    assert not inside_of(hu).inside[:, -6:].any()


def test_nothing_is_inside_of_air():
    assert not inside_of(np.full((4, 64, 64), -1000, np.float32)).inside.any()


@given(arrays(np.bool_, (9, 11), elements=st.booleans()), st.booleans())
def test_growing_shrinking_and_filling_are_those_of_mathematical_morphology(region, square):
    shape = ndimage.generate_binary_structure(2, 2 if square else 1)
    assert (_grown(region, square=square) == ndimage.binary_dilation(region, shape)).all()
    assert (_shrunk(region, square=square) == ndimage.binary_erosion(region, shape)).all()
    assert (_filled(region) == ndimage.binary_fill_holes(region)).all()
    assert (_opened(region) == ndimage.binary_opening(region, iterations=2)).all()
