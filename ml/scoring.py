"""From slices to the study: calibrated probabilities and the level that the ranking uses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from preread.terms import Level

# The two highest slices: one may be noise, a bleed of 5 ml is on two slices of 5 mm.
TOP_SLICES: Final = 2
LEAST_PROBABILITY: Final = 1e-4


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic curve that never falls.

    Attributes
    ----------
    intercept
        Log-odds at zero.
    slopes
        One per feature, none negative: more evidence never lowers the probability.
    """

    intercept: float
    slopes: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse a falling curve."""
        if any(slope < 0 for slope in self.slopes):
            raise ValueError("a calibration must not fall: every slope is at least 0")

    def probability(self, features: Sequence[float]) -> float:
        """Return the calibrated probability, 0..1.

        Examples
        --------
        >>> Calibration(0.0, (1.0, 0.5)).probability([0.0, 0.0])
        0.5
        """
        odds = self.intercept + float(np.dot(self.slopes, features))
        return float(1.0 / (1.0 + np.exp(-odds)))


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """Where the levels begin, on the calibrated probability of any hemorrhage.

    Attributes
    ----------
    indeterminate, suspected, critical
        Rising.
    critical_ml
        A study that is suspected and measures at least this volume is critical as well.
    kinds
        One threshold per type.
    """

    indeterminate: float
    suspected: float
    critical: float
    critical_ml: float
    kinds: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse points out of order."""
        if not 0 < self.indeterminate <= self.suspected <= self.critical <= 1:
            raise ValueError("operating points must rise: indeterminate, suspected, critical")

    def level(self, probability: float, volume_ml: float) -> Level:
        """Return the level; neither more probability nor more volume ever lowers it.

        Examples
        --------
        >>> points = OperatingPoints(0.2, 0.4, 0.9, 30.0, (0.5,) * 5)
        >>> [points.level(p, 0.0).value for p in (0.1, 0.3, 0.5, 0.95)]
        ['none', 'indeterminate', 'suspected', 'critical']
        >>> points.level(0.5, 45.0).value
        'critical'
        """
        if probability >= self.critical:
            return Level.CRITICAL
        if probability >= self.suspected:
            return Level.CRITICAL if volume_ml >= self.critical_ml else Level.SUSPECTED
        if probability >= self.indeterminate:
            return Level.INDETERMINATE
        return Level.NONE


def any_kind(kind_probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (S,): 1 − Π(1 − p) of (S, K), as the network was trained to say «any»."""
    some: NDArray[np.float32] = 1 - np.prod(1 - kind_probabilities, axis=1)
    return some


def top_logit(slice_probabilities: NDArray[np.float32]) -> float:
    """Return the log-odds of the mean of the highest slices.

    Examples
    --------
    >>> round(top_logit(np.float32([0.1, 0.9, 0.7])), 3)
    1.386
    """
    count = min(TOP_SLICES, len(slice_probabilities))
    mean = float(np.sort(slice_probabilities)[-count:].mean())
    mean = min(max(mean, LEAST_PROBABILITY), 1 - LEAST_PROBABILITY)
    return float(np.log(mean / (1 - mean)))


def any_features(kind_probabilities: NDArray[np.float32], volume_ml: float) -> tuple[float, float]:
    """Return what the calibration of «any hemorrhage» sees: slices and outlined volume."""
    return top_logit(any_kind(kind_probabilities)), float(np.log1p(volume_ml))
