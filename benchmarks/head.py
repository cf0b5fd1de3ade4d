"""The synthetic head that the benchmarks of engines read, and the networks that read it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from ml.bundle import Bundle, Manifest
from ml.field import ReadField, read_field
from ml.model_slices import to_model
from ml.network import SliceReader
from ml.onnx_export import COMPARED_HEADS, head_volume
from ml.prediction import Prediction, Predictor
from ml.predictor import TorchPredictor, load_network
from preread.dicom.volume import to_radiological

_HEAD: Final = 9202
_SLICES: Final = 32
_QUICK_SLICES: Final = 3


@dataclass(frozen=True, slots=True)
class FieldReader:
    """An engine that is shown of one head what a worker shows it."""

    engine: Predictor
    field: ReadField

    @property
    def device(self) -> str:
        """The engine's."""
        return self.engine.device

    @property
    def precision(self) -> str:
        """The engine's."""
        return self.engine.precision

    def predict(self, slices: NDArray[np.float32]) -> Prediction:
        """Read the field of (S, size, size) float32 HU, feet to head."""
        return read_field(self.engine, slices, self.field)


def benchmark_slices(manifest: Manifest, *, quick: bool) -> NDArray[np.float32]:
    """Return (S, size, size) float32 HU of a head with a bleed; S is 32, or 3 if quick."""
    volume = to_radiological(head_volume(_HEAD, COMPARED_HEADS[_HEAD]))
    return to_model(volume, manifest).hu[: _QUICK_SLICES if quick else _SLICES]


def networks_of(bundle: Bundle) -> list[SliceReader]:
    """Load the networks of a bundle anew; a predictor folds and moves those that it gets."""
    return [load_network(path, bundle.manifest.network) for path in bundle.weights_paths]


def as_shipped(
    bundle: Bundle, field: ReadField, device: str, precision: torch.dtype
) -> FieldReader:
    """Load the networks of a bundle as a worker does: by its cascade, on a head's field."""
    networks = networks_of(bundle)
    return FieldReader(TorchPredictor(networks, device, precision, bundle.manifest.cascade), field)
