"""Outlines spoiled as a detector's are: grown, shrunk, ragged, with holes, and lost on a slab.

The network of places learns from true outlines but reads a detector's, so it must not read a
bleed's kind off the sharpness of its border.
"""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

# So many slabs keep the true outline.
KEPT: Final = 0.25
# Of the smoothed outline: from which share on a cell counts, and how ragged that is.
LEVELS: Final = (0.15, 0.75)
RAGGED: Final = 0.35
SOFTNESS: Final = 0.25
# A neighbor's outline is lost this often, a hole of this radius is this frequent.
LOST: Final = 0.15
HOLE: Final = 0.2
HOLE_CELLS: Final = (2.0, 6.0)


def spoil_outlines(blood: Tensor, random: np.random.Generator) -> Tensor:
    """Return (B, 3, ROWS, COLUMNS) shares of blood as a detector might have outlined them.

    Parameters
    ----------
    blood
        The true shares: slab below, slab, slab above. Is not changed.
    random
        Makes it repeatable.
    """
    count, slabs = blood.shape[:2]
    smooth = functional.avg_pool2d(blood, 3, stride=1, padding=1)
    grain = torch.from_numpy(random.normal(0, 1, blood.shape).astype(np.float32))
    rough = functional.avg_pool2d(grain, 5, stride=1, padding=2) * 5
    level = _column(random.uniform(*LEVELS, count))
    ragged = _column(random.uniform(0, RAGGED, count))
    drawn = ((smooth + ragged * rough - level) / SOFTNESS + 0.5).clamp(0, 1) * (smooth > 0)
    drawn = drawn * _without_hole(blood[:, slabs // 2], random)[:, None]
    lost = random.random((count, slabs)) < LOST
    lost[:, slabs // 2] = False
    drawn = drawn * torch.from_numpy(~lost)[:, :, None, None]
    kept = torch.from_numpy(random.random(count) < KEPT)[:, None, None, None]
    # An outline that vanished would leave cells to read without any blood to see.
    vanished = (drawn[:, slabs // 2].amax(dim=(1, 2)) == 0)[:, None, None, None]
    return torch.where(kept | vanished, blood, drawn)


def _column(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))[:, None, None, None]


def _without_hole(blood: Tensor, random: np.random.Generator) -> Tensor:
    """Return (B, ROWS, COLUMNS): 0 within a disk about a cell of blood in some, 1 elsewhere."""
    keep = torch.ones_like(blood)
    down = torch.arange(blood.shape[1])[:, None]
    right = torch.arange(blood.shape[2])
    for number in np.flatnonzero(random.random(len(blood)) < HOLE):
        cells = torch.nonzero(blood[number] > 0)
        if len(cells):
            row, column = cells[int(random.integers(len(cells)))]
            radius = random.uniform(*HOLE_CELLS)
            keep[number][(down - row) ** 2 + (right - column) ** 2 < radius**2] = 0
    return keep
