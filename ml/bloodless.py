"""Where inside the skull no blood can be: in and beside air, and in and beside deep calcium.

Clotted blood is at most some 90 HU dense, for a clot is no more than red cells; what lies deep in
the brain and is denser is calcium (pineal gland, choroid plexus, basal ganglia) or metal. Air lies
there after surgery or a fracture, and where thin bone let the inside of the skull be found to
reach into the sinuses of the nose.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

AIR_HU: Final = -100.0
CALCIUM_HU: Final = 110.0
# Mucosa beside a sinus; the rim of a calcification, half of which is brain and looks like blood.
AIR_REACH_MM: Final = 4.0
CALCIUM_REACH_MM: Final = 3.5
# Nearer to the edge of the inside, dense pixels are mixed with bone.
DEEP_MM: Final = 8.0


def where_blood_may_be(
    hu: NDArray[np.float32], inside: NDArray[np.bool_], spacing_mm: float
) -> NDArray[np.bool_]:
    """Return the part of the inside of the skull in which blood can be.

    Parameters
    ----------
    hu
        (S, h, w) float32 HU.
    inside
        (S, h, w) bool: of the skull.
    spacing_mm
        In-plane, both axes.
    """
    possible = inside.copy()
    for number, plane in enumerate(hu):
        within = inside[number]
        _take_away(possible[number], within & (plane < AIR_HU), AIR_REACH_MM / spacing_mm)
        dense = within & (plane > CALCIUM_HU)
        if dense.any():
            deep = ndimage.distance_transform_edt(within) * spacing_mm > DEEP_MM
            _take_away(possible[number], dense & deep, CALCIUM_REACH_MM / spacing_mm)
    return possible


def _take_away(possible: NDArray[np.bool_], what: NDArray[np.bool_], reach: float) -> None:
    """Clear what is there and all within a reach of it, in pixels."""
    if what.any():
        possible &= ndimage.distance_transform_edt(~what) > reach
