"""Thin slices are averaged to slabs of about 5 mm, the thickness that the network was shown."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

TARGET_MM: Final = 5.0


@dataclass(frozen=True, slots=True)
class Slabs:
    """Which slices make which slab.

    Attributes
    ----------
    first
        (N,) index of the first slice of each slab; ascending, the first is 0.
    thickness_mm
        (S,) of the slices, their weights in a slab.
    """

    first: NDArray[np.intp]
    thickness_mm: NDArray[np.float64]

    def of_slices(self) -> NDArray[np.intp]:
        """Return (S,): the slab of each slice."""
        marks = np.zeros(len(self.thickness_mm), np.intp)
        marks[self.first[1:]] = 1
        slabs: NDArray[np.intp] = np.cumsum(marks)
        return slabs

    def average(self, slices: NDArray[np.float32]) -> NDArray[np.float32]:
        """Average (S, …) to (N, …), weighted by thickness; untouched where nothing is thin."""
        if len(self.first) == len(self.thickness_mm):
            return slices
        ends = [*self.first[1:], len(self.thickness_mm)]
        averaged = np.empty((len(self.first), *slices.shape[1:]), np.float32)
        # One slab at a time: a volume of 300 slices is not copied as a whole.
        for number, (first, end) in enumerate(zip(self.first, ends, strict=True)):
            weights = self.thickness_mm[first:end] / self.thickness_mm[first:end].sum()
            averaged[number] = np.tensordot(weights.astype(np.float32), slices[first:end], axes=1)
        return averaged


def plan_slabs(thickness_mm: NDArray[np.float64], target_mm: float = TARGET_MM) -> Slabs:
    """Group neighboring slices until they are as thick as the target, as nearly as they can be.

    Parameters
    ----------
    thickness_mm
        (S,) local thickness.
    target_mm
        Wanted thickness; a slice of at least two thirds of it stays alone.

    Returns
    -------
    Slabs
        Every slice is in exactly one slab.

    Examples
    --------
    >>> plan_slabs(np.full(8, 1.25)).first.tolist()
    [0, 4]
    >>> plan_slabs(np.array([7.0, 7.0, 4.0, 4.0])).first.tolist()
    [0, 1, 2, 3]
    """
    first = [0]
    filled = 0.0
    for index, thickness in enumerate(thickness_mm):
        if filled > 0 and filled + thickness / 2 > target_mm:
            first.append(index)
            filled = 0.0
        filled += float(thickness)
    return Slabs(np.array(first, np.intp), thickness_mm)
