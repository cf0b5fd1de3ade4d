"""What speaks for blood on each slice: the classifier's word, and the outline's strongest spot.

The two heads of the network err differently. The classifier sees the whole slice and may
know a picture by heart; the outline has to point at a place. So both are kept as log-odds,
and the calibration, fitted on patients that the network had not seen, weighs them.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.scoring import Calibration, top_slices

# The outline speaks through its most probable 20 mm²: a spot of 5 mm across, as small as a
# bleed on a slice of 5 mm that anybody would report.
SPOT_MM2: Final = 20.0
# Below this a pixel cannot change the mean of a spot that matters.
LEAST_PIXEL: Final = 1e-4
LEAST_PROBABILITY: Final = 1e-5


@dataclass(frozen=True)
class SliceEvidence:
    """Log-odds for S slices and K types, feet to head.

    Attributes
    ----------
    said_any, said_kinds
        (S,) and (S, K) float64 by the classifier.
    drawn_any, drawn_kinds
        (S,) and (S, K) float64 by the outline: of the mean over its strongest spot, for a type
        each pixel weighed by how much of it the map of types gives to it.
    """

    said_any: NDArray[np.float64]
    said_kinds: NDArray[np.float64]
    drawn_any: NDArray[np.float64]
    drawn_kinds: NDArray[np.float64]

    @property
    def any_features(self) -> NDArray[np.float64]:
        """(S, 2): what the outline and the classifier say of any hemorrhage."""
        return np.stack([self.drawn_any, self.said_any], axis=1)

    def kind_features(self, kind: int) -> NDArray[np.float64]:
        """(S, 2): what the outline and the classifier say of one type."""
        return np.stack([self.drawn_kinds[:, kind], self.said_kinds[:, kind]], axis=1)


def beside_neighbors(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (S, 2F) of (S, F): a slice's features and their mean over the slices beside it.

    What a calibration of slices takes: most bleeds reach through several slices of 5 mm, and
    noise does not. At both ends the slice stands in for the neighbor that is missing.

    Examples
    --------
    >>> beside_neighbors(np.array([[0.0], [2.0], [6.0]])).tolist()
    [[0.0, 1.0], [2.0, 3.0], [6.0, 4.0]]
    """
    padded = np.pad(features, ((1, 1), (0, 0)), mode="edge")
    return np.concatenate([features, (padded[:-2] + padded[2:]) / 2], axis=1)


def slice_odds(features: NDArray[np.float64], slice_curve: Calibration) -> NDArray[np.float64]:
    """Return (S,) calibrated log-odds of slices: outline and classifier joined, beside neighbors."""
    return slice_curve.log_odds(beside_neighbors(features))


def study_features(features: NDArray[np.float64], slice_curve: Calibration) -> NDArray[np.float64]:
    """Return (1,) what a calibration of the study takes: its two most suspect slices.

    Outline and classifier are joined on each slice first, so that a study in which they
    suspect different slices is less suspect than one in which they agree.
    """
    return top_slices(slice_odds(features, slice_curve)[:, None])


def gather_evidence(
    kind_probabilities: NDArray[np.float32],
    mask_probabilities: NDArray[np.floating],
    kind_maps: NDArray[np.float32],
    pixel_mm: float,
) -> SliceEvidence:
    """Boil a prediction down to log-odds per slice.

    Parameters
    ----------
    kind_probabilities
        (S, K).
    mask_probabilities
        (S, H, W) of blood; 0 outside the skull.
    kind_maps
        (S, K, h, w), H and W multiples of h and w.
    pixel_mm
        Spacing of the mask's pixels.
    """
    spot = max(1, round(SPOT_MM2 / pixel_mm**2))
    drawn = [
        _spots(mask, maps, spot) for mask, maps in zip(mask_probabilities, kind_maps, strict=True)
    ]
    strongest = np.array([any_spot for any_spot, _ in drawn])
    by_kind = np.array([kind_spots for _, kind_spots in drawn])
    return SliceEvidence(
        said_any=log_odds(any_kind(kind_probabilities)),
        said_kinds=log_odds(kind_probabilities),
        drawn_any=log_odds(strongest),
        drawn_kinds=log_odds(by_kind),
    )


def any_kind(kind_probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (S,): 1 − Π(1 − p) of (S, K), as the network was trained to say «any»."""
    some: NDArray[np.float32] = 1 - np.prod(1 - kind_probabilities, axis=1)
    return some


def log_odds(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return log(p / (1 − p)), kept finite.

    Examples
    --------
    >>> log_odds(np.array([0.5, 1.0])).round(1).tolist()
    [0.0, 11.5]
    """
    kept = np.clip(probabilities.astype(np.float64), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    odds: NDArray[np.float64] = np.log(kept / (1 - kept))
    return odds


def _spots(
    mask: NDArray[np.floating], maps: NDArray[np.float32], spot: int
) -> tuple[float, list[float]]:
    """Return the mean over the strongest ``spot`` pixels, of all blood and of each type."""
    rows, columns = np.nonzero(mask > LEAST_PIXEL)
    values = mask[rows, columns].astype(np.float64)
    step = mask.shape[-1] // maps.shape[-1]
    shares = maps[:, rows // step, columns // step]
    return _strongest(values, spot), [_strongest(values * share, spot) for share in shares]


def _strongest(values: NDArray[np.float64], spot: int) -> float:
    """Return the mean of the greatest ``spot`` values; what is missing counts as 0."""
    if len(values) > spot:
        values = np.partition(values, -spot)[-spot:]
    return float(values.sum()) / spot
