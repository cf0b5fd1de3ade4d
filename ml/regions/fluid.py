"""Ventricles, cisterns and fissures in MNI mm.

A bleed in a space of fluid is named by the space that is nearest, so every place has one.
"""

import numpy as np
from numpy.typing import NDArray

from ml.anatomy import MIDLINE_MM
from ml.regions.brain import POSTERIOR, above_tentorium, parts
from ml.regions.shapes import Field, Points, ellipsoid, tube
from preread.terms import Region


def ventricles(points: Points) -> NDArray[np.str_]:
    """Return (N,) values of ``Region``: the part of the ventricles that is nearest.

    At the midline that is none which lies on either side: blood between the atria is in neither.
    """
    frontal = [(15.0, 33.0, -2.0, 3.0), (10.0, 22.0, 8.0, 5.0), (7.0, 6.0, 14.0, 5.0)]
    body = [(8.0, -2.0, 18.0, 5.0), (13.0, -16.0, 21.0, 5.0), (18.0, -28.0, 19.0, 6.0)]
    atrium = [(23.0, -38.0, 14.0, 7.0), (26.0, -44.0, 6.0, 7.0)]
    occipital = [(25.0, -56.0, 6.0, 4.0), (23.0, -76.0, 4.0, 2.0)]
    temporal = [(31.0, -38.0, -4.0, 4.0), (35.0, -24.0, -14.0, 3.0), (30.0, -8.0, -20.0, 3.0)]
    third = [(0.0, 0.0, -6.0, 3.0), (0.0, -10.0, 2.0, 3.0), (0.0, -24.0, 4.0, 3.0), (0.0, -29.0, -4.0, 1.5)]  # fmt: skip
    fourth = [(0.0, -34.0, -14.0, 1.5), (0.0, -44.0, -28.0, 6.0), (0.0, -48.0, -48.0, 2.0)]
    return _nearest(
        (
            (Region.FRONTAL_HORN, tube(points, frontal)),
            (Region.VENTRICULAR_BODY, tube(points, body)),
            (Region.ATRIUM, _aside(points, tube(points, atrium))),
            (Region.OCCIPITAL_HORN, _aside(points, tube(points, occipital))),
            (Region.TEMPORAL_HORN, _aside(points, tube(points, temporal))),
            (Region.THIRD_VENTRICLE, tube(points, third)),
            (Region.FOURTH_VENTRICLE, tube(points, fourth)),
        )
    )


def _aside(points: Points, distance: Field) -> Field:
    """Return the distance to a space on either side; at the midline there is none."""
    apart: Field = np.where(points.wide < MIDLINE_MM, np.float32(np.inf), distance)
    return apart


def cisterns(points: Points) -> tuple[tuple[Region, Field], ...]:
    """Return each basal cistern with the distances to it."""
    ambient = [(12.0, -14.0, -15.0, 3.0), (19.0, -22.0, -11.0, 4.0), (18.0, -32.0, -6.0, 4.0), (12.0, -38.0, -2.0, 3.0)]  # fmt: skip
    quadrigeminal = [(0.0, -38.0, -2.0, 6.0), (6.0, -41.0, 0.0, 5.0)]
    prepontine = [(0.0, -10.0, -26.0, 4.0), (0.0, -13.0, -36.0, 5.0), (0.0, -20.0, -48.0, 5.0)]
    angle = [(0.0, -13.0, -36.0, 5.0), (20.0, -24.0, -38.0, 5.0)]
    magna = [(0.0, -60.0, -46.0, 6.0), (0.0, -66.0, -54.0, 8.0), (18.0, -68.0, -54.0, 4.0)]
    return (
        (
            Region.SUPRASELLAR_CISTERN,
            np.minimum(
                ellipsoid(points, (0, 2, -15), (15, 13, 8)),
                ellipsoid(points, (0, -9, -16), (8, 6, 6)),
            ),
        ),
        (Region.AMBIENT_CISTERN, tube(points, ambient)),
        (Region.QUADRIGEMINAL_CISTERN, tube(points, quadrigeminal)),
        (Region.PREPONTINE_CISTERN, np.minimum(tube(points, prepontine), tube(points, angle))),
        (Region.CISTERNA_MAGNA, tube(points, magna)),
    )


def sylvian(points: Points) -> Field:
    """Return the distance to the Sylvian fissure: stem, sheet over the insula, and opening."""
    front = points.front
    stem = tube(points, [(20.0, 6.0, -17.0, 3.0), (32.0, 8.0, -16.0, 4.0), (38.0, 4.0, -8.0, 4.0)])
    sheet = np.abs(points.wide - 42.0 + 0.004 * (front - 2.0) ** 2) - 4.0
    sheet = np.maximum(sheet, ellipsoid(points, (42, 1, 2), (12, 26, 18)))
    slope = np.abs(points.up + 0.5 * front) * np.float32(0.9) - 4.0
    opening = np.maximum(slope, np.maximum(38.0 - points.wide, np.abs(front + 9.0) - 27.0))
    nearest: Field = np.minimum(stem, np.minimum(sheet, opening))
    return nearest


def interhemispheric(points: Points) -> Field:
    """Return the distance to the cleft between the hemispheres; the callosum closes it."""
    cleft = points.wide - 4.0
    # Over an oval that fills the callosum's arch, and before and behind it.
    arch = ((points.front + 4.0) / 34.0) ** 2 + ((points.up - 2.0) / 25.0) ** 2
    open_mm = (np.sqrt(arch) - 1.0) * 25.0
    floor = np.where(points.front > 0, points.up + 22.0, above_tentorium(points))
    between: Field = np.maximum(cleft, np.maximum(-open_mm, -floor)).astype(np.float32)
    return between


def subarachnoid(points: Points, part: NDArray[np.uint8] | None = None) -> NDArray[np.str_]:
    """Return (N,) values of ``Region``: cistern, fissure or the sulci of a lobe.

    Parameters
    ----------
    points
        Anywhere; deep in the brain the nearest space counts, in the posterior fossa the nearest
        cistern.
    part
        Indices into ``ml.regions.brain.PARTS``, where a better source has them.
    """
    numbers = parts(points) if part is None else part
    below = cisterns(points)
    spaces = (
        *below,
        (Region.SYLVIAN_FISSURE, sylvian(points)),
        (Region.INTERHEMISPHERIC_FISSURE, interhemispheric(points)),
    )
    within = np.stack([distance for _, distance in spaces]).min(axis=0) < 0
    # No sulcus reaches the middle of the brain.
    deep = ellipsoid(points, (0, -12, 4), (33, 44, 24)) < 0
    names = np.where(deep | within, _nearest(spaces), np.array(_SULCI)[numbers])
    return np.where(numbers == POSTERIOR, _nearest(below), names)


# In the order of ``PARTS``; the cerebellum's own are its cisterns.
_SULCI = (
    Region.FRONTAL_SULCI.value,
    Region.PARIETAL_SULCI.value,
    Region.TEMPORAL_SULCI.value,
    Region.OCCIPITAL_SULCI.value,
    Region.CISTERNA_MAGNA.value,
)


def _nearest(spaces: tuple[tuple[Region, Field], ...]) -> NDArray[np.str_]:
    regions, distances = zip(*spaces, strict=True)
    names: NDArray[np.str_] = np.array(regions)[np.stack(distances).argmin(axis=0)]
    return names
