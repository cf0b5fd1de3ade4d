"""From slices to the study."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.scoring import Calibration, OperatingPoints, top_slices
from preread.terms import Level

PROBABILITY = st.floats(0, 1)
ORDER = [Level.NONE, Level.INDETERMINATE, Level.SUSPECTED, Level.CRITICAL]
POINTS = OperatingPoints(0.2, 0.4, 0.9, 30.0, (0.5,) * 5)


@given(PROBABILITY, PROBABILITY, st.floats(0, 200), st.floats(0, 200))
def test_more_evidence_never_lowers_the_level(one, other, little, much):
    low, high = sorted((one, other))
    small, large = sorted((little, much))
    assert ORDER.index(POINTS.level(low, small)) <= ORDER.index(POINTS.level(high, large))


@given(st.floats(-10, 10), st.floats(0, 5), st.floats(-9, 9), st.floats(-9, 9))
def test_a_calibration_never_falls(intercept, slope, one, other):
    curve = Calibration(intercept, (slope,))
    low, high = sorted((one, other))
    assert curve.probability([low]) <= curve.probability([high])


def test_a_falling_calibration_is_refused():
    with pytest.raises(ValueError, match="must not fall"):
        Calibration(0.0, (1.0, -0.1))


def test_operating_points_out_of_order_are_refused():
    with pytest.raises(ValueError, match="must rise"):
        OperatingPoints(0.5, 0.4, 0.9, 30.0, (0.5,) * 5)


def test_volume_alone_makes_nothing_critical():
    assert POINTS.level(0.1, 500.0) is Level.NONE
    assert POINTS.level(0.3, 500.0) is Level.INDETERMINATE


def test_the_study_is_as_suspect_as_its_two_worst_slices():
    quiet = top_slices(np.array([[-2.0]] * 30 + [[2.0]]))
    bleeding = top_slices(np.array([[-2.0]] * 29 + [[2.0], [2.0]]))
    assert bleeding > quiet
    assert top_slices(np.array([[1.0]])).tolist() == [1.0]
