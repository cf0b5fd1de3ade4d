"""The small network that names places: a MobileNet of 180 000 weights and a reader of single cells.

The encoder sees a slab's patch: the slab upright with its neighbors, the outlined blood of all
three, the depth below the skull and where it lies in a head held straight (``pose``). What it found
at a cell, and where the cell is, then tell for that cell the region in each of the four
compartments, should blood there lie in it, and which compartment the blood is in.
"""

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.classifier import InvertedResidual, conv_norm
from ml.places.pose import PoseNetwork, straighten
from ml.places.upright import CELL_MM, COLUMNS, ROWS
from preread.regions import FINE_REGIONS, regions_of
from preread.terms import Compartment

# HU windows of the slab itself; its neighbors are seen in the first.
WINDOWS_HU: Final = ((0.0, 80.0), (-100.0, 300.0))
NEIGHBORS: Final = 3
FEATURES: Final = 48
HIDDEN: Final = 96
# Half periods of the waves that a cell's coordinates are given in, beside the coordinates.
WAVES: Final = (1.0, 2.0)
COORDINATES: Final = 3
# The coordinates reach about ±1 over these.
HALF_EXTENT_MM: Final = (75.0, 85.0, 75.0)
DEEPEST_MM: Final = 40.0
# Channels: the slab in two windows, two neighbors, blood of the three, depth, coordinates.
CHANNELS: Final = len(WINDOWS_HU) + NEIGHBORS - 1 + NEIGHBORS + 1 + COORDINATES

COMPARTMENTS: Final = tuple(Compartment)
GROUPS: Final = tuple(
    tuple(FINE_REGIONS.index(region) for region in regions_of(compartment))
    for compartment in COMPARTMENTS
)


class Patches(NamedTuple):
    """What the encoder sees of B slabs.

    Attributes
    ----------
    hu, blood
        (B, 3, ROWS, COLUMNS): slab below, slab, slab above; blood is the share of a cell that
        is outlined.
    depth_mm
        (B, ROWS, COLUMNS).
    below_mm
        (B,) depth of the slab below the top.
    poses
        (B, 3, 4) how the head is held.
    """

    hu: Tensor
    depth_mm: Tensor
    blood: Tensor
    below_mm: Tensor
    poses: Tensor


class CellLogits(NamedTuple):
    """Logits of V cells: (V, R) of the regions, and (V, 4) of the compartments."""

    regions: Tensor
    compartments: Tensor


class PlaceNetwork(nn.Module):
    """Names the place of every cell of a slab that is asked for."""

    def __init__(self) -> None:
        """Build an untrained network."""
        super().__init__()
        self.pose = PoseNetwork()
        self.near = nn.Sequential(
            conv_norm(CHANNELS, 32, stride=2), InvertedResidual(32, 48, stride=1, expansion=2)
        )
        self.far = nn.Sequential(
            InvertedResidual(48, 64, stride=2, expansion=2),
            InvertedResidual(64, 64, stride=1, expansion=2),
            InvertedResidual(64, 96, stride=2, expansion=2),
            InvertedResidual(96, 96, stride=1, expansion=2),
            InvertedResidual(96, 96, stride=1, expansion=2),
        )
        self.whole = nn.Linear(96, 96)
        self.join = conv_norm(48 + 96, FEATURES, kernel=1)
        known = FEATURES + COORDINATES * (1 + 2 * len(WAVES))
        self.cell = nn.Sequential(
            nn.Linear(known, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU()
        )
        self.regions = nn.Linear(HIDDEN, len(FINE_REGIONS))
        self.compartments = nn.Linear(HIDDEN, len(COMPARTMENTS))

    def encode(self, patches: Patches) -> Tensor:
        """Return (B, FEATURES, ROWS/2, COLUMNS/2)."""
        near = self.near(_channels(patches))
        far = self.far(near)
        far = far + self.whole(far.mean(dim=(2, 3)))[:, :, None, None]
        far = functional.interpolate(far, near.shape[-2:], mode="bilinear", align_corners=False)
        joined: Tensor = self.join(torch.cat([near, far], dim=1))
        return joined

    def read(self, features: Tensor, patches: Patches, cells: Tensor) -> CellLogits:
        """Read cells.

        Parameters
        ----------
        features
            What :meth:`encode` returned of the patches.
        patches
            The same.
        cells
            (V, 3) int64: patch, row and column.
        """
        patch, row, column = cells.unbind(dim=1)
        found = _between(features, patch, row, column)
        where = _coordinates(patches.poses[patch], row, column, patches.below_mm[patch])
        waves = [wave(torch.pi * k * where) for k in WAVES for wave in (torch.sin, torch.cos)]
        hidden = self.cell(torch.cat([found, where, *waves], dim=1))
        return CellLogits(self.regions(hidden), self.compartments(hidden))


def log_shares(regions: Tensor) -> Tensor:
    """Return (V, R) log-probabilities that sum to 1 within each compartment."""
    shares = torch.empty_like(regions)
    for group in GROUPS:
        shares[:, group] = torch.log_softmax(regions[:, group], dim=1)
    return shares


def _coordinates(poses: Tensor, row: Tensor, column: Tensor, below_mm: Tensor) -> Tensor:
    """Return (..., 3) where cells lie in a head held straight, about ±1."""
    left = (column - (COLUMNS - 1) / 2) * CELL_MM
    back = (row - (ROWS - 1) / 2) * CELL_MM
    at_mm = straighten(poses, torch.stack([left, back, below_mm], dim=-1))
    return at_mm / torch.tensor(HALF_EXTENT_MM) - torch.tensor([0.0, 0.0, 1.0])


def _channels(patches: Patches) -> Tensor:
    """Return (B, CHANNELS, ROWS, COLUMNS), each channel about −1..1."""
    windows = [_windowed(patches.hu[:, 1], window) for window in WINDOWS_HU]
    windows += [_windowed(patches.hu[:, neighbor], WINDOWS_HU[0]) for neighbor in (0, 2)]
    depth = (patches.depth_mm / DEEPEST_MM).clamp(-1.0, 1.0)
    rows, columns = torch.arange(ROWS)[:, None], torch.arange(COLUMNS)
    where = _coordinates(
        patches.poses[:, None, None],
        rows.expand(depth.shape),
        columns.expand(depth.shape),
        patches.below_mm[:, None, None].expand(depth.shape),
    )
    return torch.cat(
        [torch.stack([*windows, depth], dim=1), patches.blood, where.permute(0, 3, 1, 2)], dim=1
    )


def _windowed(hu: Tensor, window: tuple[float, float]) -> Tensor:
    low, high = window
    return ((hu - low) * (2.0 / (high - low)) - 1.0).clamp(-1.0, 1.0)


def _between(features: Tensor, patch: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """Return (V, C) of (B, C, h, w): features between pixels of twice the cells' size."""
    rows, columns = features.shape[-2:]
    table = features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])
    high, wide = (row - 0.5) / 2, (column - 0.5) / 2
    first_row, first_column = high.floor(), wide.floor()
    found = torch.zeros(len(row), features.shape[1])
    for down in (0, 1):
        for right in (0, 1):
            at_row = (first_row + down).clamp(0, rows - 1).long()
            at_column = (first_column + right).clamp(0, columns - 1).long()
            weight = (1 - (high - first_row - down).abs()) * (
                1 - (wide - first_column - right).abs()
            )
            found = found + weight[:, None] * table[(patch * rows + at_row) * columns + at_column]
    return found
