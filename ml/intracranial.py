"""Where the inside of the skull is, from HU alone."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.bloodless import where_blood_may_be

# At the encoder's coarse pixels bone is mixed with brain; above this no blood is.
BONE_HU: Final = 200.0
TISSUE_HU: Final = -200.0
# Sutures, foramina and burr holes up to about a centimetre are closed.
CLOSING_MM: Final = 5.0
# Where the skull is open, what lies deeper than scalp and bone counts as inside.
SCALP_MM: Final = 10.0
# A closed slice fills at least this share of the head's outline.
CLOSED_SHARE: Final = 0.35
# Slices of 5 mm below the lowest closed one that may still hold brain, and how many closed
# ones it takes to say so (an infant's or an operated skull may have few).
OPEN_REACH: Final = 5
LEAST_CLOSED: Final = 6
OPENING_ROUNDS: Final = 2


@dataclass(frozen=True)
class Interior:
    """The inside of the skull on a coarse square grid.

    Attributes
    ----------
    inside
        (S, h, w) bool.
    possible
        (S, h, w) bool: the part of it in which blood can be.
    open_slices
        (S,) bool: slices whose skull did not close, so that depth under the skin decided.
    spacing_mm
        In-plane.
    """

    inside: NDArray[np.bool_]
    possible: NDArray[np.bool_]
    open_slices: NDArray[np.bool_]
    spacing_mm: float


def find_interior(hu: NDArray[np.float32], spacing_mm: float) -> Interior:
    """Find the intracranial space.

    Parameters
    ----------
    hu
        (S, h, w) float32 HU, feet to head.
    spacing_mm
        In-plane, both axes.

    Returns
    -------
    Interior
        Bone itself is outside. Slices without a head are empty.
    """
    inside = np.zeros(hu.shape, np.bool_)
    is_open = np.zeros(len(hu), np.bool_)
    for number, plane in enumerate(hu):
        inside[number], is_open[number] = _interior_of_plane(plane, spacing_mm)
    if not is_open.all():
        closed = np.flatnonzero(~is_open & inside.any(axis=(1, 2)))
        inside[_far_from(closed, len(hu))] = False
    inside = _largest(inside)
    possible = where_blood_may_be(hu, inside, spacing_mm)
    return Interior(inside, possible, is_open, spacing_mm)


def possible_on(interior: Interior, mask: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return where blood can be, on the pixels of a mask."""
    step = mask.shape[-1] // interior.possible.shape[-1]
    return interior.possible.repeat(step, axis=1).repeat(step, axis=2)


def _interior_of_plane(
    plane: NDArray[np.float32], spacing_mm: float
) -> tuple[NDArray[np.bool_], bool]:
    bone = plane > BONE_HU
    head = _filled(_largest(plane > TISSUE_HU))
    if not head.any():
        return head, False
    rounds = max(1, round(CLOSING_MM / spacing_mm))
    margin = rounds + 1
    padded = np.pad(bone, margin)
    closed = _closed(padded, rounds)
    filled = _filled(closed)[margin:-margin, margin:-margin]
    enclosed = _largest(_opened(filled & ~bone))
    if enclosed.sum() >= CLOSED_SHARE * head.sum():
        return enclosed, False
    deep = ndimage.distance_transform_edt(head) * spacing_mm > SCALP_MM
    return _largest(_opened(deep & ~bone)), True


def _closed(bone: NDArray[np.bool_], rounds: int) -> NDArray[np.bool_]:
    """Close with an octagon: a diamond leaves a gap open that is as wide as the bone is thick."""
    changed = bone
    for number in range(rounds):
        changed = _grown(changed, square=number % 2 == 0)
    for number in range(rounds):
        changed = _shrunk(changed, square=number % 2 == 0)
    return changed


def _opened(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    changed = region
    for _ in range(OPENING_ROUNDS):
        changed = _shrunk(changed, square=False)
    for _ in range(OPENING_ROUNDS):
        changed = _grown(changed, square=False)
    return changed


# scipy's morphology visits every neighbor of every pixel; shifted rows are thirty times as fast.


def _grown(region: NDArray[np.bool_], *, square: bool) -> NDArray[np.bool_]:
    """Add the four neighbors of each pixel, or the eight."""
    tall = region.copy()
    tall[1:] |= region[:-1]
    tall[:-1] |= region[1:]
    beside = tall.copy() if square else region
    tall[:, 1:] |= beside[:, :-1]
    tall[:, :-1] |= beside[:, 1:]
    return tall


def _shrunk(region: NDArray[np.bool_], *, square: bool) -> NDArray[np.bool_]:
    """Take away each pixel one of whose four or eight neighbors is missing; so are all beyond the edge."""
    tall = region.copy()
    tall[1:] &= region[:-1]
    tall[:-1] &= region[1:]
    beside = tall.copy() if square else region
    tall[:, 1:] &= beside[:, :-1]
    tall[:, :-1] &= beside[:, 1:]
    tall[[0, -1]] = False
    tall[:, [0, -1]] = False
    return tall


def _filled(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill the holes: all that is not of one piece with what lies around the plane."""
    labels, _ = ndimage.label(np.pad(~region, 1, constant_values=True))
    filled: NDArray[np.bool_] = labels[1:-1, 1:-1] != labels[0, 0]
    return filled


def _far_from(closed: NDArray[np.intp], count: int) -> NDArray[np.bool_]:
    """Return the slices of face and neck: too far from any closed slice to hold brain."""
    if len(closed) < LEAST_CLOSED:
        return np.zeros(count, np.bool_)
    distance = np.abs(np.arange(count)[:, None] - closed[None, :]).min(axis=1)
    far: NDArray[np.bool_] = distance > OPEN_REACH
    return far


def _largest(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, count = ndimage.label(region)
    if count <= 1:
        return region
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest: NDArray[np.bool_] = labels == sizes.argmax()
    return largest
