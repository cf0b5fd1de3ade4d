"""From a map of blood to lesions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.lesions import find_lesions

UNEVEN_ML = np.array([0.1, 0.1, 0.2, 0.4])


def blood(*boxes):
    mask = np.zeros((4, 20, 20), bool)
    for box in boxes:
        mask[box] = True
    return mask


def hu_of(mask):
    return np.where(mask, 65, 30).astype(np.float32)


def test_a_known_mask_has_its_known_millilitres():
    mask = blood(np.s_[1:3, 5:10, 5:10])
    (lesion,) = find_lesions(mask, hu_of(mask), UNEVEN_ML, least_ml=0)
    # 25 voxels of 0.1 ml and 25 of 0.2 ml
    assert lesion.volume_ml == pytest.approx(7.5, rel=1e-9)


def test_uneven_slices_count_with_their_own_thickness_and_choose_the_peak():
    mask = blood(np.s_[0, 0:6, 0:6], np.s_[1, 0:6, 0:6], np.s_[2, 0:5, 0:5])
    (lesion,) = find_lesions(mask, hu_of(mask), UNEVEN_ML, least_ml=0)
    assert (lesion.slices.first, lesion.slices.last, lesion.slices.peak) == (0, 2, 2)


def test_any_number_of_lesions_comes_out_greatest_first():
    boxes = [np.s_[0, 2 * n, 0 : n + 1] for n in range(8)]
    mask = blood(*boxes)
    lesions = find_lesions(mask, hu_of(mask), UNEVEN_ML, least_ml=0)
    volumes = [lesion.volume_ml for lesion in lesions]
    assert len(lesions) == 8
    assert volumes == sorted(volumes, reverse=True)


def test_corners_join_in_a_slice_but_not_between_slices():
    within = blood(np.s_[0, 3, 3], np.s_[0, 4, 4])
    between = blood(np.s_[0, 3, 3], np.s_[1, 4, 4])
    assert len(find_lesions(within, hu_of(within), UNEVEN_ML, least_ml=0)) == 1
    assert len(find_lesions(between, hu_of(between), UNEVEN_ML, least_ml=0)) == 2


def test_small_ones_are_left_out():
    mask = blood(np.s_[0, 0, 0], np.s_[1, 10:15, 10:15])
    (lesion,) = find_lesions(mask, hu_of(mask), UNEVEN_ML, least_ml=0.5)
    assert lesion.volume_ml == pytest.approx(2.5)


def test_the_density_is_that_of_the_blood():
    mask = blood(np.s_[1, 5:10, 5:10])
    (lesion,) = find_lesions(mask, hu_of(mask), UNEVEN_ML, least_ml=0)
    assert (lesion.density.mean_hu, lesion.density.p95_hu) == (65.0, 65.0)


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.5))
def test_no_blood_is_lost_or_made_up(seed, share):
    mask = np.random.default_rng(seed).random((4, 12, 12)) < share
    lesions = find_lesions(mask, hu_of(mask), UNEVEN_ML, least_ml=0)
    total = sum(lesion.volume_ml for lesion in lesions)
    assert total == pytest.approx(float((mask.sum(axis=(1, 2)) * UNEVEN_ML).sum()))
