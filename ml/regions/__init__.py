"""An own analytic model of where things are in the head: MNI mm to a place, per compartment.

Planes, tubes and ellipsoids of textbook figures; no atlas is read or shipped.
"""

import numpy as np
from numpy.typing import NDArray

from ml.regions.brain import parenchyma
from ml.regions.dura import extra_axial
from ml.regions.fluid import subarachnoid, ventricles
from ml.regions.shapes import Points
from preread.terms import Compartment


def regions_at(compartment: Compartment, mni_mm: NDArray[np.floating]) -> NDArray[np.str_]:
    """Name the region of a compartment that is nearest to each point.

    Parameters
    ----------
    compartment
        What the blood fills.
    mni_mm
        (N, 3): right, front and up in MNI space.

    Returns
    -------
    ndarray of str
        (N,) values of ``Region``.

    Examples
    --------
    >>> regions_at(Compartment.PARENCHYMAL, np.array([[27.0, 2.0, 2.0], [40.0, 40.0, 20.0]])).tolist()
    ['putamen', 'frontal_lobe']
    """
    points = Points.of(mni_mm)
    match compartment:
        case Compartment.PARENCHYMAL:
            return parenchyma(points)
        case Compartment.VENTRICULAR:
            return ventricles(points)
        case Compartment.SUBARACHNOID:
            return subarachnoid(points)
        case Compartment.EXTRA_AXIAL:
            return extra_axial(points)
