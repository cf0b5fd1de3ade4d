"""How likely each pixel of a map is blood: by what the networks say, and by how dense it is beside brain.

Networks trained on few patients are timid at the rim of a bleed: of the pixels in sure lesions to
which they give a twentieth, two in five are blood, more where it is dense and fewer where it is as
dark as brain or as bright as bone.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy import ndimage
from scipy.special import expit

from ml.evidence import log_odds
from ml.intracranial import Interior

# HU are averaged over so many pixels of the model's grid, some 2 mm: less is noise.
SMOOTHING_PIXELS: Final = 5
# What is denser than fluid and less dense than blood is brain.
BRAIN_HU: Final = (10.0, 50.0)
USUAL_BRAIN_HU: Final = 32.0
# Beyond, air and bone would color what lies beside them more than they do.
SEEN_HU: Final = (-50.0, 130.0)
# Pixels that the networks give less are no part of any lesion.
LEAST_PIXEL: Final = 0.003


class BorderRule(BaseModel):
    """How likely a pixel of a lesion is blood, and where the lesion ends; fitted out of fold.

    Attributes
    ----------
    reach
        A lesion that was found reaches on over pixels that are at least so likely.
    peak_share
        Of what it reaches a pixel is kept that is at least this share as likely as the 95th percentile of its lesion
        on its slice.
    intercept, slope
        Of the log-odds, by those of the networks' map; more never speaks against blood.
    above_brain_hu, odds
        What a density, in HU above brain and rising, adds to the log-odds; linear between.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reach: float = Field(gt=0, lt=1)
    peak_share: float = Field(gt=0, le=1)
    intercept: float
    slope: float = Field(ge=0)
    above_brain_hu: tuple[float, ...] = Field(min_length=2)
    odds: tuple[float, ...]

    @model_validator(mode="after")
    def _rises(self) -> "BorderRule":
        if len(self.odds) != len(self.above_brain_hu):
            raise ValueError("every density needs what it adds")
        if (np.diff(self.above_brain_hu) <= 0).any():
            raise ValueError("densities must rise")
        return self

    def likelihood(
        self, probability: NDArray[np.floating], above_brain: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """Return how likely pixels are blood, 0..1, of (N,) what the map says and (N,) HU."""
        dense = np.interp(above_brain, self.above_brain_hu, self.odds)
        likely: NDArray[np.float32] = expit(
            self.intercept + self.slope * log_odds(probability) + dense
        ).astype(np.float32)
        return likely


def likelihood_of(
    probability: NDArray[np.float32],
    hu: NDArray[np.float32],
    interior: Interior,
    rule: BorderRule,
    *,
    planes: NDArray[np.intp],
) -> NDArray[np.float32]:
    """Return (P, H, W) how likely each pixel is blood; 0 where the networks see none.

    Parameters
    ----------
    probability
        (S, H, W) of blood by the networks, 0 where none can be.
    hu
        (S, H, W) on the same pixels of some 0.45 mm; slabs of some 5 mm.
    interior
        Of the same slabs, its grid as fine or coarser.
    rule
        Fitted.
    planes
        Which P of the slabs.
    """
    seen = probability[planes] > LEAST_PIXEL
    dense = above_brain(hu[planes], seen, brain_hu(hu, interior))
    likely = np.zeros(seen.shape, np.float32)
    likely[seen] = rule.likelihood(probability[planes][seen], dense)
    return likely


def above_brain(
    hu: NDArray[np.float32], where: NDArray[np.bool_], brain: float
) -> NDArray[np.float32]:
    """Return (N,) how much denser than brain the surroundings of some pixels are.

    Parameters
    ----------
    hu
        (S, H, W).
    where
        (S, H, W) the N pixels.
    brain
        HU.
    """
    found = [np.zeros(0, np.float32)]
    for plane, wanted in zip(hu, where, strict=True):
        if wanted.any():
            found.append(ndimage.uniform_filter(plane.clip(*SEEN_HU), SMOOTHING_PIXELS)[wanted])
    return np.concatenate(found) - np.float32(brain)


def brain_hu(hu: NDArray[np.float32], interior: Interior) -> float:
    """Return the median HU of brain in (S, H, W), read at the interior's pixels."""
    step = hu.shape[-1] // interior.inside.shape[-1]
    values = hu[:, ::step, ::step][interior.inside]
    low, high = BRAIN_HU
    brain = values[(values > low) & (values < high)]
    return float(np.median(brain)) if len(brain) else USUAL_BRAIN_HU
