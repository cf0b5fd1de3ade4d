"""Five kinds of blood, each where its anatomy lets it spread.

Every painter returns how much of each voxel is blood, and paints it. Shapes: a subdural
bleed is a crescent along the inner table or a sheet along the falx; an epidural one a lens;
subarachnoid blood replaces fluid in sulci and cisterns; intraventricular blood sinks to the
back of the ventricles; a parenchymal one is an uneven clot with a rim of edema, where hypertension
bleeds (``sites``) or anywhere in the lobes, or several small contusions near the surface. Some collections under the skull are weeks old:
as dense as brain, or darker, and told from it by what they displace.
"""

# ruff: noqa: PLR2004 - anatomy is drawn in mm and HU; names for each would hide it
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.training.painting.displacement import push_brain
from ml.training.painting.head import Field, PaintedHead, noise
from ml.training.painting.sites import draw_site, voxels_at
from preread.terms import HemorrhageType

FRESH_HU: Final = (52.0, 80.0)
# Of a collection some two weeks old, and of one older than three; fluid alone is 0..15 HU.
SUBACUTE_HU: Final = (30.0, 46.0)
CHRONIC_HU: Final = (17.0, 29.0)
AGES_HU: Final = (FRESH_HU, SUBACUTE_HU, CHRONIC_HU)
# Below the skull there is fluid, and no brain, to bleed into.
RIM_MM: Final = 2.5
# How often each age is painted.
SUBDURAL_AGES: Final = (0.72, 0.12, 0.16)
EPIDURAL_AGES: Final = (0.9, 0.04, 0.06)


def paint_bleed(
    hu: Field, head: PaintedHead, kind: HemorrhageType, random: np.random.Generator
) -> tuple[Field, Field]:
    """Paint one bleed of a kind, of random place and size.

    Parameters
    ----------
    hu
        (S, R, C) HU to paint over; is not changed.
    head
        The head before anything was painted.
    kind
        What to paint.
    random
        Makes it repeatable.

    Returns
    -------
    hu : ndarray
        (S, R, C) with the bleed.
    share : ndarray
        (S, R, C) 0..1, how much of each voxel is blood; all 0 where this head has no room
        for such a bleed.
    """
    return _PAINTERS[kind](hu, head, random)


def _subdural(hu: Field, head: PaintedHead, random: np.random.Generator) -> tuple[Field, Field]:
    if random.random() < 0.2:
        return _along_falx(hu, head, random)
    up, back, left = head.axes
    side = random.choice([-1.0, 1.0])
    toward = _unit(random.uniform(-0.15, 0.65), random.uniform(-0.6, 0.6), side)
    cosine = (up * toward[0] + back * toward[1] + left * toward[2]) / head.radius
    angle = np.arccos(np.clip(cosine, -1, 1)) + 0.10 * noise(
        hu.shape, head.spacing_mm, 22.0, random
    )
    widest = np.deg2rad(random.uniform(35.0, 80.0))
    thick_mm = float(np.exp(random.uniform(np.log(4.0), np.log(20.0))))
    reach = thick_mm * np.clip(1 - (angle / widest) ** 2, 0, 1) ** random.uniform(0.35, 0.6)
    reach = reach * np.clip((left * side - 2.0) / 5.0, 0, 1)
    return _extra_axial(hu, head, reach.astype(np.float32), SUBDURAL_AGES, random)


def _along_falx(hu: Field, head: PaintedHead, random: np.random.Generator) -> tuple[Field, Field]:
    up, back, left = head.axes
    side = random.choice([-1.0, 1.0])
    thick_mm = random.uniform(2.5, 7.0)
    middle = random.uniform(-50.0, 50.0)
    extent = np.clip(1 - ((back - middle) / random.uniform(25.0, 55.0)) ** 2, 0, 1) ** 0.5
    extent = extent * np.clip((up - random.uniform(-5.0, 15.0)) / 8.0, 0, 1)
    # The falx ends above the corpus callosum, some 45 mm below the inner table.
    extent = extent * np.clip((50.0 - head.depth) / 12.0, 0, 1) * (head.depth > 0)
    wave = 1 + 0.25 * noise(hu.shape, head.spacing_mm, 18.0, random)
    over = thick_mm * extent * wave - np.where(left * side > -0.5, np.abs(left), 99.0)
    share = np.clip(over / 1.2 + 0.5, 0, 1) * (extent > 0.05) * head.inside
    return _blend(hu, head, share.astype(np.float32), random)


