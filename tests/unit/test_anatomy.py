"""Side and region of a bleed."""

import numpy as np
import pytest

from ml.anatomy import find_frame, laterality, locate_voxels, places
from ml.intracranial import find_interior
from preread.terms import HemorrhageType, Laterality, Region
from tests.support.heads import head, turned_head

IPH, SDH, IVH, SAH, EDH = (HemorrhageType(name) for name in ("IPH", "SDH", "IVH", "SAH", "EDH"))
HEIGHTS_MM = np.arange(32) * 5.0


@pytest.fixture(scope="module")
def frame():
    """Axes of a straight head: 170 mm long, vertex 75 mm above its middle."""
    return find_frame(find_interior(head().volume.hu, 1.4), HEIGHTS_MM)


def around(frame, up_mm, back_mm, left_mm, count=200):
    """A cloud of voxels 3 mm wide around a point given from the middle of the head."""
    spread = np.random.default_rng(0).normal(scale=3.0, size=(count, 3))
    from_middle = np.array([up_mm, back_mm, left_mm]) + spread
    voxels = from_middle / np.array([5.0, 1.4, 1.4]) + np.array([15.5, 79.5, 79.5])
    return locate_voxels(frame, voxels)


def test_the_axes_of_a_straight_head_are_straight(frame):
    assert frame.axis.columns(79.5, 15.5) == pytest.approx(79.5, abs=0.5)
    assert abs(frame.axis.per_row) < 0.01
    assert (frame.back - frame.front) * 1.4 == pytest.approx(170, abs=5)
    assert frame.top_mm == pytest.approx(HEIGHTS_MM[15] + 2.5 + 75, abs=6)


@pytest.mark.parametrize("turn_deg", [-20.0, -8.0, 12.0])
def test_the_axes_of_a_turned_head_turn_with_it(turn_deg):
    frame = find_frame(find_interior(turned_head(turn_deg), 1.4), HEIGHTS_MM)
    turn = np.deg2rad(turn_deg)
    # 70 mm to the front, to the back, and 50 mm to the left of the head's own axes.
    own_mm = np.array([[-70.0, 0.0], [70.0, 0.0], [0.0, 50.0]])
    back = own_mm[:, 0] * np.cos(turn) - own_mm[:, 1] * np.sin(turn)
    left = own_mm[:, 1] * np.cos(turn) + own_mm[:, 0] * np.sin(turn)
    voxels = np.column_stack([np.full(3, 15.5), 79.5 + back / 1.4, 79.5 + left / 1.4])
    position = locate_voxels(frame, voxels)
    assert position.left_mm == pytest.approx([0, 0, 50], abs=2.5)
    assert position.behind == pytest.approx([15 / 170, 155 / 170, 0.5], abs=0.03)


@pytest.mark.parametrize(
    ("kind", "up", "back", "left", "region"),
    [
        pytest.param(IPH, 10, 0, 25, Region.DEEP_HEMISPHERE, id="putamen"),
        pytest.param(IPH, 35, -55, 25, Region.FRONTAL_LOBE, id="frontal"),
        pytest.param(IPH, 40, 30, 30, Region.PARIETAL_LOBE, id="parietal"),
        pytest.param(IPH, -8, -10, 55, Region.TEMPORAL_LOBE, id="temporal"),
        pytest.param(IPH, 5, 72, 15, Region.OCCIPITAL_LOBE, id="occipital"),
        pytest.param(IPH, -45, 45, 25, Region.CEREBELLUM, id="cerebellum"),
        pytest.param(IPH, -40, 12, 0, Region.BRAIN_STEM, id="pons"),
        pytest.param(IVH, 15, 5, 12, Region.LATERAL_VENTRICLE, id="lateral ventricle"),
        pytest.param(IVH, 0, 0, 0, Region.THIRD_VENTRICLE, id="third ventricle"),
        pytest.param(IVH, -40, 25, 0, Region.FOURTH_VENTRICLE, id="fourth ventricle"),
        pytest.param(SAH, -20, -12, 5, Region.BASAL_CISTERNS, id="suprasellar"),
        pytest.param(SAH, 40, 0, 50, Region.SUBARACHNOID_CONVEXITY, id="sulci"),
        pytest.param(SDH, 40, 0, 0, Region.PARAFALCINE, id="falx"),
        pytest.param(SDH, 30, -50, 40, Region.FRONTAL_CONVEXITY, id="frontal crescent"),
        pytest.param(EDH, -10, 0, 60, Region.TEMPORAL_CONVEXITY, id="temporal lens"),
        pytest.param(EDH, -45, 60, 20, Region.POSTERIOR_FOSSA, id="posterior fossa"),
    ],
)
def test_textbook_places_get_their_names(frame, kind, up, back, left, region):
    assert places(kind, around(frame, up, back, left))[0].region is region


def test_positive_is_the_patients_left(frame):
    assert places(IPH, around(frame, 10, 0, 25))[0].laterality is Laterality.LEFT
    assert places(IPH, around(frame, 10, 0, -25))[0].laterality is Laterality.RIGHT


@pytest.mark.parametrize(
    ("left_mm", "side"),
    [
        pytest.param([20, 30], Laterality.LEFT, id="left"),
        pytest.param([-20, -30], Laterality.RIGHT, id="right"),
        pytest.param([-20, 30], Laterality.BILATERAL, id="both"),
        pytest.param([-3, 3, 1], Laterality.MIDLINE, id="midline"),
        pytest.param([-20, 30, 30, 30, 30, 30], Laterality.LEFT, id="mostly left"),
    ],
)
def test_the_side_follows_from_the_distances(left_mm, side):
    assert laterality(np.array(left_mm, float)) is side


def test_shares_of_named_places_fall_and_are_shares(frame):
    position = around(frame, 20, 10, 30, count=2000)
    shares = [place.share_of_volume for place in places(IPH, position)]
    assert shares == sorted(shares, reverse=True)
    assert 0 < sum(shares) <= 1.001


def test_air_has_no_axes():
    air = np.full((8, 64, 64), -1000, np.float32)
    assert find_frame(find_interior(air, 3.0), np.arange(8) * 5.0) is None
