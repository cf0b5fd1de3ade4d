"""From slices to the study: calibrated probabilities and the level that the ranking uses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from preread.terms import Level

# The two highest slices: one may be noise, a bleed of 5 ml is on two slices of 5 mm.
TOP_SLICES: Final = 2


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

    def probability(self, features: Sequence[float] | NDArray[np.float64]) -> float:
        """Return the calibrated probability, 0..1, of (F,) features.

        Examples
        --------
        >>> Calibration(0.0, (1.0, 0.5)).probability([0.0, 0.0])
        0.5
        """
        return float(self.probabilities(np.asarray(features, np.float64)[None])[0])

    def probabilities(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (N,) calibrated probabilities of (N, F) features."""
        calibrated: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-self.log_odds(features)))
        return calibrated

    def log_odds(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (N,) calibrated log-odds of (N, F) features."""
        odds: NDArray[np.float64] = self.intercept + features @ np.array(self.slopes)
        return odds


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


def top_slices(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (F,) of (S, F): each feature's mean over its two highest slices.

    Examples
    --------
    >>> top_slices(np.array([[0.0, 1.0], [2.0, 5.0], [4.0, 3.0]])).tolist()
    [3.0, 4.0]
    """
    count = min(TOP_SLICES, len(features))
    highest: NDArray[np.float64] = np.sort(features, axis=0)[-count:].mean(axis=0)
    return highest
