"""What speaks for blood on a slice, as log-odds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.evidence import any_kind, gather_evidence, log_odds

# 20 mm² are 20 pixels of 1 mm.
PIXEL_MM = 1.0


def evidence(mask, kinds=None, maps=None):
    said = np.full((len(mask), 5), 0.1, np.float32) if kinds is None else kinds
    even = np.full((len(mask), 5, 4, 4), 0.2, np.float32)
    return gather_evidence(said, mask, even if maps is None else maps, PIXEL_MM)


def blot(pixels, probability=0.8):
    mask = np.zeros((1, 16, 16), np.float32)
    mask.reshape(-1)[:pixels] = probability
    return mask


def test_any_is_one_minus_none_of_them():
    # 1 − 0.5 · 0.5
    assert any_kind(np.float32([[0.5, 0.5, 0, 0, 0]])).tolist() == [0.75]


def test_a_spot_of_20_mm2_speaks_with_its_mean():
    assert evidence(blot(20)).drawn_any[0] == pytest.approx(log_odds(np.array(0.8)), abs=1e-6)
    # Half of the spot is empty: 0.4.
    assert evidence(blot(10)).drawn_any[0] == pytest.approx(log_odds(np.array(0.4)), abs=1e-6)


def test_a_larger_spot_speaks_no_louder_than_its_strongest_part():
    assert evidence(blot(200)).drawn_any[0] == pytest.approx(evidence(blot(20)).drawn_any[0])


def test_a_type_is_heard_where_the_map_gives_it_the_blood():
    maps = np.zeros((1, 5, 4, 4), np.float32)
    maps[:, 0, :2], maps[:, 3, 2:] = 1.0, 1.0  # the blood lies in the upper half
    drawn = evidence(blot(40), maps=maps).drawn_kinds[0]
    assert drawn[0] == pytest.approx(log_odds(np.array(0.8)), abs=1e-6)
    assert drawn[3] == log_odds(np.array(0.0))


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 60))
def test_more_blood_never_speaks_for_less(one, other, pixels):
    low, high = sorted((one, other))
    assert evidence(blot(pixels, low)).drawn_any[0] <= evidence(blot(pixels, high)).drawn_any[0]


def test_certainty_and_nothing_stay_finite():
    for mask, said in ((blot(256, 1.0), 1.0), (blot(0), 0.0)):
        seen = evidence(mask, kinds=np.full((1, 5), said, np.float32))
        assert np.isfinite(seen.any_features).all()
        assert np.isfinite(seen.kind_features(2)).all()
