"""What unusual images mean for the answer: refused, never «none», or only told.

The rules look at measures and flags, never at pixels. They can take a study out of the
assessment, which leaves it in the place of its order, or lift it from «none»; none of them
makes a level milder.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from ml.quality import Measures
from ml.scoring import OperatingPoints
from preread.reasons import ReasonCode
from preread.terms import Level

# Gray matter is at 37 to 41 HU at 120 kV, an infant's lower, a brain with large bleeds higher
# (52 measured); outside this range the numbers are not HU of a brain.
GRAY_HU: Final = (24.0, 58.0)
# Calcified siphons, plexus and pineal of one old head hold 1.4 ml; the branches of the circle of
# Willis and the deep veins hold more, from base to convexity.
CONTRAST_ML: Final = 3.0
CONTRAST_SLICES: Final = 6
# Gray and white matter differ by 6 to 10 HU, fresh blood in a sulcus hardly by more.
HIGH_NOISE_HU: Final = 8.0
# A sharp kernel is noisier than a routine brain image (2 to 4 HU on 5 mm), and its noise has
# no grain, or it swings below brain at the inner table. Each alone has other causes: fluid
# over a shrunken brain darkens the rim, iterative reconstruction changes the grain.
SHARP_NOISE_HU: Final = 5.0
SHARP_GRAIN: Final = 0.35
SHARP_RIM_HU: Final = -8.0
# A clip or a screw is some 0.1 ml; a filling lies far from the interior.
METAL_ML: Final = 0.1
# An infant's vault is 2 to 3 mm thick and soft; 29 grown heads of CT-ICH have 4.2 to 11 mm.
CHILD_SKULL_MM: Final = 3.5
CHILD_SKULL_HU: Final = 600.0
# Adults have 1100 to 1800 ml inside the skull; less than this has an infant.
SMALL_INTERIOR_ML: Final = 900.0
ADULT_YEARS: Final = 18
# More than about 15 mm of the vertex is missing; the first slice is far above the foramen.
TOP_SHARE: Final = 0.4
BOTTOM_SHARE: Final = 0.5
# A bone flap is some 10 cm wide, half of the vault's slices; fractures and sutures open fewer.
OPEN_SHARE: Final = 0.4
# One measure four robust deviations from the reference patients, or several a little less.
UNUSUAL_SCORE: Final = 0.5

NO_SKULL_FOUND: Final = "NO_SKULL_FOUND"


class ImageFlag(StrEnum):
    """What is unusual about the images themselves."""

    IMPLAUSIBLE_HU = "IMPLAUSIBLE_HU"
    CONTRAST_SUSPECTED = "CONTRAST_SUSPECTED"
    METAL = "METAL"
    POSTOPERATIVE_METAL = "POSTOPERATIVE_METAL"
    HIGH_NOISE = "HIGH_NOISE"
    SHARP_KERNEL = "SHARP_KERNEL"
    SMALL_SKULL = "SMALL_SKULL"
    PEDIATRIC = "PEDIATRIC"
    PEDIATRIC_SUSPECTED = "PEDIATRIC_SUSPECTED"
    INCOMPLETE_COVERAGE = "INCOMPLETE_COVERAGE"
    SKULL_OPEN = "SKULL_OPEN"
    UNUSUAL_IMAGES = "UNUSUAL_IMAGES"
    NETWORKS_DISAGREE = "NETWORKS_DISAGREE"


REFUSED: Final = {
    NO_SKULL_FOUND: ReasonCode.NOT_HEAD,
    ImageFlag.IMPLAUSIBLE_HU: ReasonCode.IMPLAUSIBLE_HU,
    ImageFlag.CONTRAST_SUSPECTED: ReasonCode.CONTRAST_SUSPECTED,
}
"""Flags that leave nothing to assess, and the reason that the pre-read gives."""

NEVER_NONE: Final = frozenset(ImageFlag) - {ImageFlag.METAL} - REFUSED.keys()
"""Flags with which «no hemorrhage flagged» would claim more than was seen."""

UNLIKE_LEARNED: Final[frozenset[str]] = frozenset(
    {
        NO_SKULL_FOUND,
        ImageFlag.PEDIATRIC,
        ImageFlag.PEDIATRIC_SUSPECTED,
        ImageFlag.SMALL_SKULL,
        ImageFlag.INCOMPLETE_COVERAGE,
        ImageFlag.SKULL_OPEN,
        ImageFlag.UNUSUAL_IMAGES,
    }
)
"""Flags of a head unlike those that places were learned from."""


def image_flags(measures: Measures, patient_age_years: int | None = None) -> tuple[ImageFlag, ...]:
    """Name what is unusual about one head.

    Parameters
    ----------
    measures
        Of the images.
    patient_age_years
        As the headers say, or None.
    """
    sharp = _is_sharp(measures)
    tests = (
        (ImageFlag.IMPLAUSIBLE_HU, not GRAY_HU[0] <= measures.gray_hu <= GRAY_HU[1]),
        (
            ImageFlag.CONTRAST_SUSPECTED,
            measures.iodine_ml >= CONTRAST_ML and measures.iodine_slices >= CONTRAST_SLICES,
        ),
        # A sharp kernel lifts cortical bone to what metal has.
        (ImageFlag.METAL, not sharp and measures.metal_ml >= METAL_ML),
        (ImageFlag.POSTOPERATIVE_METAL, not sharp and measures.cranial_metal_ml >= METAL_ML),
        (ImageFlag.HIGH_NOISE, measures.noise_hu >= HIGH_NOISE_HU),
        (ImageFlag.SHARP_KERNEL, sharp),
        (ImageFlag.SMALL_SKULL, _is_small(measures)),
        (
            ImageFlag.PEDIATRIC,
            patient_age_years is not None and patient_age_years < ADULT_YEARS,
        ),
        (
            ImageFlag.PEDIATRIC_SUSPECTED,
            measures.skull_mm < CHILD_SKULL_MM and measures.skull_hu < CHILD_SKULL_HU,
        ),
        (ImageFlag.INCOMPLETE_COVERAGE, _is_cut(measures)),
        (ImageFlag.SKULL_OPEN, measures.open_share >= OPEN_SHARE),
    )
    return tuple(flag for flag, found in tests if found)


def is_unusual(ood_score: float | None) -> bool:
    """Whether a study lies so far from the reference patients that «none» means little."""
    return ood_score is not None and ood_score >= UNUSUAL_SCORE


def networks_disagree(interval95: tuple[float, float] | None, points: OperatingPoints) -> bool:
    """Whether the interval reaches from «none» to «suspected».

    Examples
    --------
    >>> points = OperatingPoints(0.2, 0.5, 0.9, 30.0, (0.5,) * 5)
    >>> networks_disagree((0.1, 0.6), points), networks_disagree((0.3, 0.6), points)
    (True, False)
    """
    if interval95 is None:
        return False
    low, high = interval95
    return low < points.indeterminate and high >= points.suspected


def why_refused(warnings: Sequence[str]) -> ReasonCode | None:
    """Return why images with these flags cannot be assessed; None if they can."""
    return next((reason for flag, reason in REFUSED.items() if flag in warnings), None)


def lifted_by(level: Level, warnings: Sequence[str]) -> tuple[str, ...]:
    """Return the flags for which a level of none becomes indeterminate; often empty.

    Examples
    --------
    >>> lifted_by(Level.NONE, ["METAL", "SKULL_OPEN"]), lifted_by(Level.CRITICAL, ["SKULL_OPEN"])
    (('SKULL_OPEN',), ())
    """
    if level is not Level.NONE:
        return ()
    return tuple(warning for warning in warnings if warning in NEVER_NONE)


def _is_sharp(measures: Measures) -> bool:
    no_grain = measures.grain < SHARP_GRAIN or measures.rim_hu < SHARP_RIM_HU
    return measures.noise_hu >= SHARP_NOISE_HU and no_grain


def _is_small(measures: Measures) -> bool:
    return measures.interior_ml < SMALL_INTERIOR_ML and not _is_cut(measures)


def _is_cut(measures: Measures) -> bool:
    return measures.top_share >= TOP_SHARE or measures.bottom_share >= BOTTOM_SHARE
