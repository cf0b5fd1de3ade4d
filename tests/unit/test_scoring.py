"""From slices to the study."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.scoring import Calibration, OperatingPoints, any_features, any_kind, top_logit
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


def test_any_is_one_minus_none_of_them():
    # 1 − 0.5 · 0.5
    assert any_kind(np.float32([[0.5, 0.5, 0, 0, 0]])).tolist() == [0.75]


def test_the_study_is_as_suspect_as_its_two_worst_slices():
    quiet = top_logit(np.float32([0.1] * 30 + [0.9]))
    bleeding = top_logit(np.float32([0.1] * 29 + [0.9, 0.9]))
    assert bleeding > quiet


def test_certainty_stays_finite():
    features = any_features(np.ones((1, 5), np.float32), 0.0)
    assert np.isfinite(features).all()
