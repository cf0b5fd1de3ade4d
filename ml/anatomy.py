"""Where a bleed lies: side from the skull's own midline, region from position in the skull.

A coarse reading. Position is given in three coordinates that scale with the head: depth
below the vertex and distance from the midline in millimetres of a standard head, and the
share of the way from the front to the back of the intracranial space. The borders are
textbook figures of the adult head (central sulcus, Sylvian fissure, tentorium, ventricles),
rounded; no atlas is registered. A later version may put registration in their place.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.assessment import Place
from ml.intracranial import Interior
from ml.symmetry import SymmetryAxis, find_axis, fit_plane
from preread.terms import HemorrhageType, Laterality, Region

# Front to back inside the skull of the head that the borders were written for.
STANDARD_LENGTH_MM: Final = 170.0
# Nearer to the midline than this a voxel is on neither side.
MIDLINE_MM: Final = 5.0
# From this share of a lesion on the lesser side it is bilateral.
BILATERAL_SHARE: Final = 0.25
# A region with less of the lesion is not named.
LEAST_SHARE: Final = 0.15
# Of the head's interior, front to back, in any slice that helps to find the midline.
LEAST_WIDTH_MM: Final = 60.0
# Fewer rows of that width in the whole head do not make a midline.
LEAST_MIDPOINTS: Final = 50
# Slices with so much of the widest one's area show where the axis of symmetry lies.
WIDE_SHARE: Final = 0.6
# A slice with less of the interior is not the top of the head but noise.
LEAST_AREA_MM2: Final = 400.0
# With less of a lesion beside the midline than this it is a midline lesion.
BESIDE_SHARE: Final = 0.5
ANYWHERE: Final = (-np.inf, np.inf)
# Why a place or a measurement is missing where :func:`find_frame` returned None.
NO_AXES: Final = "the axes of the head were not found"

_LOBES: Final = (
    Region.FRONTAL_LOBE,
    Region.PARIETAL_LOBE,
    Region.TEMPORAL_LOBE,
    Region.OCCIPITAL_LOBE,
)
_CONVEXITIES: Final = (
    Region.FRONTAL_CONVEXITY,
    Region.PARIETAL_CONVEXITY,
    Region.TEMPORAL_CONVEXITY,
    Region.OCCIPITAL_CONVEXITY,
)


@dataclass(frozen=True)
class HeadFrame:
    """Axes of the head, found from the inside of the skull.

    Attributes
    ----------
    axis
        The midline in each slice, in the interior's pixels.
    front, back
        Where the intracranial space begins and ends along the midline, in pixels from the
        midline's point in row 0.
    top_mm
        Height of its top, along the slices, from the center of the first.
    heights_mm
        (S,) center of each slice above the first.
    spacing_mm
        Of the interior's pixels.
    """

    axis: SymmetryAxis
    front: float
    back: float
    top_mm: float
    heights_mm: NDArray[np.float64]
    spacing_mm: float


@dataclass(frozen=True)
class HeadPosition:
    """Voxels in the head's axes, each array (N,).

    Attributes
    ----------
    left_mm
        Distance from the midline, positive to the patient's left; standard head.
    behind
        0 at the front of the intracranial space, 1 at its back.
    below_mm
        Depth below the top; standard head.
    """

    left_mm: NDArray[np.float64]
    behind: NDArray[np.float64]
    below_mm: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Box:
    """Limits in the head's axes; both sides of the head alike.

    Attributes
    ----------
    aside_mm
        Distance from the midline.
    behind
        Share of the way from front to back.
    below_mm
        Depth below the vertex.
    """

    aside_mm: tuple[float, float] = ANYWHERE
    behind: tuple[float, float] = ANYWHERE
    below_mm: tuple[float, float] = ANYWHERE

    def holds(self, position: HeadPosition) -> NDArray[np.bool_]:
        """Return which voxels lie within, limits included."""
        inside = np.ones(position.behind.shape, np.bool_)
        for limits, values in (
            (self.aside_mm, np.abs(position.left_mm)),
            (self.behind, position.behind),
            (self.below_mm, position.below_mm),
        ):
            inside &= (values >= limits[0]) & (values <= limits[1])
        return inside


@dataclass(frozen=True, slots=True)
class Border:
    """A straight border: ``start`` + ``slope`` times millimetres."""

    start: float
    slope: float

    def at(self, distance_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where the border is."""
        return self.start + self.slope * distance_mm


