"""The extra-axial space in MNI mm: what lies along the inner table, the falx and the tentorium."""

# ruff: noqa: PLR2004 - anatomy is drawn in mm; names for each number would hide it
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.regions.brain import FRONTAL, POSTERIOR, TEMPORAL, above_tentorium, behind_petrous, parts
from ml.regions.shapes import Field, Points, ellipsoid
from preread.terms import Region

# As near to the midline as this, what lies along the falx is parafalcine also under the vertex.
FALX_MM: Final = 6.0
# Sheets of dura reach no farther than this to either side: beyond, the skull is what is nearest.
TENTORIAL_MM: Final = 6.0
# Of the way to the inner table; nearer to the falx than this the falx is what is nearest.
NEARER: Final = 0.8


def depth_in_brain(points: Points) -> Field:
    """Return mm below the inner table of the mean head, where a head has none of its own."""
    return -ellipsoid(points, (0, -18, 8), (70, 89, 78))


def extra_axial(
    points: Points, part: NDArray[np.uint8] | None = None, depth_mm: Field | None = None
) -> NDArray[np.str_]:
    """Return (N,) values of ``Region``: the part of skull, falx or tentorium that is nearest.

    Parameters
    ----------
    points
        Anywhere.
    part
        Indices into ``ml.regions.brain.PARTS``, where a better source has them.
    depth_mm
        (N,) below the inner table; by default that of the mean head.
    """
    numbers = parts(points) if part is None else part
    depth = depth_in_brain(points) if depth_mm is None else depth_mm
    temporal = numbers == TEMPORAL
    middle = temporal & ((points.up < -23.0) | ((points.front > -2.0) & (points.up < -10.0)))
    posterior = numbers == POSTERIOR
    return np.select(
        [
            along_tentorium(points, depth),
            posterior,
            along_falx(points, depth),
            (numbers == FRONTAL) & (points.up < -9.0),
            middle,
        ],
        [
            Region.TENTORIAL.value,
            Region.POSTERIOR_FOSSA.value,
            Region.PARAFALCINE.value,
            Region.ANTERIOR_FOSSA.value,
            Region.MIDDLE_FOSSA.value,
        ],
        np.array(_CONVEXITY)[numbers],
    )


def along_tentorium(points: Points, depth_mm: Field) -> NDArray[np.bool_]:
    """Return what is nearer to the tentorium than to the skull, and near it."""
    near = np.minimum(np.float32(TENTORIAL_MM), NEARER * depth_mm)
    within = (behind_petrous(points) > 0) & (points.wide < 48.0)
    along: NDArray[np.bool_] = (np.abs(above_tentorium(points)) < near) & within
    return along


def along_falx(points: Points, depth_mm: Field) -> NDArray[np.bool_]:
    """Return what is nearer to the falx than to the skull.

    The falx hangs from the vault down to the callosum, before it to the crista galli and behind
    it to the tentorium.
    """
    arch = ((points.front + 4.0) / 36.0) ** 2 + ((points.up - 2.0) / 27.0) ** 2 > 1.0
    above = (above_tentorium(points) > 0) | ((points.front > 0.0) & (points.up > -18.0))
    near = points.wide < np.maximum(np.float32(FALX_MM), NEARER * depth_mm)
    along: NDArray[np.bool_] = arch & above & near
    return along


# In the order of ``PARTS``.
_CONVEXITY = (
    Region.FRONTAL_CONVEXITY.value,
    Region.PARIETAL_CONVEXITY.value,
    Region.TEMPORAL_CONVEXITY.value,
    Region.OCCIPITAL_CONVEXITY.value,
    Region.POSTERIOR_FOSSA.value,
)
