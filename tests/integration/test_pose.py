"""How a head is held: where a registration puts it, and networks that see it from two sides."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ml.anatomy import find_frame
from ml.intracranial import find_interior
from ml.places.pose import STRAIGHT, PoseNetwork, mirrored
from ml.places.upright import UprightHead, below_mm_of, cell_axes_mm, stand_upright
from ml.places.views import LEVELS, front_view, side_view
from ml.training.placing.poses import error_mm, pose_of, train_pose
from tests.support.heads import head

HEIGHTS_MM = np.arange(32) * 5.0


@pytest.fixture(scope="module")
def upright():
    hu = head().volume.hu
    interior = find_interior(hu, 1.4)
    frame = find_frame(interior, HEIGHTS_MM, hu)
    return stand_upright(hu, interior, frame), frame


def held(upright, nod_deg, lean_deg):
    """What is inside a skull with one dense plate in it, that is lifted by a nod and a lean."""
    nod, lean = np.deg2rad([nod_deg, lean_deg])
    back, left = cell_axes_mm()
    below = upright.below_mm[:, None, None] - 85.0
    plate = np.abs(below - back[:, None] * np.tan(nod) - left * np.tan(lean)) < 8
    hu = np.where((upright.depth_mm > 0) & plate, 600.0, 30.0).astype(np.float32)
    pose = np.array(STRAIGHT)
    pose[1:, 1:3] = [[np.cos(nod), np.sin(nod)], [-np.sin(nod), np.cos(nod)]]
    pose[0, 2], pose[2, 0] = np.sin(lean), -np.sin(lean)
    return replace(upright, hu=hu), pose


def views_of(one):
    return tuple(torch.from_numpy(view(one))[None] for view in (side_view, front_view))


def test_a_registered_head_has_the_pose_of_its_registration(upright):
    _, frame = upright
    # Rows and columns are 1.4 mm, slices 5 mm apart; the head's middle lies in 79.5, 79.5 of slice 15.5.
    nod = np.deg2rad(12.0)
    back = np.array([0.0, 1.4, 0.0, -79.5 * 1.4])
    up = np.array([5.0, 0.0, 0.0, -15.5 * 5.0])
    scale = 178 / 170
    to_mni = np.eye(4)
    to_mni[0] = [0, 0, -1.4 * scale, 79.5 * 1.4 * scale]
    to_mni[1] = -scale * (back * np.cos(nod) + up * np.sin(nod))
    to_mni[2] = scale * (up * np.cos(nod) - back * np.sin(nod))
    pose = pose_of(frame, to_mni)
    turned = [[1, 0, 0], [0, np.cos(nod), -np.sin(nod)], [0, np.sin(nod), np.cos(nod)]]
    assert pose[:, :3] == pytest.approx(np.array(turned), abs=0.03)


def test_an_error_is_in_mm():
    straight = np.array(STRAIGHT)
    moved = straight + np.array([[0, 0, 0, 1.0], [0, 0, 0, 2.0], [0, 0, 0, 2.0]])
    assert error_mm(straight, straight) == 0.0
    assert error_mm(moved, straight) == pytest.approx(3.0)


def test_a_mirrored_head_has_the_same_side_and_a_mirrored_front(upright):
    standing, _ = upright
    random = np.random.default_rng(1)
    one = replace(standing, hu=random.normal(40, 30, standing.hu.shape).astype(np.float32))
    other = one.mirrored()
    np.testing.assert_allclose(side_view(one), side_view(other), atol=1e-5)
    np.testing.assert_allclose(front_view(one), front_view(other)[..., ::-1], atol=1e-5)


def test_a_mirrored_head_is_held_the_mirrored_way(upright):
    torch.manual_seed(0)
    network = PoseNetwork().eval()
    one, _ = held(upright[0], 5.0, 8.0)
    with torch.inference_mode():
        pose, other = network(*views_of(one)), network(*views_of(one.mirrored()))
    torch.testing.assert_close(other, mirrored(pose), atol=1e-5, rtol=0.0)


@pytest.mark.parametrize("slabs", [1, 2, 40])
@pytest.mark.parametrize("view", [side_view, front_view])
def test_a_view_shows_the_levels_that_slabs_lie_at_whatever_their_order(upright, slabs, view):
    standing, frame = upright
    some = np.linspace(2, len(standing.hu) - 3, slabs).astype(int)[::-1]
    one = UprightHead(standing.hu[some], standing.depth_mm[some], below_mm_of(frame)[some])
    seen = view(one)
    assert seen.shape[1] == LEVELS
    assert np.isfinite(seen).all()
    assert seen.any()
    assert ((seen >= 0) & (seen <= 1.0001)).all()


def test_networks_learn_to_see_a_nod_and_a_lean(upright):
    standing, _ = upright
    known = [held(standing, nod, lean) for nod in (-16, -5, 5, 16) for lean in (-9, 3, 9)]
    network = train_pose([one for one, _ in known], [pose for _, pose in known], 150, seed=1)
    seen, truth = held(standing, 9.0, -6.0)
    with torch.inference_mode():
        (said,) = network(*views_of(seen)).double().numpy()
    assert error_mm(said, truth) < 0.5 * error_mm(np.array(STRAIGHT), truth)


def test_an_untrained_network_is_near_a_straight_head(upright):
    torch.manual_seed(0)
    with torch.inference_mode():
        (said,) = PoseNetwork().eval()(*views_of(upright[0])).double().numpy()
    assert error_mm(said, np.array(STRAIGHT)) < 15.0
