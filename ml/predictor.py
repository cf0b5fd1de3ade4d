"""The network behind a door of numpy: device, precision and batches stay in here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ml.architectures import build_network
from ml.bundle import DEFAULT_BUNDLE, Bundle, load_bundle
from ml.cascade import Cascade, Said, read_in_stages
from ml.folding import ready_to_read
from ml.network import Reading, SliceReader, enlarge
from ml.precision import has_bfloat16
from ml.prediction import Members, Prediction
from ml.spec import NetworkSpec
from ml.windows import stack_neighbors
from preread.errors import InvalidBundle

# Slices per pass: the greatest layer of four 512×512 slices holds 25 MB.
BATCH_SLICES: Final = 4
GPU_BATCH_SLICES: Final = 16


class TorchPredictor:
    """Reads slices with torch; several networks are averaged.

    Parameters
    ----------
    networks
        At least one, of the same sizes; they are folded and moved.
    device
        ``cpu``, ``cuda`` or ``cuda:N``.
    precision
        What the layers compute in.
    cascade
        Which of them read a slice; None: all.

    Attributes
    ----------
    device, precision
        Names for the provenance of a pre-read.
    """

    def __init__(
        self,
        networks: Sequence[SliceReader],
        device: str = "cpu",
        precision: torch.dtype = torch.float32,
        cascade: Cascade | None = None,
    ) -> None:
        """Fold and move the networks."""
        self._cascade = cascade
        self._networks = tuple(ready_to_read(network, device, precision) for network in networks)
        self._batch = BATCH_SLICES if device == "cpu" else GPU_BATCH_SLICES
        self.device = device
        self.precision = str(precision).removeprefix("torch.")

    @classmethod
    def load(
        cls, bundle: Bundle | Path = DEFAULT_BUNDLE, device: str = "auto", threads: int = 1
    ) -> "TorchPredictor":
        """Load a bundle's network.

        Parameters
        ----------
        bundle
            A checked bundle or its folder.
        device
            ``auto`` takes CUDA where there is one.
        threads
            Of torch, for the whole process. One per worker: more contend and cost 5 to 10
            times under load.

        Raises
        ------
        InvalidBundle
            If the weights are not those of the manifest or do not fit its network.
        """
        opened = bundle if isinstance(bundle, Bundle) else load_bundle(bundle)
        torch.set_num_threads(threads)
        chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        networks = [load_network(path, opened.manifest.network) for path in opened.weights_paths]
        return cls(networks, chosen, _precision_for(chosen), opened.manifest.cascade)

    def predict(self, slices: NDArray[np.float32]) -> Prediction:
        """Read slices.

        Parameters
        ----------
        slices
            (S, rows, columns) float32 HU on the model's grid or a field of it (``ml.field``),
            feet to head.

        Returns
        -------
        Prediction
            float32 probabilities; memory grows only with the result.
        """

        def read(members: slice, chosen: NDArray[np.intp]) -> Said:
            return self._read(self._networks[members], slices, chosen)

        said = read_in_stages(read, len(self._networks), len(slices), self._cascade)
        return Prediction(
            _sigmoid(said.kinds.mean(axis=0)),
            self._mask_of(said.masks.mean(axis=0)),
            said.maps.mean(axis=0),
            _members(said) if len(self._networks) > 1 else None,
        )

    @torch.inference_mode()
    def _read(
        self, networks: Sequence[SliceReader], slices: NDArray[np.float32], chosen: NDArray[np.intp]
    ) -> Said:
        """Let some networks read some slices, a few at a time."""
        parts = []
        for first in range(0, len(chosen), self._batch):
            stacks = stack_neighbors(slices, chosen[first : first + self._batch])
            reduced = networks[0].reduce(torch.from_numpy(stacks).to(self.device))
            parts.append(_said([network.read(reduced) for network in networks]))
        return Said(*(np.concatenate(part, axis=1) for part in zip(*parts, strict=True)))

    def _mask_of(self, odds: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (S, rows, columns) probabilities of log-odds at the encoder's resolution.

        Types and masks are averaged as log-odds: the mean then lies where one member's would,
        so thresholds and calibration, which were fitted to members, fit the ensemble.
        """
        planes = enlarge(torch.from_numpy(odds)[:, None], self._networks[0].spec.reduction)
        return _array(planes[:, 0].sigmoid_())


def _said(readings: Sequence[Reading]) -> Said:
    maps = [torch.softmax(reading.kind_maps.float(), dim=1) for reading in readings]
    return Said(
        _array(torch.stack([reading.kinds.float() for reading in readings])),
        _array(torch.stack([reading.mask[:, 0].float() for reading in readings])),
        _array(torch.stack(maps)),
    )


def _members(said: Said) -> Members:
    masks = torch.from_numpy(said.masks).sigmoid_()  # nobody needs the log-odds any more
    return Members(_sigmoid(said.kinds), masks.half().numpy())


def _sigmoid(odds: NDArray[np.float32]) -> NDArray[np.float32]:
    return _array(torch.sigmoid(torch.from_numpy(odds)))


def load_network(path: Path, spec: NetworkSpec) -> SliceReader:
    """Build a network and fill it from a safetensors file of any float precision.

    Raises
    ------
    InvalidBundle
        If names or shapes do not fit.
    """
    network = build_network(spec)
    try:
        state = load_file(path)
        network.load_state_dict(
            {
                name: value.float() if value.is_floating_point() else value
                for name, value in state.items()
            }
        )
    except (SafetensorError, RuntimeError) as error:
        raise InvalidBundle("the weights do not fit the manifest's network") from error
    return network.eval()


def _precision_for(device: str) -> torch.dtype:
    if device != "cpu":
        return torch.float16
    return torch.bfloat16 if has_bfloat16() else torch.float32


def _array(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.cpu().numpy()
    return array
