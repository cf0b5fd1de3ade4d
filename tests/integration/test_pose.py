"""How a head is held: where a registration puts it, and networks that see it from two sides."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ml.places.network import PlaceNetwork
from ml.places.pose import STRAIGHT, PoseNetwork, mirrored, straighten
from ml.places.reader import TorchPlaceReader
from ml.places.upright import UprightHead, below_mm_of, cell_axes_mm
from ml.places.views import LEVEL_MM, LEVELS, front_view, shown_levels, side_view
from ml.training.placing import poses
from ml.training.placing.poses import error_mm, pose_of, train_pose
from tests.support.heads import head, standing, with_sides_exchanged


@pytest.fixture(scope="module")
def upright():
    return standing(head().volume.hu)


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
    to_mni[1, 3] -= 18.0
    to_mni[2] = scale * (up * np.cos(nod) - back * np.sin(nod))
    pose = pose_of(frame, to_mni)
    turned = [[1, 0, 0], [0, np.cos(nod), -np.sin(nod)], [0, np.sin(nod), np.cos(nod)]]
    assert pose[:, :3] == pytest.approx(np.array(turned), abs=0.03)
    # The middle of the head lies 77.5 mm below its top, the middle of a view 85.
    below = 85.0 - 77.5
    middle = [0.0, -below * np.sin(nod), 82.0 + below * np.cos(nod)]
    assert pose[:, 3] == pytest.approx(np.array(middle), abs=4.0)


def test_an_error_is_in_mm():
    straight = np.array(STRAIGHT)
    moved = straight + np.array([[0, 0, 0, 1.0], [0, 0, 0, 2.0], [0, 0, 0, 2.0]])
    assert error_mm(straight, straight) == 0.0
    assert error_mm(moved, straight) == pytest.approx(3.0)


def test_a_mirrored_head_has_the_same_side_and_a_mirrored_front(upright):
    standing, _ = upright
    random = np.random.default_rng(1)
    one = replace(standing, hu=random.normal(40, 30, standing.hu.shape).astype(np.float32))
    other = with_sides_exchanged(one)
    np.testing.assert_allclose(side_view(one), side_view(other), atol=1e-5)
    np.testing.assert_allclose(front_view(one), front_view(other)[..., ::-1], atol=1e-5)


def test_a_mirrored_head_is_held_the_mirrored_way(upright):
    torch.manual_seed(0)
    network = PoseNetwork().eval()
    one, _ = held(upright[0], 5.0, 8.0)
    with torch.inference_mode():
        pose, other = network(*views_of(one)), network(*views_of(with_sides_exchanged(one)))
    torch.testing.assert_close(other, mirrored(pose), atol=1e-5, rtol=0.0)


@pytest.mark.parametrize("slabs", [1, 2, 40])
@pytest.mark.parametrize("view", [side_view, front_view])
def test_a_view_shows_the_levels_that_slabs_lie_at_whatever_their_order(upright, slabs, view):
    standing, frame = upright
    some = np.linspace(2, len(standing.hu) - 3, slabs).astype(int)[::-1]
    one = UprightHead(standing.hu[some], standing.depth_mm[some], below_mm_of(frame)[some])
    seen = view(one)
    assert np.isfinite(seen).all()
    assert ((seen >= 0) & (seen <= 1.0001)).all()
    depths = LEVEL_MM * np.arange(LEVELS)
    within = (depths >= one.below_mm.min() - 3) & (depths <= one.below_mm.max() + 3)
    shown = seen.any(axis=(0, 2))
    assert shown.any()
    assert not shown[~within].any()
    assert shown_levels(one) >= shown.sum()


@pytest.mark.parametrize(("moves", "axis"), [(poses._SIDE, 1), (poses._FRONT, 0)])  # noqa: SLF001
def test_a_moved_view_has_the_pose_of_what_it_shows_now(moves, axis, monkeypatch):
    """A spot is where the pose of the moved view says that it was before."""
    monkeypatch.setattr(poses, "_spoiled", lambda views, _: views)
    levels = LEVEL_MM * np.arange(LEVELS)
    across = (np.arange(40 if axis == 1 else 32) - (19.5 if axis == 1 else 15.5)) * 4.8
    spot = np.exp(-((levels[:, None] - 70) ** 2 + (across - 20) ** 2) / 200).astype(np.float32)
    views = torch.from_numpy(np.tile(spot, (12, 1, 1, 1)))
    straight = np.tile(np.array(STRAIGHT), (12, 1, 1))
    moved, held_now = poses._moved(views, straight, moves, np.random.default_rng(3))  # noqa: SLF001
    for view, pose in zip(moved[:, 0].numpy(), held_now, strict=True):
        weights = view**2 / (view**2).sum()
        at = torch.zeros(3)
        at[axis] = float((weights.sum(axis=0) * across).sum())
        at[2] = float((weights.sum(axis=1) * levels).sum())
        came_from = straighten(pose, at)
        assert float(came_from[axis]) == pytest.approx(20.0, abs=1.5)
        assert float(came_from[2]) == pytest.approx(70.0, abs=1.5)


def test_too_few_slabs_show_no_pose(upright):
    standing, _ = upright
    torch.manual_seed(0)
    reader = TorchPlaceReader([PlaceNetwork()])
    few = UprightHead(standing.hu[:9], standing.depth_mm[:9], standing.below_mm[:9])
    assert reader.poses(few)[0].tolist() == np.array(STRAIGHT, np.float32).tolist()
    assert reader.poses(standing)[0].tolist() != np.array(STRAIGHT, np.float32).tolist()


def test_networks_learn_to_see_a_nod_and_a_lean(upright):
    standing, _ = upright
    taught = [held(standing, nod, lean) for nod in (-16, -5, 5, 16) for lean in (-9, 3, 9)]
    network = train_pose([one for one, _ in taught], [pose for _, pose in taught], 150, seed=1)
    seen, truth = held(standing, 9.0, -6.0)
    with torch.inference_mode():
        (said,) = network(*views_of(seen)).double().numpy()
    assert error_mm(said, truth) < 0.5 * error_mm(np.array(STRAIGHT), truth)


def test_an_untrained_network_is_near_a_straight_head(upright):
    torch.manual_seed(0)
    with torch.inference_mode():
        (said,) = PoseNetwork().eval()(*views_of(upright[0])).double().numpy()
    assert error_mm(said, np.array(STRAIGHT)) < 15.0
