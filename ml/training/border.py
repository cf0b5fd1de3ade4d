"""Fit how likely a pixel is blood: logistic, on pixels of patients that the networks had not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from ml.border import LEAST_PIXEL, BorderRule, above_brain, brain_hu
from ml.evidence import log_odds
from ml.intracranial import Interior

# HU above brain: fluid, brain, thin or fading blood, a clot, what is mixed with bone.
DENSITIES_HU: Final = (-10.0, 5.0, 20.0, 40.0, 80.0)
# Half of the height is where a blurred border lies; that is no matter of fitting.
PEAK_SHARE: Final = 0.5
# A lesion is drawn beyond what found it where one pixel in five is blood.
REACH: Final = 0.2
# Of every so many pixels one is fitted to; neighbors say the same.
STRIDE: Final = 16
RIDGE: Final = 0.001


@dataclass(frozen=True)
class BorderPixels:
    """Some pixels of one study in which the networks see anything.

    Attributes
    ----------
    odds
        (N,) log-odds of blood by the networks.
    above_brain_hu
        (N,) HU.
    truth
        (N,) bool: blood.
    """

    odds: NDArray[np.float64]
    above_brain_hu: NDArray[np.float32]
    truth: NDArray[np.bool_]


def sample_border(
    maps: NDArray[np.float32],
    hu: NDArray[np.float32],
    interior: Interior,
    truth: NDArray[np.bool_],
) -> BorderPixels:
    """Take pixels of (S, H, W) maps of blood, 0 where none can be, with HU and truth."""
    some = np.zeros(maps.shape, np.bool_)
    some.flat[np.flatnonzero(maps > LEAST_PIXEL)[::STRIDE]] = True
    dense = above_brain(hu, some, brain_hu(hu, interior))
    return BorderPixels(log_odds(maps[some]), dense, truth[some])


def fit_border(known: Sequence[BorderPixels]) -> BorderRule:
    """Fit to the pixels of these studies, and to nothing else."""
    odds = np.concatenate([one.odds for one in known])
    dense = np.concatenate([one.above_brain_hu for one in known])
    truth = np.concatenate([one.truth for one in known]).astype(np.float64)
    knots = np.eye(len(DENSITIES_HU))[1:]
    hats = [np.interp(dense, DENSITIES_HU, knot) for knot in knots]
    features = np.stack([np.ones(len(odds)), odds, *hats], axis=1)
    count = max(1, len(truth))

    def cost(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margins = features @ values
        loss = float((np.logaddexp(0, margins) - truth * margins).sum()) / count
        slope = features.T @ (expit(margins) - truth) / count
        return loss + RIDGE * float(values @ values), slope + 2 * RIDGE * values

    free: list[tuple[float | None, float | None]] = [(None, None)] * features.shape[1]
    free[1] = (0.0, None)  # what the networks see never speaks against blood
    start = np.zeros(features.shape[1])
    found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=free).x
    return BorderRule(
        reach=REACH,
        peak_share=PEAK_SHARE,
        intercept=float(found[0]),
        slope=float(found[1]),
        above_brain_hu=DENSITIES_HU,
        odds=(0.0, *(float(value) for value in found[2:])),
    )
