"""The out-of-distribution score: 0 among the reference patients, rising with every distance."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.bundle import load_bundle
from ml.gates import UNUSUAL_SCORE
from ml.novelty import FLOORS, Reference, fit_reference, ood_score
from ml.quality import Measures

USUAL = Measures(
    gray_hu=39.0,
    noise_hu=2.8,
    grain=0.7,
    rim_hu=2.0,
    iodine_ml=0.1,
    iodine_slices=1.0,
    metal_ml=0.0,
    cranial_metal_ml=0.0,
    interior_ml=1400.0,
    skull_mm=7.0,
    skull_hu=830.0,
    open_share=0.0,
    top_share=0.13,
    bottom_share=0.0,
)
REFERENCE = fit_reference([USUAL], "one head")
names = st.sampled_from(sorted(FLOORS))


def moved(name, spreads):
    """The usual head with one measure moved by so many spreads."""
    center, spread = REFERENCE.median[name], REFERENCE.spread[name]
    value = center + spreads * spread
    return replace(USUAL, **{name: 2**value if name == "noise_hu" else value})


def test_the_usual_head_scores_nothing():
    assert ood_score(USUAL, REFERENCE) == 0


@given(names, st.floats(-2, 2))
def test_within_two_spreads_a_measure_counts_nothing(name, spreads):
    assert ood_score(moved(name, spreads), REFERENCE) == pytest.approx(0, abs=1e-3)


def lowest(name):
    return -np.inf if name != "noise_hu" else -3.0  # noise below half a HU is as good as none


@given(names, st.floats(2.1, 40), st.floats(0.05, 20), st.sampled_from([-1, 1]))
def test_the_score_rises_with_the_distance_and_stays_below_one(name, spreads, more, side):
    near, far = side * spreads, side * (spreads + more)
    if far < lowest(name):
        return
    low, high = (ood_score(moved(name, at), REFERENCE) for at in (near, far))
    assert 0 < low < high <= 1


def test_four_spreads_in_one_measure_are_unusual():
    assert ood_score(moved("skull_hu", 4.0), REFERENCE) == pytest.approx(UNUSUAL_SCORE)


def test_several_measures_add_up():
    both = replace(moved("skull_hu", 3.5), interior_ml=moved("interior_ml", 3.5).interior_ml)
    assert ood_score(moved("skull_hu", 3.5), REFERENCE) < ood_score(both, REFERENCE)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"noise_hu": 5.5, "grain": 0.55}, id="half the dose, a crisper kernel"),
        pytest.param({"noise_hu": 1.3, "grain": 0.85}, id="iterative reconstruction"),
        pytest.param({"gray_hu": 34.0, "skull_hu": 1050.0}, id="another tube voltage"),
        pytest.param({"rim_hu": -8.0, "iodine_ml": 0.9}, id="atrophy and a calcified plexus"),
    ],
)
def test_another_hospital_is_not_unusual_by_itself(other):
    assert ood_score(replace(USUAL, **other), REFERENCE) < UNUSUAL_SCORE


def test_what_was_not_measured_counts_nothing():
    assert ood_score(replace(USUAL, grain=float("nan")), REFERENCE) == 0


def test_the_spread_of_many_patients_is_their_own_where_it_is_wider_than_the_floor():
    random = np.random.default_rng(0)
    heads = [replace(USUAL, interior_ml=float(v)) for v in random.normal(1400, 300, 400)]
    fitted = fit_reference(heads, "drawn")
    assert fitted.patients == 400
    assert fitted.median["interior_ml"] == pytest.approx(1400, abs=40)
    assert fitted.spread["interior_ml"] == pytest.approx(300, rel=0.15)
    assert fitted.spread["gray_hu"] == FLOORS["gray_hu"]


def test_a_reference_of_other_measures_is_refused():
    without = {name: value for name, value in REFERENCE.median.items() if name != "grain"}
    with pytest.raises(ValueError, match="other measures"):
        Reference("x", 1, without, REFERENCE.spread)
    with pytest.raises(ValueError, match="positive"):
        Reference("x", 1, REFERENCE.median, {**REFERENCE.spread, "grain": 0.0})


def test_a_reference_without_a_measure_is_refused():
    with pytest.raises(ValueError, match="grain"):
        fit_reference([replace(USUAL, grain=float("nan"))], "no noise")


def test_every_compared_measure_is_measured():
    assert set(FLOORS) <= {field.name for field in fields(Measures)}


def test_the_shipped_bundle_brings_its_reference_patients():
    reference = load_bundle().manifest.reference
    assert reference is not None
    assert reference.patients >= 20
    assert ood_score(USUAL, reference) < UNUSUAL_SCORE
