"""A trained network as an ONNX file that carries its preprocessing: HU in, answers out."""

import warnings
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.field import ENCODER_CELL, LEAST_CELLS
from ml.folding import fold_norms
from ml.network import SliceReader
from ml.onnx_record import WEIGHTS_KEY

INPUT: Final = "slices"
OUTPUTS: Final = ("kinds", "mask", "kind_maps")


class OnnxGraph(nn.Module):
    """What is exported: (N + 2, rows, columns) float32 HU to the answers for the inner N slices.

    The first and the last slice are only neighbors. So each slice is reduced once, not three
    times, and the reduction, the neighbors and the windows are in the file.
    """

    def __init__(self, network: SliceReader) -> None:
        """Take a network in evaluation mode; its norms are folded in place."""
        super().__init__()
        self.network = fold_norms(network)

    def forward(self, slices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return log-odds of types (N, K) and blood (N, H, W), and maps of types (N, K, h, w).

        ``slices`` is (N + 2, rows, columns): any field of the model's grid that the encoder takes.

        Blood as reduced; the mean of all networks is enlarged, once.
        """
        # Pooling is one operator of the runtime, where adding rows would be several.
        planes = functional.avg_pool2d(slices[:, None], self.network.spec.reduction)[:, 0]
        stacks = torch.stack([planes[:-2], planes[1:-1], planes[2:]], dim=1)
        reading = self.network.read(stacks)
        return (
            reading.kinds,
            reading.mask[:, 0],
            torch.softmax(reading.kind_maps, dim=1),
        )


def export_graph(network: SliceReader, target: Path, weights_sha256: str) -> None:
    """Write a float32 ONNX file for any number of slices of any field; needs the extra ``training``.

    Parameters
    ----------
    network
        In evaluation mode.
    target
        The file.
    weights_sha256
        Of the safetensors file, kept in the file's metadata.
    """
    size, cell = network.spec.size, ENCODER_CELL * network.spec.reduction
    axes = {0: torch.export.Dim("slices", min=3)}
    shown = size
    if size % cell == 0 and size // cell > LEAST_CELLS:  # else there is but one field to read
        # An example as wide as the widest field, or of one cell, torch would take for fixed.
        shown = size - cell
        axes |= {
            axis: cell * torch.export.Dim(name, min=LEAST_CELLS, max=size // cell)
            for axis, name in ((1, "row_cells"), (2, "column_cells"))
        }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's exporter warns of its own code
        program = torch.onnx.export(
            OnnxGraph(network).eval(),
            (torch.zeros(4, size, shown),),
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_shapes={INPUT: axes},
            dynamo=True,
            verbose=False,
        )
    if program is None:
        message = "torch exported nothing"
        raise RuntimeError(message)
    program.model.metadata_props[WEIGHTS_KEY] = weights_sha256
    program.save(target, external_data=False)
