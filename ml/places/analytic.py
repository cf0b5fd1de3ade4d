"""Places by plain geometry: what a bundle without networks for places falls back to.

The head is taken for the mean one, so a head that nods, or grew askew, is named as if it did not.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.anatomy import to_mni
from ml.places.reading import CellPlaces
from ml.places.upright import UprightHead, position_of
from ml.regions import regions_at
from preread.regions import FINE_REGIONS
from preread.terms import Compartment

_INDEX: Final = {region.value: number for number, region in enumerate(FINE_REGIONS)}


class AnalyticPlaceReader:
    """Names cells by the analytic model of ``ml.regions``; knows nothing of compartments."""

    def read(
        self, head: UprightHead, cells: NDArray[np.intp], blood: NDArray[np.float32]
    ) -> CellPlaces:
        """Read cells; see :class:`ml.places.reading.PlaceReader`."""
        del blood
        position = position_of(head, cells)
        mni = to_mni(position)
        regions = np.zeros((len(cells), len(FINE_REGIONS)), np.float32)
        for compartment in Compartment:
            names, inverse = np.unique(regions_at(compartment, mni), return_inverse=True)
            numbers = np.array([_INDEX[name] for name in names])
            regions[np.arange(len(cells)), numbers[inverse]] = 1.0
        alike = np.full((len(cells), len(Compartment)), 1 / len(Compartment), np.float32)
        return CellPlaces(regions, alike, position.left_mm.astype(np.float32))
