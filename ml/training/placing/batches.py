"""Batches for the network of places: slabs with blood on them, moved about, either side left.

A slab is turned, scaled and moved under coordinates that stay where they are, as the axes of a
head are never found quite right; half of the slabs are mirrored, and as regions have no side,
what they are called stays. Outlines are spoiled as a detector's are (``outlines.py``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ml.places.network import COMPARTMENTS, NEIGHBORS, Patches
from ml.places.pose import STRAIGHT, mirrored
from ml.places.upright import CELL_MM, COLUMNS, ROWS
from ml.training.placing.heads import UNKNOWN_KIND, UNLABELED, LabeledHead
from ml.training.placing.outlines import spoil_outlines
from preread.regions import COMPARTMENTS_OF_TYPE
from preread.terms import KINDS

# Cells of each slab: of its blood, and of anywhere inside.
CELLS: Final = 128
# Cells of the inner table itself are partly outside.
OUTSIDE_MM: Final = -4.0
# About twice what axes and pose of a held-out head are off: position is then weighed with what is seen.
ROTATION_DEG: Final = 5.0
SCALE: Final = 0.04
SHIFT_MM: Final = 4.0
# Spread of what is put wrong in a pose: mm, and per mm along nod and lean.
POSE_MM: Final = (1.0, 3.0, 3.0)
NOD: Final = 0.05
LEAN: Final = 0.03
# Of so many slabs the pose is put wrong by this many times as much: some heads are unlike all others.
FAR_SHARE: Final = 0.2
FAR: Final = 3.0
HU_SHIFT: Final = 5.0
HU_GAIN: Final = 0.1
NOISE_HU: Final = 4.0
# Of slabs without blood so many are shown with the outline of another slab's.
BORROWED: Final = 0.7
# Kinds of blood are drawn as often as the root of their number of slabs: rare ones more often
# than they are, but not so often that a handful of patients is learned by heart.
FREQUENCY_POWER: Final = 0.5
# What the network sees of a slab: three of HU, three of blood, and the depth.
SEEN: Final = 2 * NEIGHBORS + 1

COMPARTMENT_OF_KIND: Final = tuple(
    COMPARTMENTS.index(next(iter(COMPARTMENTS_OF_TYPE[kind]))) for kind in KINDS
)


class Batch(NamedTuple):
    """B slabs and V cells of them.

    Attributes
    ----------
    patches
        What the encoder sees.
    cells
        (V, 3) int64 patch, row, column.
    labels
        (V, 4) int64 region by compartment, −1 where it is unknown.
    compartment
        (V,) int64 where the blood of the cell lies; −1 where there is none or it is unknown.
    """

    patches: Patches
    cells: Tensor
    labels: Tensor
    compartment: Tensor


@dataclass(frozen=True)
class SlabPool:
    """All M slabs of some heads that show the inside of a skull.

    Attributes
    ----------
    heads
        Of the slabs.
    at
        (M, 2) index of the head, and of the slab in it.
    bleeding
        Indices of the slabs that show blood.
    chance
        Of each of ``bleeding`` to be drawn.
    """

    heads: tuple[LabeledHead, ...]
    at: NDArray[np.intp]
    bleeding: NDArray[np.intp]
    chance: NDArray[np.float64]

    @classmethod
    def of(cls, heads: Sequence[LabeledHead]) -> "SlabPool":
        """List the slabs that show the inside of a skull."""
        at, kinds = [], []
        for number, one in enumerate(heads):
            for slab in np.flatnonzero((one.head.depth_mm > 0).any(axis=(1, 2))):
                at.append((number, slab))
                kinds.append(np.bincount(one.kinds[slab].ravel(), minlength=256) > 0)
        shown = np.array(kinds)[:, 1:]
        bleeding = np.flatnonzero(shown.any(axis=1))
        often = np.maximum(shown.sum(axis=0), 1.0) ** (FREQUENCY_POWER - 1)
        chance = (shown[bleeding] * often).max(axis=1)
        return cls(tuple(heads), np.array(at, np.intp), bleeding, chance / chance.sum())

    def draw(self, random: np.random.Generator) -> int:
        """Draw a slab that bleeds."""
        return int(random.choice(self.bleeding, p=self.chance))


def draw_batches(
    real: SlabPool, painted: SlabPool, slabs: int, random: np.random.Generator
) -> Iterator[Batch]:
    """Draw batches without end: a third real blood, a third painted blood, a third anything real."""
    while True:
        chosen = []
        for number in range(slabs):
            pool = painted if number % 3 == 1 else real
            anything = number % 3 == 2  # noqa: PLR2004 - the last third
            index = int(random.integers(len(pool.at))) if anything else pool.draw(random)
            chosen.append((pool, index))
        yield _batch(chosen, real, random)


def _batch(
    chosen: Sequence[tuple[SlabPool, int]], lender: SlabPool, random: np.random.Generator
) -> Batch:
    images = np.empty((len(chosen), SEEN, ROWS, COLUMNS), np.float32)
    maps = np.empty((len(chosen), 1 + len(COMPARTMENTS), ROWS, COLUMNS), np.float32)
    poses = np.empty((len(chosen), 3, 4), np.float32)
    below = np.empty(len(chosen), np.float32)
    for number, (pool, index) in enumerate(chosen):
        head, slab = pool.at[index]
        one = pool.heads[head]
        near = _near(one, slab)
        hu = one.head.hu[near] * (1 + random.uniform(-HU_GAIN, HU_GAIN))
        hu = hu + random.uniform(-HU_SHIFT, HU_SHIFT)
        images[number, :NEIGHBORS] = hu + random.normal(0, NOISE_HU, hu.shape)
        images[number, NEIGHBORS:-1] = _outline(one, near, lender, random)
        images[number, -1] = one.head.depth_mm[slab]
        maps[number, 0] = one.kinds[slab]
        maps[number, 1:] = one.labels[slab]
        poses[number] = _wrong_pose(one.pose, random)
        below[number] = one.head.below_mm[slab]
    is_mirrored = random.random(len(chosen)) < 0.5  # noqa: PLR2004 - half of them
    moved, labels = _moved(torch.from_numpy(images), torch.from_numpy(maps), is_mirrored, random)
    drawn = spoil_outlines(moved[:, NEIGHBORS:-1], random)
    held = torch.from_numpy(poses)
    held = torch.where(torch.from_numpy(is_mirrored)[:, None, None], mirrored(held), held)
    patches = Patches(moved[:, :NEIGHBORS], moved[:, -1], drawn, torch.from_numpy(below), held)
    return _asked(patches, labels, random)


def _wrong_pose(
    pose: NDArray[np.float64] | None, random: np.random.Generator
) -> NDArray[np.float64]:
    """Return a pose about twice as wrong as one that is read off a held-out head."""
    wrong = np.array(STRAIGHT) if pose is None else pose.copy()
    far = FAR if random.random() < FAR_SHARE else 1.0
    wrong[:, 3] += far * random.normal(0, POSE_MM)
    nod, lean = far * random.normal(0, (NOD, LEAN))
    wrong[1, 2] -= nod
    wrong[2, 1] += nod
    wrong[0, 2] -= lean
    wrong[2, 0] += lean
    return wrong


def _near(one: LabeledHead, slab: int) -> NDArray[np.intp]:
    """Return the slab below, the slab and the slab above; an end stands in for what is missing."""
    near: NDArray[np.intp] = np.clip(slab + np.arange(NEIGHBORS) - 1, 0, len(one.head.hu) - 1)
    return near


def _outline(
    one: LabeledHead, near: NDArray[np.intp], lender: SlabPool, random: np.random.Generator
) -> NDArray[np.float32]:
    """Return (3, ROWS, COLUMNS) the slabs' own outline, or a borrowed one where there is none."""
    own: NDArray[np.float32] = one.blood[near]
    if own[NEIGHBORS // 2].any() or random.random() > BORROWED:
        return own
    head, slab = lender.at[lender.draw(random)]
    other = lender.heads[head]
    borrowed: NDArray[np.float32] = other.blood[_near(other, slab)]
    return borrowed


def _moved(
    images: Tensor, maps: Tensor, is_mirrored: NDArray[np.bool_], random: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Turn, scale, move and mirror each slab; labels take the nearest pixel's."""
    count = len(images)
    turn = np.deg2rad(random.uniform(-ROTATION_DEG, ROTATION_DEG, count))
    scale = 1 + random.uniform(-SCALE, SCALE, count)
    mirror = np.where(is_mirrored, -1.0, 1.0)
    shift = random.uniform(-SHIFT_MM, SHIFT_MM, (count, 2)) * 2 / CELL_MM
    tall, wide = float(ROWS), float(COLUMNS)
    matrix = np.zeros((count, 2, 3), np.float32)
    matrix[:, 0, 0] = mirror * scale * np.cos(turn)
    matrix[:, 0, 1] = -scale * np.sin(turn) * tall / wide
    matrix[:, 1, 0] = mirror * scale * np.sin(turn) * wide / tall
    matrix[:, 1, 1] = scale * np.cos(turn)
    matrix[:, :, 2] = shift / (wide, tall)
    grid = functional.affine_grid(
        torch.from_numpy(matrix), [count, 1, ROWS, COLUMNS], align_corners=False
    )
    moved = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    labels = functional.grid_sample(
        maps, grid, mode="nearest", padding_mode="border", align_corners=False
    )
    return moved, labels


def _asked(patches: Patches, maps: Tensor, random: np.random.Generator) -> Batch:
    """Choose the cells: half of the blood's, half anywhere inside."""
    kinds = maps[:, 0].numpy()
    inside = patches.depth_mm.numpy() > OUTSIDE_MM
    cells = []
    for number in range(len(kinds)):
        for where in (kinds[number] > 0, inside[number]):
            found = np.argwhere(where)
            if len(found):
                picked = found[random.integers(len(found), size=min(CELLS, 4 * len(found)))]
                cells.append(np.column_stack([np.full(len(picked), number), picked]))
    asked = torch.from_numpy(np.concatenate(cells).astype(np.int64))
    patch, row, column = asked.unbind(dim=1)
    chosen = maps[patch, :, row, column].long()
    labels = torch.where(chosen[:, 1:] == UNLABELED, -1, chosen[:, 1:])
    kind = chosen[:, 0]
    known = (kind > 0) & (kind != UNKNOWN_KIND)
    table = torch.tensor((-1, *COMPARTMENT_OF_KIND))
    compartment = torch.where(known, table[torch.where(known, kind, 0)], -1)
    return Batch(patches, asked, labels, compartment)
