"""Where bleeds of the brain arise that no injury caused: deep nuclei, cerebellum and pons.

The sites are those of Qureshi et al., Spontaneous Intracerebral Hemorrhage, NEJM 2001;344:1450-60;
their shares are such that each is learned. Drawn anywhere in the brain, 15 of 116 bleeds lay in one.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.training.painting.head import PaintedHead

# Beyond so many spreads from a site it is another one.
FARTHEST: Final = 1.5


@dataclass(frozen=True)
class Site:
    """A site, on either side.

    Attributes
    ----------
    center_mm
        Up, back and aside from the middle of the inside of the mean head.
    spread_mm
        As far the middle of a bleed lies from there; heads nod.
    volumes_ml
        The smallest and the greatest bleed.
    share
        Of all bleeds at these sites.
    """

    center_mm: tuple[float, float, float]
    spread_mm: tuple[float, float, float]
    volumes_ml: tuple[float, float]
    share: float


SITES: Final = (
    Site((-6.0, -18.0, 25.0), (10.0, 12.0, 6.0), (0.1, 50.0), 0.40),  # basal ganglia, capsule
    Site((-2.0, 2.0, 12.0), (8.0, 8.0, 5.0), (0.1, 20.0), 0.20),  # thalamus
    Site((-45.0, 42.0, 22.0), (10.0, 10.0, 10.0), (0.1, 25.0), 0.20),  # cerebellum
    Site((-42.0, 8.0, 0.0), (9.0, 9.0, 5.0), (0.1, 8.0), 0.20),  # pons and midbrain
)


def draw_site(random: np.random.Generator) -> Site:
    """Draw one by its share."""
    return SITES[int(random.choice(len(SITES), p=[one.share for one in SITES]))]


def voxels_at(
    site: Site, head: PaintedHead, tissue: NDArray[np.bool_], random: np.random.Generator
) -> NDArray[np.intp]:
    """Return the (N, 3) voxels of (S, R, C) tissue at a site on one side; none where a head ends."""
    side = random.choice([-1.0, 1.0])
    squares = np.zeros(tissue.shape, np.float32)
    for axis, center, spread in zip(
        head.axes,
        (*site.center_mm[:2], side * site.center_mm[2]),
        site.spread_mm,
        strict=True,
    ):
        squares += ((axis - np.float32(center)) / np.float32(spread)) ** 2
    return np.argwhere(tissue & (squares < FARTHEST**2))
