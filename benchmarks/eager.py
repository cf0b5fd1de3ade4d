"""The peer of ``study``: the same networks as torch runs them unasked, float32 and unfolded."""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from ml.bundle import Bundle
from ml.prediction import Prediction
from ml.predictor import load_network
from ml.windows import stack_neighbors

_BATCH: Final = 4


class EagerPredictor:
    """A predictor with nothing done for speed, but without gradients."""

    device = "cpu"
    precision = "float32"

    def __init__(self, bundle: Bundle) -> None:
        spec = bundle.manifest.network
        self._networks = [load_network(path, spec) for path in bundle.weights_paths]

    def predict(self, slices: NDArray[np.float32]) -> Prediction:
        """Read (S, size, size) float32 HU, feet to head."""
        stacks = torch.from_numpy(stack_neighbors(slices))
        parts = [self._read(part) for part in torch.split(stacks, _BATCH)]
        kinds, masks, maps = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return Prediction(kinds, masks, maps)

    @torch.inference_mode()
    def _read(self, stacks: torch.Tensor) -> tuple[NDArray[np.float32], ...]:
        readings = [network(stacks) for network in self._networks]
        kinds = torch.stack([reading.kinds for reading in readings])
        masks = torch.stack([reading.mask[:, 0] for reading in readings])
        maps = torch.stack([torch.softmax(reading.kind_maps, dim=1) for reading in readings])
        return (
            torch.sigmoid(kinds.mean(dim=0)).numpy(),
            torch.sigmoid(masks.mean(dim=0)).numpy(),
            maps.mean(dim=0).numpy(),
        )
