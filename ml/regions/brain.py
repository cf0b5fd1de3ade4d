"""The brain in MNI mm: lobes by their sulci, deep nuclei, brain stem and cerebellum.

The figures are textbook ones of the adult brain, rounded: where sulci reach the surface, and
centers and half axes of what lies deep.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.regions.shapes import Field, Points, ellipsoid, tube
from preread.terms import Region

PARTS: Final = (
    Region.FRONTAL_LOBE,
    Region.PARIETAL_LOBE,
    Region.TEMPORAL_LOBE,
    Region.OCCIPITAL_LOBE,
    Region.CEREBELLUM,
)
"""The coarse parts of the brain; the last holds all that lies in the posterior fossa."""

FRONTAL, PARIETAL, TEMPORAL, OCCIPITAL, POSTERIOR = range(len(PARTS))


def above_tentorium(points: Points) -> Field:
    """Return mm over the tentorium, negative below it; up to the petrous ridge alone."""
    behind = np.minimum(points.front + 45.0, 0.0)
    tent = 0.0 + 0.38 * behind - 0.35 * points.wide
    over: Field = ((points.up - tent) * np.float32(0.87)).astype(np.float32)
    return over


def behind_petrous(points: Points) -> Field:
    """Return mm behind the petrous ridge and the clivus, negative before them."""
    ridge = -14.0 - 0.52 * np.maximum(points.wide - 8.0, 0.0)
    behind: Field = ((ridge - points.front) * np.float32(0.89)).astype(np.float32)
    return behind


def in_posterior_fossa(points: Points) -> NDArray[np.bool_]:
    """Return what lies below the tentorium and behind the petrous bone."""
    below: NDArray[np.bool_] = np.minimum(-above_tentorium(points), behind_petrous(points)) > 0
    return below


def parts(points: Points) -> NDArray[np.uint8]:
    """Return (N,) indices into :data:`PARTS`, everywhere."""
    wide, front, up = points.wide, points.front, points.up
    central = -12.6 - 0.33 * up + 0.24 * wide
    occipital = front < np.maximum(-52.0 - 0.62 * up - 0.42 * wide, -104.0)
    return np.select(
        [in_posterior_fossa(points), occipital, _temporal(points), front > central],
        [POSTERIOR, OCCIPITAL, TEMPORAL, FRONTAL],
        PARIETAL,
    ).astype(np.uint8)


def _temporal(points: Points) -> NDArray[np.bool_]:
    """Below the Sylvian fissure, and behind its end below the line to the occipital lobe."""
    wide, front, up = points.wide, points.front, points.up
    sylvian = np.minimum(-0.5 * front, 18.0)
    # The medial border: hippocampus below, the white matter beside the atrium above.
    medial = np.clip(18.0 + 1.0 * up, 13.0, 30.0)
    sphenoid = 6.0 + 0.35 * wide
    temporal: NDArray[np.bool_] = (
        (up < np.where(front > 0, np.minimum(sylvian, -6.0), sylvian))
        & (wide > medial)
        & (front < sphenoid)
    )
    return temporal


def insula(points: Points) -> Field:
    """Return the distance to the insula, under the opercula."""
    sheet = np.abs(points.wide - 38.0 + 0.004 * (points.front - 2.0) ** 2) - 4.0
    return np.maximum(sheet, ellipsoid(points, (38, 1, 2), (12, 24, 17)))


def internal_capsule(points: Points) -> Field:
    """Return the distance to the internal capsule; it leans out as it rises."""
    lean = 0.25 * (points.up - 6.0)
    flat = Points(points.wide - lean.astype(np.float32), points.front, np.zeros_like(points.up))
    path = [(19.0, 19.0, 0.0, 2.5), (13.5, 3.0, 0.0, 3.0), (23.0, -16.0, 0.0, 3.5), (27.0, -27.0, 0.0, 3.5)]  # fmt: skip
    inside: Field = np.maximum(tube(flat, path), np.abs(points.up - 8.0) - 14.0)
    return inside


def corpus_callosum(points: Points) -> Field:
    """Return the distance to the corpus callosum, as far aside as it is thick and compact."""
    aside = np.maximum(points.wide - 11.0, 0.0).astype(np.float32)
    flat = Points(aside, points.front, points.up)
    rostrum = [(0.0, 19.0, -5.0, 1.5), (0.0, 29.0, 5.0, 5.0), (0.0, 20.0, 18.0, 4.0)]
    body = [(0.0, 20.0, 18.0, 4.0), (0.0, 0.0, 25.0, 3.5), (0.0, -22.0, 25.0, 3.5)]
    splenium = [(0.0, -22.0, 25.0, 3.5), (0.0, -36.0, 17.0, 6.0)]
    return np.minimum(tube(flat, rostrum), np.minimum(tube(flat, body), tube(flat, splenium)))


def deep(points: Points) -> tuple[tuple[Region, Field], ...]:
    """Return each deep region with the distances to it."""
    caudate = [(12.0, 20.0, 2.0, 5.0), (14.0, 10.0, 12.0, 5.0), (17.0, -4.0, 21.0, 3.0), (21.0, -22.0, 21.0, 2.0)]  # fmt: skip
    return (
        (
            Region.CAUDATE,
            np.minimum(tube(points, caudate), ellipsoid(points, (11, 15, 3), (6, 9, 10))),
        ),
        (Region.PUTAMEN, ellipsoid(points, (27, 2, 2), (6.5, 19, 13))),
        (Region.PALLIDUM, ellipsoid(points, (19, -5, -1), (5.5, 9, 6.5))),
        (Region.THALAMUS, ellipsoid(points, (11, -18, 7), (10.5, 15, 10))),
        (Region.INTERNAL_CAPSULE, internal_capsule(points) + 1.0),
        (Region.CORPUS_CALLOSUM, corpus_callosum(points)),
        (Region.INSULA, insula(points)),
        *brain_stem(points),
    )


def brain_stem(points: Points) -> tuple[tuple[Region, Field], ...]:
    """Return midbrain, pons and medulla with the distances to them."""
    path = [(0.0, -19.0, -5.0, 13.0), (0.0, -24.0, -16.0, 14.0), (0.0, -26.0, -30.0, 16.0), (0.0, -34.0, -44.0, 12.0), (0.0, -42.0, -56.0, 8.0), (0.0, -46.0, -72.0, 8.0)]  # fmt: skip
    stem = tube(points, path)
    # Its parts are cut square to it, and it leans back by a quarter.
    along = points.up - 0.25 * (points.front + 25.0)
    parts = (
        (Region.MIDBRAIN, np.maximum(-20.0 - along, along + 5.0)),
        (Region.PONS, np.maximum(along + 20.0, -43.0 - along)),
        (Region.MEDULLA, along + 43.0),
    )
    return tuple((region, np.maximum(stem, part)) for region, part in parts)


def parenchyma(points: Points, part: NDArray[np.uint8] | None = None) -> NDArray[np.str_]:
    """Return (N,) values of ``Region``: the place of blood within the brain.

    Parameters
    ----------
    points
        Anywhere; beyond the brain the nearest lobe counts.
    part
        Indices into :data:`PARTS`, where a better source than :func:`parts` has them.
    """
    numbers = parts(points) if part is None else part
    vermis = ellipsoid(points, (0, -62, -22), (9, 26, 26)) < 0
    cerebellum = np.where(vermis, Region.VERMIS.value, Region.CEREBELLAR_HEMISPHERE.value)
    names = np.where(numbers == POSTERIOR, cerebellum, np.array(PARTS)[numbers])
    regions, distances = zip(*deep(points), strict=True)
    stacked = np.stack(distances)
    nearest = stacked.argmin(axis=0)
    inside = np.take_along_axis(stacked, nearest[None], axis=0)[0] < 0
    # Between the nuclei there is nothing but capsules and ventricles: the nearest counts.
    inside |= ellipsoid(points, (19, -3, 6), (23, 30, 15)) < 0
    return np.where(inside, np.array(regions)[nearest], names)
