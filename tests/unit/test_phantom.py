"""The synthetic head: known volumes, sides and densities, and the same head every time."""

import numpy as np
import pytest

from preread.dicom.phantom import Bleed, Phantom, make_head
from preread.terms import KINDS, HemorrhageType, Laterality

LEFT, RIGHT, BOTH, MIDDLE = (
    Laterality.LEFT,
    Laterality.RIGHT,
    Laterality.BILATERAL,
    Laterality.MIDLINE,
)
FIVE = (
    Bleed(HemorrhageType.IPH, LEFT, 18.0),
    Bleed(HemorrhageType.SDH, RIGHT, 40.0),
    Bleed(HemorrhageType.IVH, BOTH, 6.0),
    Bleed(HemorrhageType.SAH, MIDDLE, 9.0),
    Bleed(HemorrhageType.EDH, LEFT, 25.0),
)


@pytest.fixture(scope="module")
def bleeding() -> Phantom:
    return make_head(21, FIVE)


@pytest.fixture(scope="module")
def healthy() -> Phantom:
    return make_head(21)


def of_kind(phantom, kind):
    return phantom.mask == 1 + KINDS.index(kind)


@pytest.mark.parametrize("wanted", FIVE, ids=lambda bleed: bleed.kind.value)
def test_a_bleed_has_the_volume_asked_for(bleeding, wanted):
    measured_ml = np.count_nonzero(of_kind(bleeding, wanted.kind)) * bleeding.voxel_ml

    assert measured_ml == pytest.approx(wanted.volume_ml, rel=0.1)


def test_the_measured_volumes_are_those_of_the_mask(bleeding):
    for bleed in bleeding.bleeds:
        measured_ml = np.count_nonzero(of_kind(bleeding, bleed.kind)) * bleeding.voxel_ml
        assert bleed.volume_ml == pytest.approx(measured_ml, abs=0.01)


def test_a_bleed_lies_on_the_side_asked_for(bleeding):
    """Columns run from the patient's right to the left."""
    middle = bleeding.mask.shape[2] / 2
    for bleed in FIVE:
        columns = np.nonzero(of_kind(bleeding, bleed.kind))[2]
        share_left = float((columns > middle).mean())
        expected = {LEFT: (0.8, 1.0), RIGHT: (0.0, 0.2), BOTH: (0.3, 0.7), MIDDLE: (0.2, 0.8)}
        low, high = expected[bleed.side]
        assert low <= share_left <= high, bleed


def test_blood_is_denser_than_brain_and_less_than_bone(bleeding):
    for bleed in FIVE:
        density = float(np.median(bleeding.hu[of_kind(bleeding, bleed.kind)]))
        assert 45 <= density <= 80, bleed


def test_a_bleed_holds_next_to_no_bone(bleeding):
    assert (bleeding.hu[bleeding.mask > 0] > 200).mean() < 0.04


def test_blood_in_the_ventricles_sinks_to_the_back(bleeding, healthy):
    rows = np.nonzero(of_kind(bleeding, HemorrhageType.IVH))[1]

    assert rows.mean() > healthy.hu.shape[1] / 2


def test_a_healthy_head_has_brain_fluid_bone_and_no_blood(healthy):
    middle = healthy.hu[healthy.hu.shape[0] // 2]
    inside = middle[200:312, 200:312]

    assert not healthy.mask.any()
    assert 26 <= float(np.median(inside)) <= 38
    assert (middle > 700).mean() > 0.02
    assert middle[0, 0] < -900


def test_the_same_seed_gives_the_same_head():
    one, again = (make_head(4, FIVE[:1], slices=8) for _ in range(2))

    assert np.array_equal(one.hu, again.hu)
    assert np.array_equal(one.mask, again.mask)
    assert one.bleeds == again.bleeds


def test_another_seed_gives_another_head():
    assert not np.array_equal(make_head(4, slices=2).hu, make_head(5, slices=2).hu)


def test_a_bleed_in_the_brain_leaves_the_skull_as_it_was():
    healthy, bleeding = make_head(6, slices=6), make_head(6, FIVE[:1], slices=6)
    bone = healthy.hu > 600

    assert np.array_equal(healthy.hu[bone], bleeding.hu[bone])


def test_a_collection_outside_the_brain_pushes_the_midline_away(bleeding, healthy):
    """The falx stays, but what lies beside it is displaced, so the images differ far away."""
    far = (slice(14, 18), slice(200, 312), slice(200, 312))
    moved = np.abs(bleeding.hu[far].astype(int) - healthy.hu[far]).mean()

    assert moved > 1.0


def test_a_head_has_no_room_for_more_blood_than_brain():
    bleeds = [Bleed(HemorrhageType.SDH, LEFT, 190.0), Bleed(HemorrhageType.IVH, LEFT, 190.0)]

    with pytest.raises(ValueError, match="no room"):
        make_head(1, bleeds, slices=2)


@pytest.mark.parametrize("volume_ml", [0.0, -1.0, 201.0, float("nan")])
def test_a_bleed_of_no_possible_volume_is_refused(volume_ml):
    with pytest.raises(ValueError, match="volume_ml"):
        Bleed(HemorrhageType.IPH, LEFT, volume_ml)
