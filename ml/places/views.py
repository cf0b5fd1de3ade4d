"""A head seen from the side and from the front, level by level: what shows how it is held."""

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.places.upright import COLUMNS, ROWS, UprightHead, cell_axes_mm

LEVEL_MM: Final = 5.0
LEVELS: Final = 35
# Fewer levels do not show how a head is held.
LEAST_LEVELS: Final = 14
# Depth of the middle level below the top.
MIDDLE_BELOW_MM: Final = LEVEL_MM * (LEVELS - 1) / 2
# Rows and columns of the views, each of two cells.
SIDE_WIDTH: Final = ROWS // 2
FRONT_WIDTH: Final = COLUMNS // 2
# From the side: tissue and bone of the middle, what is inside, all bone, and bone of the temples.
SIDE_KINDS: Final = 5
# From the front: what is inside; tissue and bone of the front, the middle and the back.
FRONT_KINDS: Final = 7
TISSUE_HU: Final = (0.0, 80.0)
BONE_HU: Final = (100.0, 700.0)
MIDDLE_MM: Final = 8.0
TEMPLES_MM: Final = (15.0, 42.0)
# Behind the middle of the head: where its front, middle and back begin and end.
DEPTHS_MM: Final = (-80.0, -28.0, 25.0, 85.0)


def side_view(head: UprightHead) -> NDArray[np.float32]:
    """Return (SIDE_KINDS, LEVELS, SIDE_WIDTH) means across the head, about 0..1.

    A mirrored head has the same view. Levels that no slab shows are 0.
    """
    _, left = cell_axes_mm()
    middle = np.abs(left) <= MIDDLE_MM
    temples = (np.abs(left) > TEMPLES_MM[0]) & (np.abs(left) < TEMPLES_MM[1])
    tissue, bone = (_share(head.hu, window) for window in (TISSUE_HU, BONE_HU))
    across = [
        tissue[..., middle].mean(axis=2),
        bone[..., middle].mean(axis=2),
        (head.depth_mm > 0).mean(axis=2),
        bone.mean(axis=2),
        bone[..., temples].mean(axis=2),
    ]
    return _leveled(np.stack(across), head.below_mm)


def front_view(head: UprightHead) -> NDArray[np.float32]:
    """Return (FRONT_KINDS, LEVELS, FRONT_WIDTH) means from front to back, about 0..1.

    A mirrored head has the mirrored view. Tissue is that inside the skull.
    """
    back, _ = cell_axes_mm()
    inside = head.depth_mm > 0
    tissue, bone = (_share(head.hu, window) for window in (TISSUE_HU, BONE_HU))
    through = [inside.mean(axis=1)]
    for begin, end in pairwise(DEPTHS_MM):
        there = (back >= begin) & (back < end)
        count = np.maximum(inside[:, there].sum(axis=1), 1)
        through += [
            (tissue * inside)[:, there].sum(axis=1) / count,
            bone[:, there].mean(axis=1),
        ]
    return _leveled(np.stack(through), head.below_mm)


def shown_levels(head: UprightHead) -> int:
    """Return how many levels the slabs of a head show."""
    return int(_at_levels(head.below_mm).any(axis=1).sum())


def _share(hu: NDArray[np.float32], window: tuple[float, float]) -> NDArray[np.float32]:
    low, high = window
    share: NDArray[np.float32] = np.clip((hu - low) / (high - low), 0.0, 1.0)
    return share


def _leveled(slabs: NDArray[np.floating], below_mm: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return (K, LEVELS, W / 2) of (K, N, W) means of slabs."""
    kinds, count, width = slabs.shape
    coarse = slabs.reshape(kinds, count, width // 2, 2).mean(axis=3)
    seen: NDArray[np.float64] = np.einsum("ln,knw->klw", _at_levels(below_mm), coarse)
    return seen.astype(np.float32)


def _at_levels(below_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (LEVELS, N) the weights of slabs at each level: linear between two, 0 beyond them."""
    levels = LEVEL_MM * np.arange(LEVELS, dtype=np.float64)
    order = np.argsort(below_mm)
    at = np.interp(levels, below_mm[order], np.arange(len(order), dtype=np.float64))
    weights = np.maximum(1.0 - np.abs(at[:, None] - np.arange(len(order))), 0.0)
    shown = levels >= below_mm.min() - LEVEL_MM / 2
    shown &= levels <= below_mm.max() + LEVEL_MM / 2
    placed = np.empty_like(weights)
    placed[:, order] = weights * shown[:, None]
    return placed
