"""The part of a volume around the inside of the skull, and distances and volumes in it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.intracranial import LEAST_CLOSED, Interior

# Around the interior: skull and scalp with what is fixed to them.
MARGIN_MM: Final = 24.0
# Slices whose interior has at least this share of the largest one's area are the vault: its
# walls stand upright, so thickness and rims are read there.
VAULT_SHARE: Final = 0.7
# Noise is read in squares of this many pixels of the model's grid: 3.6 mm, smaller than a gyrus.
BLOCK: Final = 8
# No vessel is brighter, and hardly an island of bone of the skull base is not.
VESSEL_HU: Final = 450.0
# Neighbors within a slice only.
IN_PLANE: Final = np.array(
    [np.zeros((3, 3)), ndimage.generate_binary_structure(2, 1), np.zeros((3, 3))]
)


@dataclass(frozen=True)
class Crop:
    """The part of the grid around the inside of the skull.

    Attributes
    ----------
    fine
        (N, 2h, 2w) float32 HU on the model's grid.
    coarse
        (N, h, w) float32, the mean of two by two.
    inside
        (N, h, w) bool, with the vessels that the search for the interior took for bone.
    closed
        (N,) bool: a closed skull with something in it; where hardly any slice closes, all
        with something in them.
    vault
        (N,) bool: closed slices of the vault.
    spacing_mm
        Of the coarse pixels.
    thickness_mm
        (N,) of the slabs.
    """

    fine: NDArray[np.float32]
    coarse: NDArray[np.float32]
    inside: NDArray[np.bool_]
    closed: NDArray[np.bool_]
    vault: NDArray[np.bool_]
    spacing_mm: float
    thickness_mm: NDArray[np.float64]

    def pixels(self, distance_mm: float) -> int:
        """Return a distance in coarse pixels, at least one."""
        return max(1, round(distance_mm / self.spacing_mm))

    def eroded(self, distance_mm: float) -> NDArray[np.bool_]:
        """Return what lies deeper inside than a distance, (N, h, w)."""
        return eroded(self.inside, self.pixels(distance_mm))

    def volume_ml(self, voxels: NDArray[np.bool_]) -> float:
        """Return the volume of (N, h, w) coarse or (N, 2h, 2w) fine voxels."""
        step = self.inside.shape[-1] / voxels.shape[-1]
        pixel_ml = (self.spacing_mm * step) ** 2 / 1000.0
        return float(np.count_nonzero(voxels, axis=(1, 2)) @ self.thickness_mm * pixel_ml)


def crop_to_head(
    hu: NDArray[np.float32], interior: Interior, thickness_mm: NDArray[np.float64]
) -> Crop:
    """Cut the grid to the inside of the skull and a margin; even blocks of pixels remain."""
    step = hu.shape[-1] // interior.inside.shape[-1]
    margin = round(MARGIN_MM / interior.spacing_mm)
    used = np.asarray(interior.inside.any(axis=0))
    rows = _span(np.asarray(used.any(axis=1)), margin, BLOCK // step)
    columns = _span(np.asarray(used.any(axis=0)), margin, BLOCK // step)
    fine = hu[:, rows.start * step : rows.stop * step, columns.start * step : columns.stop * step]
    coarse = _halved(fine) if step > 1 else fine
    inside = _with_vessels(interior.inside[:, rows, columns], coarse)
    areas = inside.sum(axis=(1, 2))
    shown = areas > 0
    closed = shown & ~interior.open_slices
    if np.count_nonzero(closed) < LEAST_CLOSED:  # an infant's skull, or an operated one
        closed = shown
    return Crop(
        fine=fine,
        coarse=coarse,
        inside=inside,
        closed=closed,
        vault=closed & (areas >= VAULT_SHARE * areas.max()),
        spacing_mm=interior.spacing_mm,
        thickness_mm=thickness_mm,
    )


def eroded(region: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """Return (N, h, w) without a rim of so many pixels; square, in plane."""
    less = region.view(np.uint8)
    for axis in (1, 2):
        less = ndimage.minimum_filter1d(less, 2 * pixels + 1, axis, mode="nearest")
    return less.view(np.bool_)


def dilated(region: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """Return (N, h, w) grown by so many pixels; square, in plane."""
    return ~eroded(~region, pixels)


def _with_vessels(inside: NDArray[np.bool_], coarse: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return (N, h, w) with the holes, within a slice, in which nothing is as bright as bone."""
    labels, count = ndimage.label(~inside, IN_PLANE)
    kept = np.zeros(count + 1, np.bool_)
    kept[labels[coarse > VESSEL_HU]] = True
    kept[labels[:, [0, -1], :]] = True
    kept[labels[:, :, [0, -1]]] = True
    kept[0] = False  # the label of what is inside
    filled: NDArray[np.bool_] = ~kept[labels]
    return filled


def _halved(fine: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the means of two by two pixels."""
    pairs = fine[:, ::2] + fine[:, 1::2]
    halved: NDArray[np.float32] = (pairs[:, :, ::2] + pairs[:, :, 1::2]) * np.float32(0.25)
    return halved


def _span(used: NDArray[np.bool_], margin: int, multiple: int) -> slice:
    places = np.flatnonzero(used)
    first = max(0, int(places[0]) - margin) // multiple * multiple
    last = min(len(used), -(-(int(places[-1]) + 1 + margin) // multiple) * multiple)
    return slice(first, last // multiple * multiple)
