"""A head that is registered, and what its axes are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Head:
    """A head to register; S slices, R rows and C columns, radiological orientation.

    Attributes
    ----------
    hu
        (S, R, C) float32: up, to the back, to the patient's left.
    spacing_mm
        Between slices, rows and columns.
    """

    hu: NDArray[np.float32]
    spacing_mm: tuple[float, float, float]

    @property
    def affine(self) -> NDArray[np.float64]:
        """(4, 4): (slice, row, column, 1) to mm right, front and up of the first slice's middle."""
        up, back, left = self.spacing_mm
        _, rows, columns = self.hu.shape
        return np.array(
            [
                [0.0, 0.0, -left, (columns - 1) / 2 * left],
                [0.0, -back, 0.0, (rows - 1) / 2 * back],
                [up, 0.0, 0.0, 0.0],
                [0.0, 0.0, 0.0, 1.0],
            ]
        )
