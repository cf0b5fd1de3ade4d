"""The axes of a head, positions in them, and the side of a bleed.

Position is given in three coordinates that scale with the head: depth below the vertex and
distance from the midline in millimetres of a standard head, and the share of the way from the
front to the back of the intracranial space. Which region lies there is told by ``ml.places``.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.intracranial import Interior
from ml.mirror import find_mirror_axis
from ml.symmetry import SymmetryAxis
from preread.regions import STEM, UNPAIRED
from preread.terms import Laterality, Region

# Front to back inside the skull of the head that the borders were written for.
STANDARD_LENGTH_MM: Final = 170.0
# Nearer to the midline than this a voxel is on neither side.
MIDLINE_MM: Final = 5.0
# The same in the brain stem, which is narrow.
MIDLINE_OF_STEM_MM: Final = 3.5
# From this share of a lesion on the lesser side it is bilateral.
BILATERAL_SHARE: Final = 0.25
# Fewer rows with so much of the head's interior in the whole head do not make a midline.
LEAST_WIDTH_MM: Final = 60.0
LEAST_ROWS: Final = 50
# A slice with less of the interior is not the top of the head but noise.
LEAST_AREA_MM2: Final = 400.0
# With less of a lesion beside the midline than this it is a midline lesion.
BESIDE_SHARE: Final = 0.5
# From this share on the lesser side blood in an unpaired region lies across the midline.
ACROSS_SHARE: Final = 0.1
# The mean head's inner table in MNI space: its front and back end, and its top.
MNI_ENDS_MM: Final = (71.0, -107.0)
MNI_TOP_MM: Final = 86.0
# Millimetres of the mean head per millimetre of the standard one.
MNI_SCALE: Final = (MNI_ENDS_MM[0] - MNI_ENDS_MM[1]) / STANDARD_LENGTH_MM
# Why a place or a measurement is missing where :func:`find_frame` returned None.
NO_AXES: Final = "the axes of the head were not found"


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

    @property
    def scale(self) -> float:
        """Millimetres of a standard head per millimetre of this one."""
        return STANDARD_LENGTH_MM / (max(self.back - self.front, 1.0) * self.spacing_mm)


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


def find_frame(
    interior: Interior, heights_mm: NDArray[np.float64], hu: NDArray[np.float32]
) -> HeadFrame | None:
    """Find the head's axes: the midline is where the head is most like its mirror image.

    Parameters
    ----------
    interior
        In radiological orientation: columns rise to the patient's left, rows to the back.
    heights_mm
        (S,) center of each slice above the first.
    hu
        (S, H, W) of the same slices, H and W whole multiples of the interior's.

    Returns
    -------
    HeadFrame or None
        None if too little of a skull is there.
    """
    inside = interior.inside
    areas = inside.sum(axis=(1, 2))
    wide = inside.sum(axis=2) * interior.spacing_mm >= LEAST_WIDTH_MM
    if wide.sum() < LEAST_ROWS:
        return None
    axis = find_mirror_axis(hu, interior)
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
    scale = frame.scale
    heights = np.interp(slices, np.arange(len(frame.heights_mm)), frame.heights_mm)
    return HeadPosition(
        left_mm=frame.axis.aside(rows, columns, slices) * frame.spacing_mm * scale,
        behind=(frame.axis.along(rows, columns, slices) - frame.front) / length,
        below_mm=(frame.top_mm - heights) * scale,
    )


def laterality(
    left_mm: NDArray[np.floating], weights: NDArray[np.floating] | None = None
) -> Laterality:
    """Return the side of voxels given their signed distance from the midline.

    Parameters
    ----------
    left_mm
        (N,) positive to the patient's left.
    weights
        (N,) how much each counts; by default all the same.

    Examples
    --------
    >>> laterality(np.array([20.0, 30.0, 12.0])).value, laterality(np.array([-20.0, 30.0])).value
    ('L', 'B')
    >>> laterality(np.array([-2.0, 1.0, 3.0])).value
    'M'
    """
    left, right = _shares(left_mm, weights)
    if left + right < BESIDE_SHARE:
        return Laterality.MIDLINE
    if min(left, right) >= BILATERAL_SHARE * (left + right):
        return Laterality.BILATERAL
    return Laterality.LEFT if left > right else Laterality.RIGHT


def side_in(
    region: Region, left_mm: NDArray[np.floating], weights: NDArray[np.floating] | None = None
) -> Laterality:
    """Return the side of voxels that lie in a region; parameters as of :func:`laterality`.

    An unpaired region, a cistern or the pons, has no left one and right one: blood across its
    midline is midline blood, also if there is more of it on one side. In the brain stem the midline
    is narrower. Of a paired region there is none at the midline: blood beside it, in a
    frontal horn, has the side that it is on.

    Examples
    --------
    >>> across = np.array([-9.0, 7.0, 8.0, 9.0, 8.0])
    >>> side_in(Region.SUPRASELLAR_CISTERN, across).value, side_in(Region.THALAMUS, across).value
    ('M', 'L')
    >>> beside = np.array([3.0, 4.0, 6.0])
    >>> [side_in(one, beside).value for one in (Region.FRONTAL_HORN, Region.PONS)]
    ['L', 'L']
    >>> side_in(Region.PREPONTINE_CISTERN, beside).value
    'M'
    """
    if region in UNPAIRED:
        middle_mm = MIDLINE_OF_STEM_MM if region in STEM else MIDLINE_MM
        left, right = _shares(left_mm, weights, middle_mm)
        across = min(left, right) >= ACROSS_SHARE * (left + right)
        if across or left + right < BESIDE_SHARE:
            return Laterality.MIDLINE
        return Laterality.LEFT if left > right else Laterality.RIGHT
    whole = laterality(left_mm, weights)
    if whole is not Laterality.MIDLINE:
        return whole
    return laterality(np.copysign(2 * MIDLINE_MM, left_mm), weights)


def to_mni(position: HeadPosition) -> NDArray[np.float64]:
    """Return (N, 3) MNI mm, right, front and up, as if the head were the mean one and not nodding.

    Examples
    --------
    >>> middle = HeadPosition(np.zeros(1), np.array([0.5]), np.array([82.0]))
    >>> (to_mni(middle).round() + 0.0).tolist()
    [[0.0, -18.0, 0.0]]
    """
    front, back = MNI_ENDS_MM
    return np.column_stack(
        [
            -MNI_SCALE * position.left_mm,
            front - (front - back) * position.behind,
            MNI_TOP_MM - MNI_SCALE * position.below_mm,
        ]
    )


def mni_to_straight(mni: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (N, 3) mm left of, behind and below, in a standard head held straight; undoes :func:`to_mni`.

    Examples
    --------
    >>> (mni_to_straight(np.array([[0.0, -18.0, 86.0]])) + 0.0).tolist()
    [[0.0, 0.0, 0.0]]
    """
    middle = np.array([0.0, sum(MNI_ENDS_MM) / 2, MNI_TOP_MM])
    straight: NDArray[np.float64] = (middle - mni) / MNI_SCALE
    return straight


def _shares(
    left_mm: NDArray[np.floating],
    weights: NDArray[np.floating] | None,
    middle_mm: float = MIDLINE_MM,
) -> tuple[float, float]:
    """Return how much lies clearly to the left, and to the right."""
    left = float(np.average(left_mm > middle_mm, weights=weights))
    return left, float(np.average(left_mm < -middle_mm, weights=weights))


def _half_step(heights_mm: NDArray[np.float64]) -> float:
    return float(np.median(np.diff(heights_mm))) / 2 if len(heights_mm) > 1 else 2.5