def _epidural(hu: Field, head: PaintedHead, random: np.random.Generator) -> tuple[Field, Field]:
    up, back, left = head.axes
    toward = _unit(random.uniform(-0.4, 0.8), random.uniform(-1.0, 1.0), random.choice([-1.0, 1.0]))
    surface = np.argwhere((head.depth > 0) & (head.depth < 2.0))
    points = np.stack(
        [up.ravel()[surface[:, 0]], back.ravel()[surface[:, 1]], left.ravel()[surface[:, 2]]], 1
    )
    aim = points @ toward / (np.linalg.norm(points, axis=1) + 1.0)
    center = points[int(aim.argmax())]
    radius_mm = random.uniform(12.0, 42.0)
    squares = (up - center[0]) ** 2 + (back - center[1]) ** 2 + (left - center[2]) ** 2
    wobble = 1 + 0.12 * noise(hu.shape, head.spacing_mm, 16.0, random)
    thick_mm = radius_mm * random.uniform(0.3, 0.65)
    reach = thick_mm * np.clip(1 - squares / radius_mm**2 * wobble, 0, 1)
    return _extra_axial(hu, head, reach.astype(np.float32), EPIDURAL_AGES, random)


def _extra_axial(
    hu: Field,
    head: PaintedHead,
    reach_mm: Field,
    ages: tuple[float, ...],
    random: np.random.Generator,
) -> tuple[Field, Field]:
    """Fill the space below the inner table down to a depth, and push the brain inwards."""
    pushed = push_brain(hu, head, reach_mm)
    share = np.clip((reach_mm - head.depth) / 1.2 + 0.5, 0, 1) * (reach_mm > 1.0) * head.inside
    dense = AGES_HU[int(random.choice(len(AGES_HU), p=ages))]
    return _blend(pushed, head, share.astype(np.float32), random, dense=dense)


def _subarachnoid(hu: Field, head: PaintedHead, random: np.random.Generator) -> tuple[Field, Field]:
    up, back, left = head.axes
    around = ndimage.grey_dilation(head.ventricles, size=(1, 13, 13)) > 0.3
    basal = (up < -8.0) & (up > -38.0) & (np.abs(left) < 35.0)
    outer = (
        (head.fluid > 0.5)
        & ~around
        & (up > -38.0)
        & ((head.depth < 14.0) | (basal & (head.depth < 60.0)))
    )
    places = np.argwhere(outer)
    if len(places) < 200:
        return hu, np.zeros_like(hu)
    at = places[int(random.integers(len(places)))]
    squares = (
        ((up - up.ravel()[at[0]]) / 0.9) ** 2
        + (back - back.ravel()[at[1]]) ** 2
        + (left - left.ravel()[at[2]]) ** 2
    )
    far = np.sqrt(squares) / random.uniform(12.0, 45.0)
    far = far + 0.35 * noise(hu.shape, head.spacing_mm, 12.0, random)
    spread = np.clip(1.6 - far, 0, 1)
    # A film also covers the banks of a sulcus, and thin sulci show but as a little less HU.
    wet = ndimage.gaussian_filter(np.clip(1.5 * head.fluid, 0, 1), (0, 0.7, 0.7))
    # Lower down, dark bands between the petrous bones pass for fluid.
    wet = np.clip(1.3 * wet, 0, 1) * ~around * (up > -42.0)
    share = (spread * wet * head.inside * random.uniform(0.75, 1.0)).astype(np.float32)
    return _blend(hu, head, share, random, dense=(50.0, 72.0))


def _intraventricular(
    hu: Field, head: PaintedHead, random: np.random.Generator
) -> tuple[Field, Field]:
    ventricles = head.ventricles
    if (ventricles > 0.5).sum() * head.voxel_ml < 1.5:
        return hu, np.zeros_like(hu)
    _, back, left = head.axes
    filled = back + 0.0 * ventricles + 4.0 * noise(hu.shape, head.spacing_mm, 8.0, random)
    deep = filled[ventricles > 0.5]
    level = np.quantile(deep, random.choice([random.uniform(0.0, 0.5), random.uniform(0.5, 0.95)]))
    share = np.clip((filled - level) / 3.0 + 0.5, 0, 1) * np.clip(1.4 * ventricles, 0, 1)
    if random.random() < 0.45:
        share = share * (left * random.choice([-1.0, 1.0]) > 0)
    return _blend(hu, head, (share * head.inside).astype(np.float32), random, dense=(50.0, 75.0))


def _parenchymal(hu: Field, head: PaintedHead, random: np.random.Generator) -> tuple[Field, Field]:
    cause = random.random()
    if cause < 0.3:
        return _contusions(hu, head, random)
    if cause < 0.55:
        radius_mm = _radius_mm((0.4, 60.0), random)
        return _clot(hu, head, radius_mm, _tissue_between(head, (8.0, 70.0)), random)
    site = draw_site(random)
    places = voxels_at(site, head, head.fluid < 0.3, random)
    return _clot(hu, head, _radius_mm(site.volumes_ml, random), places, random)


