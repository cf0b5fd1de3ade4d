"""How far a head lies from the patients that the networks were trained on: 0 within, towards 1 far off.

Each measure is set against its median and spread among reference patients. The spread has
a floor, because one hospital is more alike than hospitals are: another scanner, dose, kernel
or age must not be «unusual» by itself. Up to two spreads a measure counts nothing; what lies
beyond adds up, so the score never falls when a measure moves farther away.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.quality import Measures

# A normal deviation is 1.4826 times the median absolute one.
NORMAL_MAD: Final = 1.4826
WITHIN: Final = 2.0
# The score is one half at this distance beyond, and halves its way to 1 with each further one.
HALF_DISTANCE: Final = 2.0
# Noise is compared by its logarithm to the base of 2; below this it is as good as none.
LEAST_NOISE_HU: Final = 0.5

FLOORS: Final[Mapping[str, float]] = {
    # Water may be off by 4 HU (IEC 61223-3-5), and gray matter moves some 3 HU from 80 to 140 kV.
    "gray_hu": 4.0,
    # In octaves: dose goes with the square of noise; a factor of two in noise is everyday.
    "noise_hu": 0.6,
    # Routine kernels of several makers on this grid: 0.5 to 0.75.
    "grain": 0.1,
    # Fluid over a shrunken brain is 25 HU darker than brain and fills part of the rim.
    "rim_hu": 6.0,
    # Calcified siphons, plexus and basal ganglia of the old.
    "iodine_ml": 0.75,
    # A clip; below it a filling's streak that reaches the skull.
    "cranial_metal_ml": 0.1,
    # Men and women, and 5 % of pixel spacing in each direction.
    "interior_ml": 200.0,
    # Hyperostosis and age.
    "skull_mm": 1.5,
    # Energy spectrum and partial volume of the diploe.
    "skull_hu": 150.0,
    # Fractures, wide sutures, burr holes.
    "open_share": 0.15,
    # Where technologists begin and end.
    "top_share": 0.12,
    "bottom_share": 0.15,
}
"""The measures that are compared, each with the least spread that hospitals differ by."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The patients that a study is compared with.

    Attributes
    ----------
    source
        Whose images they are, in words.
    patients
        Their number.
    median, spread
        For each name in ``FLOORS``; noise as its binary logarithm.
    """

    source: str
    patients: int
    median: dict[str, float]
    spread: dict[str, float]

    def __post_init__(self) -> None:
        """Refuse statistics of other measures, or without a spread."""
        if self.median.keys() != FLOORS.keys() or self.spread.keys() != FLOORS.keys():
            raise ValueError("the reference holds other measures than this software compares")
        if not all(spread > 0 for spread in self.spread.values()):
            raise ValueError("every spread of a reference is positive")


def fit_reference(measured: Sequence[Measures], source: str) -> Reference:
    """Fit median and spread; a spread is never below its floor.

    Parameters
    ----------
    measured
        One per patient; NaN is left out.
    source
        Whose images they are, in words.
    """
    median, spread = {}, {}
    for name, floor in FLOORS.items():
        values = np.array([_scaled(name, one) for one in measured])
        values = values[np.isfinite(values)]
        if not values.size:
            message = f"{name} was measured in no patient"
            raise ValueError(message)
        center = float(np.median(values))
        deviation = NORMAL_MAD * float(np.median(np.abs(values - center)))
        median[name] = round(center, 4)
        spread[name] = round(max(deviation, floor), 4)
    return Reference(source, len(measured), median, spread)


def ood_score(measures: Measures, reference: Reference) -> float:
    """Return the out-of-distribution score, 0..1; a measure that is NaN counts nothing."""
    beyond = [max(0.0, abs(z) - WITHIN) for z in deviations(measures, reference).values()]
    return float(1.0 - 2.0 ** (-math.hypot(*beyond) / HALF_DISTANCE))


def deviations(measures: Measures, reference: Reference) -> dict[str, float]:
    """Return each measure's distance from the reference's median in spreads; NaN left out."""
    found = {
        name: (_scaled(name, measures) - reference.median[name]) / reference.spread[name]
        for name in FLOORS
    }
    return {name: z for name, z in found.items() if math.isfinite(z)}


def _scaled(name: str, measures: Measures) -> float:
    value = float(getattr(measures, name))
    return math.log2(max(value, LEAST_NOISE_HU)) if name == "noise_hu" else value
