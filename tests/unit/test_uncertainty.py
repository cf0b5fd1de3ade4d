"""The interval of an ensemble's probability."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ml.uncertainty import uncertainty_of

probabilities = st.lists(st.floats(0, 1), min_size=3, max_size=9).map(np.array)


@pytest.mark.parametrize("members", [None, np.array([0.4]), np.array([0.4, 0.9])])
def test_fewer_than_three_networks_have_no_interval_and_say_why(members):
    found = uncertainty_of(members, 0.4)
    assert found.interval95 is None
    assert found.disagreement is None
    assert found.reason


@given(probabilities, st.floats(0, 1))
def test_the_interval_holds_the_reported_probability(members, reported):
    low, high = uncertainty_of(members, reported).interval95
    assert 0 <= low <= reported <= high <= 1


def test_networks_that_agree_leave_no_interval():
    found = uncertainty_of(np.full(5, 0.3), 0.3)
    assert found.interval95 == pytest.approx((0.3, 0.3))
    assert found.disagreement == pytest.approx(0)


@given(st.floats(0.1, 1.5), st.floats(1.1, 3))
def test_wider_disagreement_is_a_wider_interval(spread, more):
    def of(width):
        odds = np.array([-1.0, -0.5, 0.0, 0.5, 1.0]) * width
        return uncertainty_of(1 / (1 + np.exp(-odds)), 0.5)

    near, far = of(spread), of(spread * more)
    assert far.interval95[0] < near.interval95[0] < near.interval95[1] < far.interval95[1]
    assert far.disagreement > near.disagreement


def test_the_interval_is_students_on_the_log_odds():
    odds = np.array([-2.0, -1.2, -1.0, -0.4, 0.1])
    low, high = uncertainty_of(1 / (1 + np.exp(-odds)), 0.3).interval95
    expected = stats.t.interval(0.95, 4, odds.mean(), stats.sem(odds))
    assert (low, high) == pytest.approx(1 / (1 + np.exp(-np.array(expected))))