def _contusions(hu: Field, head: PaintedHead, random: np.random.Generator) -> tuple[Field, Field]:
    painted, share = hu, np.zeros_like(hu)
    places = _tissue_between(head, (3.0, 18.0))
    # Half of them reach the skull, as those of patients do.
    rim_mm = random.choice([0.0, RIM_MM])
    for _ in range(int(random.integers(1, 5))):
        radius_mm = random.uniform(3.0, 9.0)
        painted, more = _clot(painted, head, radius_mm, places, random, rim_mm=rim_mm)
        share = np.maximum(share, more)
    return painted, share


def _tissue_between(head: PaintedHead, depths_mm: tuple[float, float]) -> NDArray[np.intp]:
    """Return the (N, 3) voxels of brain between two depths below the skull."""
    near, far = depths_mm
    return np.argwhere((head.fluid < 0.3) & (head.depth > near) & (head.depth < far))


def _radius_mm(volumes_ml: tuple[float, float], random: np.random.Generator) -> float:
    """Return the radius of a ball of a volume between two, small ones as often as large ones."""
    volume_ml = float(np.exp(random.uniform(*np.log(volumes_ml))))
    return float((volume_ml * 1000.0 * 0.239) ** (1 / 3))


def _clot(
    hu: Field,
    head: PaintedHead,
    radius_mm: float,
    places: NDArray[np.intp],
    random: np.random.Generator,
    *,
    rim_mm: float = RIM_MM,
) -> tuple[Field, Field]:
    """Paint a clot whose middle is one of the (N, 3) places; it spares a rim below the skull."""
    if not len(places):
        return hu, np.zeros_like(hu)
    up, back, left = head.axes
    at = places[int(random.integers(len(places)))]
    stretch = random.uniform(0.7, 1.4, 3)
    squares = sum(
        ((axis - axis.ravel()[index]) / factor) ** 2
        for axis, index, factor in zip((up, back, left), at, stretch, strict=True)
    )
    grain = float(np.clip(radius_mm / 2, 3.0, 9.0))
    rough = noise(hu.shape, head.spacing_mm, grain, random)
    score = np.sqrt(np.asarray(squares, np.float32)) + 0.22 * radius_mm * rough
    score = score + 2.0 * np.maximum(rim_mm - head.depth, 0) + 8.0 * np.clip(head.ventricles, 0, 1)
    edema_mm = random.uniform(0.0, 7.0)
    rim = np.clip((radius_mm + edema_mm - score) / 3.0 + 0.5, 0, 1) * head.inside
    swollen = hu - (rim * random.uniform(6.0, 14.0) * (edema_mm > 1.5) * (hu < 60)).astype(
        np.float32
    )
    share = np.clip((radius_mm - score) / 1.5 + 0.5, 0, 1) * head.inside
    return _blend(swollen, head, share.astype(np.float32), random)


def _blend(
    hu: Field,
    head: PaintedHead,
    share: Field,
    random: np.random.Generator,
    dense: tuple[float, float] = FRESH_HU,
) -> tuple[Field, Field]:
    """Mix blood into the image: its own texture, the image's noise, the scanner's blur."""
    soft = ndimage.gaussian_filter(share, (random.uniform(0.0, 0.35), 0.7, 0.7))
    blood_hu = random.uniform(*dense)
    texture = random.uniform(1.0, 5.0) * noise(hu.shape, head.spacing_mm, 5.0, random)
    if random.random() < 0.2:  # fresh blood among clot, or an older part of it
        older = np.clip(noise(hu.shape, head.spacing_mm, 10.0, random) - 0.3, 0, 1.2)
        texture = texture - older * random.uniform(8.0, 20.0)
    grains = np.clip(hu - ndimage.gaussian_filter(hu, (0, 2.0, 2.0)), -8, 8)
    target = blood_hu + texture + 0.7 * grains
    painted = np.where(hu < 150.0, hu + soft * (target - hu), hu).astype(np.float32)
    # Fresh blood that raised the image by nothing that an eye could see is no label. An old
    # collection is seen by the brain that it displaces, whatever its density.
    displaced = (dense[1] < FRESH_HU[0]) & (hu < 100.0)
    seen = (soft > 0.02) & ((painted - hu > 6.0) | displaced)
    return painted, (soft * seen).astype(np.float32)


def _unit(up: float, back: float, left: float) -> Field:
    direction = np.array([up, back, left], np.float32)
    return (direction / np.linalg.norm(direction)).astype(np.float32)


_PAINTERS: Final[
    dict[
        HemorrhageType,
        Callable[[Field, PaintedHead, np.random.Generator], tuple[Field, Field]],
    ]
] = {
    HemorrhageType.IPH: _parenchymal,
    HemorrhageType.SDH: _subdural,
    HemorrhageType.IVH: _intraventricular,
    HemorrhageType.SAH: _subarachnoid,
    HemorrhageType.EDH: _epidural,
}
