"""From what was found to where it ends."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.border import BorderRule, above_brain
from ml.bundle import MaskRule
from ml.geometry import ModelGrid, Placement
from ml.intracranial import Interior
from ml.model_slices import ModelSlices
from ml.outline import BloodMap, draw_voxels
from ml.prediction import Prediction
from ml.slabs import plan_slabs
from ml.training.border import BorderPixels, fit_border
from preread.terms import KINDS

SIDE = 64
# A clot is dense, brain and bone are not like it; what the networks say counts as it stands.
BORDER = BorderRule(
    reach=0.2,
    peak_share=0.5,
    intercept=0.0,
    slope=1.0,
    above_brain_hu=(-10.0, 5.0, 20.0, 40.0, 80.0),
    odds=(-2.0, -1.0, 0.0, 0.0, -2.0),
)
RULE = MaskRule(threshold=0.03, least_ml=0.02, border=BORDER)
FOUND = RULE.model_copy(update={"border": None})


def blood_of(probability, hu=52.0, thickness_mm=5.0):
    """A map of slices of 1 mm pixels; inside the skull everywhere, brain of 32 HU in the rim."""
    count = len(probability)
    inside = np.ones((count, SIDE, SIDE), np.bool_)
    brain = np.full((count, SIDE, SIDE), 32.0, np.float32)
    brain[:, 16:48, 16:48] = hu
    placement = Placement(((SIDE - 1) / 2,) * 2, (SIDE, SIDE), (1.0, 1.0), ModelGrid(SIDE, 1.0))
    thickness = np.full(count, thickness_mm)
    slices = ModelSlices(brain, placement, plan_slabs(thickness), np.arange(count) * 5.0)
    prediction = Prediction(
        np.zeros((count, len(KINDS)), np.float32),
        probability.astype(np.float32),
        np.full((count, len(KINDS), 8, 8), 0.2, np.float32),
    )
    interior = Interior(inside, inside, np.zeros(count, np.bool_), 1.0)
    return BloodMap(slices, interior, prediction, brain, thickness / 1000)


def blurred(*bumps, count=1):
    """Bumps of a height and a radius at which half of it is left, each in the middle of a slice."""
    rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    distance = np.hypot(rows, columns)
    maps = np.zeros((count, SIDE, SIDE))
    for number, (height, radius) in enumerate(bumps):
        maps[number] = height / (1 + np.exp((distance - radius) / 1.5))
    return maps


def volume_ml(lesions):
    return sum(one.volume_ml for one in lesions)


def draw(blood, rule=RULE):
    return blood.draw(blood.find(rule, least_ml=rule.least_ml), rule)


@pytest.mark.parametrize("height", [0.9, 0.3])
def test_sure_and_doubtful_blood_ends_where_half_of_its_height_is_left(height):
    blood = blood_of(blurred((height, 10.0)))
    true_ml = np.pi * 10.0**2 * 5 / 1000
    assert volume_ml(blood.find(FOUND, least_ml=0.0)) > 1.4 * true_ml
    assert volume_ml(draw(blood)) == pytest.approx(true_ml, rel=0.1)


def test_a_doubtful_slice_of_a_sure_lesion_keeps_its_own_border():
    maps = blurred((0.95, 10.0), (0.3, 6.0), count=2)
    (lesion,) = draw(blood_of(maps))
    fading = np.count_nonzero(lesion.voxels[:, 0] == 1)
    assert fading == pytest.approx(np.pi * 6.0**2, rel=0.15)


def test_without_a_border_what_was_found_stands():
    blood = blood_of(blurred((0.9, 10.0)))
    found = blood.find(FOUND, least_ml=0.0)
    assert blood.draw(found, FOUND) == found


def test_dense_blood_reaches_further_than_what_is_as_dark_as_brain():
    maps = blurred((0.9, 10.0))
    assert volume_ml(draw(blood_of(maps, hu=60.0))) >= volume_ml(draw(blood_of(maps, hu=33.0)))
    # Where the border of the blood is the border of a dense region, it ends there.
    wide = volume_ml(draw(blood_of(blurred((0.9, 20.0)))))
    assert wide < np.pi * 20.0**2 * 5 / 1000


def test_a_lesion_grows_over_likely_pixels_but_none_begins_there():
    rule = RULE.model_copy(update={"threshold": 0.5})
    faint = np.zeros((1, SIDE, SIDE))
    faint[0, 20:24, 20:24] = 0.4
    assert draw(blood_of(faint), rule) == ()
    faint[0, 24:28, 20:24] = 0.6
    (lesion,) = draw(blood_of(faint), rule)
    assert lesion.volume_ml == pytest.approx(32 * 5 / 1000)


@pytest.mark.parametrize("thickness_mm", [1.25, 5.0, 7.0])
def test_thick_and_thin_slices_count_with_their_own_volume(thickness_mm):
    blood = blood_of(blurred((0.9, 10.0)), thickness_mm=thickness_mm)
    voxels = sum(len(one.voxels) for one in draw(blood))
    assert volume_ml(draw(blood)) == pytest.approx(voxels * thickness_mm / 1000)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_lesion_is_lost_and_a_tighter_border_never_adds(seed):
    rng = np.random.default_rng(seed)
    voxels = np.argwhere(np.ones((3, 6, 6), bool))
    likely = rng.random(len(voxels)).astype(np.float32)
    kept = [
        np.concatenate(
            list(draw_voxels(voxels, likely, np.full(3, 0.1), peak_share=share, least_ml=0.0))
        )
        for share in (0.2, 0.5, 0.8, 1.0)
    ]
    assert all(len(one) for one in kept)
    for wide, tight in pairwise(set(map(tuple, one)) for one in kept):
        assert tight <= wide
    (greatest,) = draw_voxels(voxels, likely, np.full(3, 0.1), peak_share=0.9, least_ml=1e9)
    assert len(greatest)


@pytest.mark.parametrize(("side", "is_filled"), [(3, True), (6, False)])
def test_only_a_small_hole_of_a_lesion_is_filled(side, is_filled):
    likely = np.full((2, 20, 20), 0.9, np.float32)
    likely[:, 8 : 8 + side, 8 : 8 + side] = 0.1
    voxels = np.argwhere(likely > 0)
    (drawn,) = draw_voxels(voxels, likely.ravel(), np.full(2, 0.005), peak_share=0.5, least_ml=0.0)
    assert len(drawn) == len(voxels) - (0 if is_filled else 2 * side**2)


def test_no_hole_takes_what_belongs_to_another_lesion():
    around = np.ones((1, 20, 20), bool)
    around[0, 8:11, 8:11] = False
    voxels = np.argwhere(around)
    (drawn,) = draw_voxels(
        voxels,
        np.full(len(voxels), 0.9, np.float32),
        np.full(1, 0.005),
        peak_share=0.5,
        least_ml=0.0,
    )
    assert len(drawn) == len(voxels)


def test_the_networks_word_never_speaks_against_blood():
    odds = np.array([0.01, 0.1, 0.5, 0.9])
    likely = BORDER.likelihood(odds, np.full(4, 20.0))
    assert (np.diff(likely) > 0).all()
    with pytest.raises(ValueError, match="rise"):
        BORDER.model_validate({**BORDER.model_dump(), "above_brain_hu": (0, 0, 1, 2, 3)})


def test_the_fit_finds_what_speaks_for_blood():
    rng = np.random.default_rng(0)
    odds = rng.uniform(-6, 4, 20_000)
    dense = rng.uniform(-20, 90, 20_000).astype(np.float32)
    truth = rng.random(20_000) < BORDER.likelihood(1 / (1 + np.exp(-odds)), dense)
    fitted = fit_border([BorderPixels(odds, dense, truth)])
    probability = np.array([0.05, 0.3, 0.9])
    for hu in (-5.0, 20.0, 40.0, 75.0):
        wanted = BORDER.likelihood(probability, np.full(3, hu))
        found = fitted.likelihood(probability, np.full(3, hu))
        assert found == pytest.approx(wanted, abs=0.06)


def test_density_is_told_against_brain_and_away_from_bone():
    plane = np.full((1, 32, 32), 32.0, np.float32)
    plane[0, :, 16:] = 1500.0
    where = np.zeros(plane.shape, np.bool_)
    where[0, 10, [4, 13]] = True
    assert above_brain(plane, where, 32.0).tolist() == [0.0, 0.0]