# Share front to back against depth: just behind the middle at the vertex, forwards below.
CENTRAL_SULCUS: Final = Border(0.54, -0.0022)
PARIETO_OCCIPITAL: Final = Border(0.93, -0.0018)
# Depth against distance from the midline: a tent, lower towards the sides.
TENTORIUM: Final = Border(82.0, 0.25)
POSTERIOR: Final = Box(behind=(0.5, np.inf))
FOURTH_VENTRICLE: Final = Box(aside_mm=(0, 15))
THIRD_VENTRICLE: Final = Box(aside_mm=(0, 6), behind=(0.38, 0.62), below_mm=(62, np.inf))
BASAL_CISTERNS: Final = Box(aside_mm=(0, 32), behind=(0.28, 0.68), below_mm=(72, np.inf))
DEEP_HEMISPHERE: Final = Box(aside_mm=(0, 38), behind=(0.3, 0.62), below_mm=(48, 92))
BRAIN_STEM: Final = Box(aside_mm=(0, 16), behind=(0.0, 0.68))
FALX: Final = Box(aside_mm=(0, 9), below_mm=(-np.inf, 68))
TEMPORAL: Final = Box(aside_mm=(25, np.inf), behind=(0.2, np.inf), below_mm=(68, np.inf))
ORBITOFRONTAL: Final = Box(behind=(-np.inf, 0.45), below_mm=(68, np.inf))
OCCIPITAL: Final = Box(below_mm=(35, np.inf))


def find_frame(interior: Interior, heights_mm: NDArray[np.float64]) -> HeadFrame | None:
    """Find the head's axes.

    Parameters
    ----------
    interior
        In radiological orientation: columns rise to the patient's left, rows to the back.
    heights_mm
        (S,) center of each slice above the first.

    Returns
    -------
    HeadFrame or None
        None if too little of a skull is there.
    """
    inside = interior.inside
    areas = inside.sum(axis=(1, 2))
    axis = _axis_of(interior, areas)
    if axis is None:
        return None
    # The widest slice gives the length: it lies above the skull base and its holes.
    widest = int(areas.argmax())
    rows, columns = (where.astype(np.float64) for where in np.nonzero(inside[widest]))
    along = axis.along(rows, columns, np.full(len(rows), float(widest)))
    shown = np.flatnonzero(areas * interior.spacing_mm**2 > LEAST_AREA_MM2)
    return HeadFrame(
        axis=axis,
        front=float(along.min()),
        back=float(along.max()),
        top_mm=float(heights_mm[shown[-1]]) + _half_step(heights_mm),
        heights_mm=heights_mm,
        spacing_mm=interior.spacing_mm,
    )


def locate_voxels(frame: HeadFrame, voxels: NDArray[np.float64]) -> HeadPosition:
    """Bring (N, 3) voxels, slice row column in the interior's pixels, to the head's axes."""
    slices, rows, columns = voxels.T
    length = max(frame.back - frame.front, 1.0)
    scale = STANDARD_LENGTH_MM / (length * frame.spacing_mm)
    heights = np.interp(slices, np.arange(len(frame.heights_mm)), frame.heights_mm)
    return HeadPosition(
        left_mm=frame.axis.aside(rows, columns, slices) * frame.spacing_mm * scale,
        behind=(frame.axis.along(rows, columns, slices) - frame.front) / length,
        below_mm=(frame.top_mm - heights) * scale,
    )


def laterality(left_mm: NDArray[np.float64]) -> Laterality:
    """Return the side of voxels given their signed distance from the midline.

    Examples
    --------
    >>> laterality(np.array([20.0, 30.0, 12.0])).value, laterality(np.array([-20.0, 30.0])).value
    ('L', 'B')
    >>> laterality(np.array([-2.0, 1.0, 3.0])).value
    'M'
    """
    left = float((left_mm > MIDLINE_MM).mean())
    right = float((left_mm < -MIDLINE_MM).mean())
    if left + right < BESIDE_SHARE:
        return Laterality.MIDLINE
    if min(left, right) >= BILATERAL_SHARE * (left + right):
        return Laterality.BILATERAL
    return Laterality.LEFT if left > right else Laterality.RIGHT


def places(kind: HemorrhageType, position: HeadPosition) -> tuple[Place, ...]:
    """Name the regions of one bleed.

    Parameters
    ----------
    kind
        Decides between lobe, convexity, ventricle and cistern.
    position
        Its voxels.

    Returns
    -------
    tuple of Place
        At least one, the greatest share first.
    """
    names = regions(kind, position)
    found = []
    for region in sorted(set(names)):
        here = names == region
        share = float(here.mean())
        found.append(Place(Region(region), laterality(position.left_mm[here]), round(share, 3)))
    found.sort(key=lambda place: place.share_of_volume, reverse=True)
    named = tuple(place for place in found if place.share_of_volume >= LEAST_SHARE)
    return named or (found[0],)


