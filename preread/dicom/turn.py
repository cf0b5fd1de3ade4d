"""How the rows and columns of a series become those of radiological convention, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Turn:
    """Makes columns run to the patient's left and rows to the back, whatever way they ran.

    Attributes
    ----------
    swap
        Rows become columns first.
    flip_rows, flip_columns
        What then runs backwards.
    """

    swap: bool
    flip_rows: bool
    flip_columns: bool

    def apply(self, image: NDArray[T]) -> NDArray[T]:
        """Turn (…, R, C) as in the files; the answer may be a view."""
        turned = image.swapaxes(-2, -1) if self.swap else image
        if self.flip_rows:
            turned = np.flip(turned, -2)
        return np.flip(turned, -1) if self.flip_columns else turned

    def undo(self, image: NDArray[T]) -> NDArray[T]:
        """Turn (…, R, C) of radiological convention back to how the files have it."""
        turned = np.flip(image, -1) if self.flip_columns else image
        if self.flip_rows:
            turned = np.flip(turned, -2)
        return turned.swapaxes(-2, -1) if self.swap else turned

    def spacing_mm(self, spacing_mm: tuple[float, float]) -> tuple[float, float]:
        """Return the spacing of rows and of columns after the turn."""
        return (spacing_mm[1], spacing_mm[0]) if self.swap else spacing_mm


def turn_of(along_row: Sequence[float], along_column: Sequence[float]) -> Turn:
    """Return the turn of roughly axial slices.

    Parameters
    ----------
    along_row, along_column
        LPS directions in which the column index and the row index grow: the two halves of
        Image Orientation (Patient) (PS3.3 C.7.6.2.1.1).

    Examples
    --------
    >>> turn_of((1, 0, 0), (0, 1, 0))
    Turn(swap=False, flip_rows=False, flip_columns=False)
    >>> turn_of((-1, 0, 0), (0, -1, 0))
    Turn(swap=False, flip_rows=True, flip_columns=True)
    """
    swap = abs(along_row[1]) > abs(along_row[0])
    across, down = (along_column, along_row) if swap else (along_row, along_column)
    return Turn(swap, flip_rows=bool(down[1] < 0), flip_columns=bool(across[0] < 0))
