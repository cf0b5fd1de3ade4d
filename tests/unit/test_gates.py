"""What flags and scores do to the level: they refuse or lift, and never make it milder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.gates import (
    NEVER_NONE,
    NO_SKULL_FOUND,
    REFUSED,
    ImageFlag,
    is_unusual,
    lifted_by,
    networks_disagree,
    why_refused,
)
from ml.scoring import OperatingPoints
from preread.reasons import REASON_TEXT, ReasonCode
from preread.terms import Level
from worker.wording import limitations

POINTS = OperatingPoints(0.2, 0.5, 0.9, 30.0, (0.5,) * 5)


@pytest.mark.parametrize(
    ("flag", "reason"),
    [
        (NO_SKULL_FOUND, ReasonCode.NOT_HEAD),
        (ImageFlag.IMPLAUSIBLE_HU, ReasonCode.IMPLAUSIBLE_HU),
        (ImageFlag.CONTRAST_SUSPECTED, ReasonCode.CONTRAST_SUSPECTED),
    ],
)
def test_what_cannot_be_assessed_has_its_reason_in_words(flag, reason):
    assert why_refused(("DEMONSTRATOR", flag)) is reason
    assert REASON_TEXT[reason]


def test_nothing_else_refuses_a_study():
    others = set(ImageFlag) - REFUSED.keys()
    assert why_refused(tuple(others)) is None


@given(st.sampled_from(list(Level)), st.sets(st.sampled_from(list(ImageFlag))))
def test_flags_only_ever_lift_a_level_of_none(level, flags):
    lifts = lifted_by(level, tuple(flags))
    assert set(lifts) <= flags & NEVER_NONE
    assert level is Level.NONE or lifts == ()


def test_metal_outside_the_skull_is_only_told():
    assert lifted_by(Level.NONE, (ImageFlag.METAL,)) == ()


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_higher_score_is_never_less_unusual(one, other):
    low, high = sorted((one, other))
    assert is_unusual(low) <= is_unusual(high)


def test_without_a_score_nothing_is_said_to_be_unusual():
    assert not is_unusual(None)


def test_networks_disagree_only_from_none_to_suspected():
    assert networks_disagree((0.19, 0.5), POINTS)
    assert not networks_disagree((0.21, 0.95), POINTS)
    assert not networks_disagree((0.05, 0.49), POINTS)
    assert not networks_disagree(None, POINTS)


def test_every_flag_has_its_sentence():
    plain = len(limitations(Level.NONE, (), None))
    for flag in set(ImageFlag) - REFUSED.keys():
        assert len(limitations(Level.NONE, (flag.value,), None)) == plain + 1, flag