def regions(kind: HemorrhageType, position: HeadPosition) -> NDArray[np.str_]:
    """Return the region of every voxel, (N,) values of ``Region``."""
    match kind:
        case HemorrhageType.IVH:
            return _ventricles(position)
        case HemorrhageType.SAH:
            return _subarachnoid(position)
        case HemorrhageType.IPH:
            return _brain(position)
        case HemorrhageType.SDH | HemorrhageType.EDH:
            return _extra_axial(kind, position)


def _ventricles(position: HeadPosition) -> NDArray[np.str_]:
    return np.select(
        [
            _in_posterior_fossa(position) & FOURTH_VENTRICLE.holds(position),
            THIRD_VENTRICLE.holds(position),
        ],
        [Region.FOURTH_VENTRICLE.value, Region.THIRD_VENTRICLE.value],
        Region.LATERAL_VENTRICLE.value,
    )


def _subarachnoid(position: HeadPosition) -> NDArray[np.str_]:
    return np.select(
        [BASAL_CISTERNS.holds(position), _in_posterior_fossa(position)],
        [Region.BASAL_CISTERNS.value, Region.POSTERIOR_FOSSA.value],
        Region.SUBARACHNOID_CONVEXITY.value,
    )


def _brain(position: HeadPosition) -> NDArray[np.str_]:
    below = _in_posterior_fossa(position)
    return np.select(
        [below & BRAIN_STEM.holds(position), below, DEEP_HEMISPHERE.holds(position)],
        [Region.BRAIN_STEM.value, Region.CEREBELLUM.value, Region.DEEP_HEMISPHERE.value],
        _lobe(position, _LOBES),
    )


def _extra_axial(kind: HemorrhageType, position: HeadPosition) -> NDArray[np.str_]:
    falx = FALX.holds(position) & (kind is HemorrhageType.SDH)
    return np.select(
        [_in_posterior_fossa(position), falx],
        [Region.POSTERIOR_FOSSA.value, Region.PARAFALCINE.value],
        _lobe(position, _CONVEXITIES),
    )


def _lobe(position: HeadPosition, names: tuple[Region, ...]) -> NDArray[np.str_]:
    frontal, parietal, temporal, occipital = (name.value for name in names)
    behind_sulcus = position.behind > PARIETO_OCCIPITAL.at(position.below_mm)
    return np.select(
        [
            OCCIPITAL.holds(position) & behind_sulcus,
            TEMPORAL.holds(position),
            ORBITOFRONTAL.holds(position),
            position.behind < CENTRAL_SULCUS.at(position.below_mm),
        ],
        [occipital, temporal, frontal, frontal],
        parietal,
    )


def _in_posterior_fossa(position: HeadPosition) -> NDArray[np.bool_]:
    tentorium_mm = TENTORIUM.at(np.abs(position.left_mm))
    below: NDArray[np.bool_] = (position.below_mm > tentorium_mm) & POSTERIOR.holds(position)
    return below


def _axis_of(interior: Interior, areas: NDArray[np.intp]) -> SymmetryAxis | None:
    """Return the axis of symmetry; of a head without one, straight rows' midpoints."""
    wide = (areas >= WIDE_SHARE * areas.max()) & ~interior.open_slices & (areas > 0)
    axis = find_axis(interior, [int(slab) for slab in np.flatnonzero(wide)])
    if axis is not None:
        return axis
    points = _midpoints(interior.inside, LEAST_WIDTH_MM / interior.spacing_mm)
    return None if len(points) < LEAST_MIDPOINTS else SymmetryAxis(*fit_plane(points))


def _midpoints(inside: NDArray[np.bool_], least: float) -> NDArray[np.float64]:
    """Return (N, 3) slice, row and column halfway between the two inner tables."""
    columns = inside.shape[2]
    first = inside.argmax(axis=2)
    last = columns - 1 - inside[:, :, ::-1].argmax(axis=2)
    wide = inside.any(axis=2) & (last - first >= least)
    slices, rows = np.nonzero(wide)
    middles = (first[wide] + last[wide]) / 2.0
    return np.column_stack([slices, rows, middles]).astype(np.float64)


def _half_step(heights_mm: NDArray[np.float64]) -> float:
    return float(np.median(np.diff(heights_mm))) / 2 if len(heights_mm) > 1 else 2.5
