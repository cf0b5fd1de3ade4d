"""What another scanner or setting does to a slice: as strong as the strongest that training draws.

The networks see means of two by two pixels, which halves the noise.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Image = NDArray[np.float32]
Change = Callable[[Image, np.random.Generator], Image]

# Denser than air; its own noise is left alone.
MATTER_HU: Final = -500.0
NOISE_HU: Final = 12.0
SMOOTH_PIXELS: Final = 1.6
SHARP_PIXELS: Final = 1.5
SHARPENING: Final = 1.2
CONTRAST: Final = 0.9
OFFSET_HU: Final = -3.0
SEED: Final = 20_261_126


def change_images(hu: Image, name: str, number: int) -> Image:
    """Return (S, H, W) HU of a study as another scanner might have shown it.

    Parameters
    ----------
    hu
        (S, H, W) float32 on the model's grid.
    name
        Of ``CHANGES``.
    number
        Of the study; the same number is changed alike each time.
    """
    return CHANGES[name](hu, np.random.default_rng([SEED, number]))


def _low_dose(hu: Image, random: np.random.Generator) -> Image:
    noise = random.normal(0.0, NOISE_HU, hu.shape).astype(np.float32)
    return np.where(hu > MATTER_HU, hu + noise, hu)


def _smooth_kernel(hu: Image, random: np.random.Generator) -> Image:
    del random
    return ndimage.gaussian_filter(hu, (0, SMOOTH_PIXELS, SMOOTH_PIXELS)).astype(np.float32)


def _sharp_kernel(hu: Image, random: np.random.Generator) -> Image:
    del random
    smooth = ndimage.gaussian_filter(hu, (0, SHARP_PIXELS, SHARP_PIXELS))
    return (hu + SHARPENING * (hu - smooth)).astype(np.float32)


def _other_calibration(hu: Image, random: np.random.Generator) -> Image:
    del random
    return np.where(hu > MATTER_HU, CONTRAST * hu + OFFSET_HU, hu).astype(np.float32)


CHANGES: Final[dict[str, Change]] = {
    "noise of 12 HU more": _low_dose,
    "a smooth kernel": _smooth_kernel,
    "a sharp kernel": _sharp_kernel,
    "a tenth less contrast, 3 HU lower": _other_calibration,
}
