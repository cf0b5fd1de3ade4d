"""Thin slices to slabs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ml.slabs import plan_slabs

THICKNESSES = st.lists(st.floats(0.5, 8.0), min_size=1, max_size=60).map(np.array)


@given(THICKNESSES)
def test_every_slice_is_in_one_slab_and_slabs_are_in_order(thickness_mm):
    slabs = plan_slabs(thickness_mm)
    of_slices = slabs.of_slices()
    assert of_slices[0] == 0
    assert set(np.diff(of_slices)) <= {0, 1}
    assert of_slices[-1] + 1 == len(slabs.first)


@given(THICKNESSES)
def test_no_slab_of_several_slices_is_much_thicker_than_the_target(thickness_mm):
    slabs = plan_slabs(thickness_mm)
    of_slices = slabs.of_slices()
    for slab in range(len(slabs.first)):
        inside = thickness_mm[of_slices == slab]
        assert len(inside) == 1 or inside.sum() <= 5.0 + inside.max() / 2 + 1e-9


def test_slices_of_five_millimetres_stay_as_they_are():
    slices = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    assert plan_slabs(np.full(3, 5.0)).average(slices) is slices


def test_a_slab_is_the_mean_weighted_by_thickness():
    slabs = plan_slabs(np.array([1.0, 3.0]))
    # (1·10 + 3·50) / 4
    assert slabs.average(np.float32([10, 50]).reshape(2, 1, 1)).ravel().tolist() == [40]


def test_a_volume_of_one_and_a_quarter_millimetres_becomes_a_quarter_as_many():
    assert len(plan_slabs(np.full(128, 1.25)).first) == 32
