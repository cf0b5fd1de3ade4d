"""The peer of ``study``: the same network as torch runs it unasked, float32 and unfolded."""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from ml.bundle import Bundle
from ml.pipeline import Prediction
from ml.predictor import load_network
from ml.windows import stack_neighbors

_BATCH: Final = 4


class EagerPredictor:
    """A predictor with nothing done for speed, but without gradients."""

    device = "cpu"
    precision = "float32"

    def __init__(self, bundle: Bundle) -> None:
        self._network = load_network(bundle.weights_path, bundle.manifest.network)

    def predict(self, slices: NDArray[np.float32]) -> Prediction:
        """Read (S, size, size) float32 HU, feet to head."""
        stacks = torch.from_numpy(stack_neighbors(slices))
        parts = [self._read(part) for part in torch.split(stacks, _BATCH)]
        return Prediction(*(np.concatenate([part[index] for part in parts]) for index in range(3)))

    @torch.inference_mode()
    def _read(self, stacks: torch.Tensor) -> tuple[NDArray[np.float32], ...]:
        reading = self._network(stacks)
        return (
            torch.sigmoid(reading.kinds).numpy(),
            torch.sigmoid(reading.mask[:, 0]).numpy(),
            torch.softmax(reading.kind_maps, dim=1).numpy(),
        )
