"""From the source's pixels to the model's grid and back, in the plane of the slices."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

AIR_HU: Final = -1000.0
# Cortical bone is above 300 HU in every adult and in most infants; plastic head
# holders are below −200, so bone finds the head and not what it lies on.
BONE_HU: Final = 300.0


@dataclass(frozen=True, slots=True)
class ModelGrid:
    """The square grid that the network reads.

    Attributes
    ----------
    size
        Pixels per side.
    spacing_mm
        Millimetres between pixel centers, rows and columns alike.
    """

    size: int
    spacing_mm: float


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the model's grid lies on a source plane.

    Attributes
    ----------
    center_rc
        The grid's center in source pixels (row, column), pixel centers at whole numbers.
    source_shape
        Rows and columns of the source.
    source_spacing_mm
        Row and column spacing of the source.
    grid
        The model's grid.
    """

    center_rc: tuple[float, float]
    source_shape: tuple[int, int]
    source_spacing_mm: tuple[float, float]
    grid: ModelGrid


def head_center(hu: NDArray[np.floating] | NDArray[np.integer]) -> tuple[float, float]:
    """Find the middle of the skull in the plane.

    Parameters
    ----------
    hu
        (S, R, C) HU, feet to head. The upper 60 % of the slices decide, because the face
        would pull the middle forwards.

    Returns
    -------
    tuple of float
        Row and column, in source pixels, halfway between the 2nd and 98th percentile of
        bone; the middle of the image where there is no bone.
    """
    first = int(0.4 * hu.shape[0])
    bone = hu[first:, ::2, ::2] > BONE_HU
    rows = bone.sum(axis=(0, 2))
    columns = bone.sum(axis=(0, 1))
    return 2.0 * _middle(rows), 2.0 * _middle(columns)


def _middle(counts: NDArray[np.integer]) -> float:
    total = int(counts.sum())
    if total == 0:
        return (len(counts) - 1) / 2
    share = np.cumsum(counts) / total
    low, high = np.searchsorted(share, [0.02, 0.98])
    return float(low + high) / 2


def resample_weights(
    source: int, target: int, *, start: float, step: float
) -> sparse.csr_array[np.float32]:
    """Weights of a linear resampling along one axis, without aliasing.

    Parameters
    ----------
    source, target
        Numbers of pixels.
    start
        Source coordinate of the first target pixel.
    step
        Source pixels per target pixel; above 1 the kernel widens with it, so that every
        source pixel counts.

    Returns
    -------
    csr_array
        (target, source) float32; a row sums to 1 inside the source, to less beyond its edge.

    Examples
    --------
    >>> resample_weights(4, 2, start=0.5, step=1.0).toarray().tolist()
    [[0.5, 0.5, 0.0, 0.0], [0.0, 0.5, 0.5, 0.0]]
    """
    width = max(1.0, step)
    reach = int(np.ceil(width)) + 1
    centers = start + step * np.arange(target)
    near = np.floor(centers).astype(np.int64)[:, None] + np.arange(-reach, reach + 1)[None, :]
    weights = np.clip(1.0 - np.abs(near - centers[:, None]) / width, 0.0, None)
    weights /= weights.sum(axis=1, keepdims=True)
    inside = (near >= 0) & (near < source) & (weights > 0)
    rows = np.broadcast_to(np.arange(target)[:, None], near.shape)
    return sparse.csr_array(
        (weights[inside].astype(np.float32), (rows[inside], near[inside])), shape=(target, source)
    )


def to_grid(slices: NDArray[np.float32], placement: Placement) -> NDArray[np.float32]:
    """Resample HU slices to the model's grid; beyond the source there is air.

    Parameters
    ----------
    slices
        (S, R, C) float32 HU.
    placement
        Where the grid lies.

    Returns
    -------
    ndarray of float32
        (S, size, size) HU.
    """
    grid = placement.grid
    weights = [
        resample_weights(
            count,
            grid.size,
            start=center - (grid.size - 1) / 2 * grid.spacing_mm / spacing,
            step=grid.spacing_mm / spacing,
        )
        for count, center, spacing in zip(
            placement.source_shape, placement.center_rc, placement.source_spacing_mm, strict=True
        )
    ]
    return _separable(slices - np.float32(AIR_HU), weights) + np.float32(AIR_HU)


def from_grid(maps: NDArray[np.float32], placement: Placement) -> NDArray[np.float32]:
    """Bring probability maps back to the source's pixels; beyond the grid they are 0.

    Parameters
    ----------
    maps
        (S, H, W) float32, any square multiple or fraction of the grid's size.
    placement
        The placement that made the grid.

    Returns
    -------
    ndarray of float32
        (S, R, C).
    """
    size = maps.shape[-1]
    spacing_mm = placement.grid.spacing_mm * placement.grid.size / size
    weights = [
        resample_weights(
            size,
            count,
            start=(size - 1) / 2 - center * spacing / spacing_mm,
            step=spacing / spacing_mm,
        )
        for count, center, spacing in zip(
            placement.source_shape, placement.center_rc, placement.source_spacing_mm, strict=True
        )
    ]
    return _separable(maps, weights)


def mean_of_blocks(planes: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return the means of ``side``² pixels; a tenth of the time of numpy's mean over two axes.

    Parameters
    ----------
    planes
        (…, H, W) float32, H and W multiples of ``side``.
    side
        Pixels per side of a block.

    Examples
    --------
    >>> mean_of_blocks(np.arange(8, dtype=np.float32).reshape(2, 4), 2).tolist()
    [[2.5, 4.5]]
    """
    across = reduce(np.add, [planes[..., first::side] for first in range(side)])
    sums = reduce(np.add, [across[..., first::side, :] for first in range(side)])
    means: NDArray[np.float32] = np.divide(sums, np.float32(side**2), dtype=np.float32)
    return means


def enlarge(planes: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return ``factor`` times as many rows and columns, linear between pixel centers.

    As torch's bilinear ``interpolate`` with ``align_corners=False``: at the edge the outermost
    pixel reaches on.

    Parameters
    ----------
    planes
        (S, H, W) float32.
    factor
        1 leaves them as they are.

    Examples
    --------
    >>> enlarge(np.array([[[0.0, 4.0]]], np.float32), 2)[0].tolist()
    [[0.0, 1.0, 3.0, 4.0], [0.0, 1.0, 3.0, 4.0]]
    """
    if factor == 1:
        return planes
    return _separable(planes, [_enlarging(count, factor) for count in planes.shape[1:]])


def _enlarging(count: int, factor: int) -> sparse.csr_array[np.float32]:
    at = np.clip((np.arange(count * factor) + 0.5) / factor - 0.5, 0, count - 1)
    below = np.minimum(at.astype(int), count - 1)
    above = np.minimum(below + 1, count - 1)
    rows = np.arange(len(at))
    weights = np.concatenate([1 - (at - below), at - below]).astype(np.float32)
    where = (np.tile(rows, 2), np.concatenate([below, above]))
    return sparse.csr_array((weights, where), shape=(len(at), count))


def _separable(
    slices: NDArray[np.float32], weights: Sequence[sparse.csr_array[np.float32]]
) -> NDArray[np.float32]:
    row_weights, column_weights = weights
    shape = (len(slices), row_weights.shape[0], column_weights.shape[0])
    resampled: NDArray[np.float32] = np.empty(shape, np.float32)
    for number, plane in enumerate(slices):
        resampled[number] = (column_weights @ (row_weights @ plane).T).T
    return resampled
