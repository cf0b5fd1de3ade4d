"""Where inside the skull no blood can be."""

import numpy as np
import pytest

from ml.bloodless import CALCIUM_REACH_MM, where_blood_may_be

SPACING_MM = 1.8


@pytest.fixture
def head():
    """One slice of brain, 35 HU, 144 mm wide, and the inside of its skull."""
    rows, columns = np.mgrid[:100, :100]
    inside = np.hypot(rows - 50, columns - 50) < 40
    return np.where(inside, 35.0, 900.0).astype(np.float32)[None], inside[None]


def test_all_of_a_plain_head_may_bleed_even_where_blood_is_dense(head):
    hu, inside = head
    hu[0, 40:60, 40:60] = 90.0  # as dense as a clot can be
    assert (where_blood_may_be(hu, inside, SPACING_MM) == inside).all()


def test_a_calcification_with_its_rim_may_not_and_what_lies_farther_off_may(head):
    hu, inside = head
    hu[0, 50:53, 50:53] = 200.0
    hu[0, 49, 50:53] = 80.0  # half calcium, half brain
    possible = where_blood_may_be(hu, inside, SPACING_MM)
    assert not possible[0, 49:54, 49:54].any()
    away = round(CALCIUM_REACH_MM / SPACING_MM) + 2
    assert possible[0, 50 - away, 51]
    assert possible[0, 51, 52 + away]


def test_dense_pixels_at_the_skull_are_mixed_with_bone_and_stay(head):
    hu, inside = head
    hu[0, 50, 11:14] = 150.0  # within 8 mm of the edge
    assert (where_blood_may_be(hu, inside, SPACING_MM) == inside).all()


def test_air_and_what_lines_it_may_not(head):
    hu, inside = head
    hu[0, 70:80, 45:55] = -900.0
    possible = where_blood_may_be(hu, inside, SPACING_MM)
    assert not possible[0, 68:82, 45:55].any()
    assert possible[0, 60, 50]
    assert not possible[~inside].any()
