"""What is known of single cells of a head, and the door that the readers of places stand behind.

Arrays only, so that nothing that names a place loads torch.
"""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ml.places.upright import UprightHead


class CellPlaces(NamedTuple):
    """Where C cells lie.

    Attributes
    ----------
    regions
        (C, R) float32 in the order of ``FINE_REGIONS``: the probability of each region should
        blood there lie in the region's compartment; they sum to 1 within each compartment.
    compartments
        (C, 4) float32 in the order of ``Compartment``: where the blood in the cell lies; all
        alike where nothing speaks for any.
    left_mm
        (C,) float32 from the midline, positive to the patient's left; standard head.
    """

    regions: NDArray[np.float32]
    compartments: NDArray[np.float32]
    left_mm: NDArray[np.float32]


class PlaceReader(Protocol):
    """Anything that tells regions, compartments and sides of cells."""

    def read(
        self, head: UprightHead, cells: NDArray[np.intp], blood: NDArray[np.float32]
    ) -> CellPlaces:
        """Read cells.

        Parameters
        ----------
        head
            The head, upright.
        cells
            (C, 3) slab, row and column, each once.
        blood
            (C,) share of each cell that is outlined, 0..1.
        """
        ...
