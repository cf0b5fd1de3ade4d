"""What networks say about the slices of a volume, and the door that they stand behind.

Arrays only, so that nothing that uses a prediction loads torch.
"""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Members(NamedTuple):
    """What each of M networks says, for how far they agree.

    Attributes
    ----------
    kind_probabilities
        (M, S, K) float32.
    mask_probabilities
        (M, S, h, w) float16 at the encoder's resolution.
    """

    kind_probabilities: NDArray[np.float32]
    mask_probabilities: NDArray[np.float16]


class Prediction(NamedTuple):
    """What a network says about S slices.

    Attributes
    ----------
    kind_probabilities
        (S, K) float32.
    mask_probabilities
        (S, H, W) float32 on the model's grid.
    kind_maps
        (S, K, h, w) float32, summing to 1 over K: the kind of blood at each place, if there
        is blood; coarse.
    members
        What each of several networks says; None of one alone.
    """

    kind_probabilities: NDArray[np.float32]
    mask_probabilities: NDArray[np.float32]
    kind_maps: NDArray[np.float32]
    members: Members | None = None


class Predictor(Protocol):
    """Anything that reads slices on the model's grid."""

    @property
    def device(self) -> str:
        """Name of the device, for provenance."""
        ...

    @property
    def precision(self) -> str:
        """Name of the number format, for provenance."""
        ...

    def predict(self, slices: NDArray[np.float32]) -> Prediction:
        """Read (S, rows, columns) float32 HU of any field that the encoder takes, feet to head."""
        ...
