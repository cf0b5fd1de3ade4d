"""How heads are held: the truth by registration, and the networks that learn to see it.

Views are turned, scaled, moved, made brighter and cut off below, and the pose with them, so that
some dozens of heads teach it. A turned view is not quite that of a head that nods more, whose
axes would be found anew; it need not be.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ml.anatomy import HeadFrame, mni_to_straight
from ml.places.pose import BY_FRONT, BY_SIDE, PoseNetwork, entries_at, straighten
from ml.places.upright import (
    CELL_MM,
    COLUMNS,
    ROWS,
    UprightHead,
    below_mm_of,
    cell_axes_mm,
    cell_pixels,
)
from ml.places.views import (
    LEAST_LEVELS,
    LEVEL_MM,
    LEVELS,
    MIDDLE_BELOW_MM,
    front_view,
    side_view,
)

VIEWS: Final = 32
RATE: Final = 3e-3
WEIGHT_DECAY: Final = 0.02
GAIN: Final = 0.1
OFFSET: Final = 0.05
NOISE: Final = 0.03
# Half of the views end after so many levels, as those of series do that begin higher up.
CUT_LEVELS: Final = (LEAST_LEVELS, LEVELS)
# Errors beyond this count as they are, lesser ones by their square.
CLOSE_MM: Final = 4.0
# Cells so far apart tell where a head lies: it lies there by an affine map.
EVERY: Final = 8


class _Moves(NamedTuple):
    """Spreads of what is done to a view, about as far as heads differ; ``axis`` is what runs along it."""

    axis: int
    half_mm: float
    turn_deg: float
    scale: float
    shift_mm: tuple[float, float]


_SIDE: Final = _Moves(1, ROWS * CELL_MM / 2, 9.0, 0.05, (7.0, 8.0))
_FRONT: Final = _Moves(0, COLUMNS * CELL_MM / 2, 5.0, 0.03, (4.0, 6.0))


def checked_points_mm() -> NDArray[np.float64]:
    """Return (P, 3) mm along the axes of a head: where a pose is judged, all over the brain."""
    grids = np.meshgrid(
        (-55.0, 0.0, 55.0), (-70.0, -35.0, 0.0, 35.0, 70.0), (25.0, 55.0, 85.0, 115.0)
    )
    return np.stack(grids, axis=-1).reshape(-1, 3)


def pose_of(frame: HeadFrame, to_mni: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (3, 4) pose of a registered head.

    Parameters
    ----------
    frame
        Its axes.
    to_mni
        (4, 4) from slice, row and column in the frame's pixels to MNI mm.
    """
    back, left = (axis[::EVERY] for axis in cell_axes_mm())
    grid_back, grid_left = (one.ravel() for one in np.meshgrid(back, left, indexing="ij"))
    ones = np.ones(len(grid_back))
    at, known = [], []
    for slab, below in enumerate(below_mm_of(frame)):
        rows, columns = cell_pixels(frame, slab)[:, ::EVERY, ::EVERY].reshape(2, -1)
        voxels = np.stack([slab * ones, rows, columns, ones])
        known.append(mni_to_straight((to_mni @ voxels)[:3].T))
        at.append(np.column_stack([grid_left, grid_back, (below - MIDDLE_BELOW_MM) * ones, ones]))
    solved, *_ = np.linalg.lstsq(np.concatenate(at), np.concatenate(known), rcond=None)
    pose: NDArray[np.float64] = solved.T
    return pose


def error_mm(pose: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Return the root of the mean square by which a pose misplaces the points of a brain."""
    points = torch.from_numpy(checked_points_mm())
    said, known = (straighten(torch.from_numpy(one), points) for one in (pose, truth))
    return float((said - known).square().sum(dim=1).mean().sqrt())


def train_pose(
    heads: Sequence[UprightHead], poses: Sequence[NDArray[np.float64]], steps: int, seed: int
) -> PoseNetwork:
    """Train on the views of some heads of known pose; a minute of one core.

    Parameters
    ----------
    heads
        At least one.
    poses
        (3, 4) of each.
    steps, seed
        How long; and what makes it repeatable.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    sides, fronts = (
        torch.from_numpy(np.stack([view(one) for one in heads])) for view in (side_view, front_view)
    )
    known = np.stack(poses)
    network = PoseNetwork().train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _ in range(steps):
        chosen = random.integers(len(heads), size=VIEWS)
        side, by_side = _moved(sides[chosen], known[chosen], _SIDE, random)
        front, by_front = _moved(fronts[chosen], known[chosen], _FRONT, random)
        loss = _loss(network(side, front), by_side, by_front)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        rates.step()
    return network.eval()


def _loss(said: Tensor, by_side: Tensor, by_front: Tensor) -> Tensor:
    """Return the loss of (B, 3, 4) poses: how what each view tells misplaces points of a brain."""
    points = torch.from_numpy(checked_points_mm()).float()
    total = torch.zeros(())
    for truth, entries in ((by_side, BY_SIDE), (by_front, BY_FRONT)):
        is_told = entries_at(torch.ones(1, len(entries)), entries) != 0
        apart = straighten(((said - truth) * is_told)[:, None], points)
        total = total + functional.smooth_l1_loss(apart / CLOSE_MM, torch.zeros_like(apart))
    return total


def _moved(
    views: Tensor, poses: NDArray[np.float64], moves: _Moves, random: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Return views moved about, and the (B, 3, 4) poses of what they show now."""
    count = len(views)
    turn = np.deg2rad(random.normal(0, moves.turn_deg, count))
    scale = 1 + random.normal(0, moves.scale, (count, 2))
    shift = random.normal(0, moves.shift_mm, (count, 2))
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = scale[:, :, None] * turned.transpose(2, 0, 1)
    # As a grid is told: in half extents of the view.
    half = np.array([moves.half_mm, LEVELS * LEVEL_MM / 2])
    told = np.concatenate([matrix * half / half[:, None], (shift / half)[:, :, None]], axis=2)
    grid = functional.affine_grid(
        torch.from_numpy(told).float(), list(views.shape), align_corners=False
    )
    moved = functional.grid_sample(views, grid, align_corners=False)
    came_from = np.tile(np.eye(4), (count, 1, 1))
    along = (moves.axis, 2)
    for row, to in enumerate(along):
        came_from[:, to, along] = matrix[:, row]
        came_from[:, to, 3] = shift[:, row]
    return _spoiled(moved, random), torch.from_numpy(poses @ came_from).float()


def _spoiled(views: Tensor, random: np.random.Generator) -> Tensor:
    """Change brightness and add noise, where a slab is shown; end half of the views early."""
    shape = (*views.shape[:2], 1, 1)
    gain, offset = (
        torch.from_numpy(random.normal(middle, spread, shape)).float()
        for middle, spread in ((1.0, GAIN), (0.0, OFFSET))
    )
    noise = torch.from_numpy(random.normal(0, NOISE, views.shape)).float()
    shown = views.ne(0).any(dim=3, keepdim=True).any(dim=1, keepdim=True)
    spoiled = (views * gain + offset + noise) * shown
    for view, cut in zip(spoiled, random.integers(*CUT_LEVELS, len(spoiled)), strict=True):
        if random.random() < 0.5:  # noqa: PLR2004 - half of them
            view[:, cut:] = 0.0
    return spoiled
