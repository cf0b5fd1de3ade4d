"""Static int8 of an exported network: scales per channel, ranges seen on calibration slices.

Kept in float32: everything before the first and after the last convolution of the mask, both
of these convolutions, and the head of types. They cost little, and a rounding there is not
averaged away by anything behind it.
"""

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.onnx_graph import INPUT

QUANTIZED: Final = ("Conv", "Clip", "Add", "Concat", "Resize")
# Slices per step of the calibration, of which the outer two are neighbors only.
STEP_SLICES: Final = 6


class CalibrationSlices:
    """Every third stretch of calibration volumes, as the calibrator asks for it."""

    def __init__(self, volumes: Sequence[NDArray[np.float32]]) -> None:
        """Take (S, size, size) float32 HU each."""
        self._steps: Iterator[NDArray[np.float32]] = (
            volume[first : first + STEP_SLICES]
            for volume in volumes
            for first in range(0, len(volume) - STEP_SLICES + 1, 3 * STEP_SLICES)
        )

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Return the next input, None after the last."""
        step = next(self._steps, None)
        return None if step is None else {INPUT: step}


def quantize(source: Path, target: Path, volumes: Sequence[NDArray[np.float32]]) -> None:
    """Write the int8 file of a float32 file; needs the extras ``onnx`` and ``training``.

    Parameters
    ----------
    source, target
        ONNX files; the metadata is carried over.
    volumes
        (S, size, size) float32 HU each, at least ``STEP_SLICES`` slices.
    """
    onnx = importlib.import_module("onnx")
    tools = importlib.import_module("onnxruntime.quantization")
    graph = onnx.load(source).graph
    tools.quantize_static(
        source,
        target,
        CalibrationSlices(volumes),
        quant_format=tools.QuantFormat.QDQ,
        op_types_to_quantize=list(QUANTIZED),
        nodes_to_exclude=kept_in_float(graph),
        per_channel=True,
        activation_type=tools.QuantType.QUInt8,
        weight_type=tools.QuantType.QInt8,
    )


def kept_in_float(graph: Any) -> list[str]:  # noqa: ANN401 - untyped library
    """Name the nodes around the first and the last convolution, these included."""
    nodes = list(graph.node)
    convolutions = [index for index, node in enumerate(nodes) if node.op_type == "Conv"]
    first, last = convolutions[0], _mask_convolution(graph, nodes)
    return [node.name for index, node in enumerate(nodes) if index <= first or index >= last]


def _mask_convolution(graph: Any, nodes: Sequence[Any]) -> int:  # noqa: ANN401 - untyped library
    """Return the index of the last convolution on the way to the mask, the second output."""
    wanted = {graph.output[1].name}
    for index in range(len(nodes) - 1, -1, -1):
        if wanted & set(nodes[index].output):
            if nodes[index].op_type == "Conv":
                return index
            wanted |= set(nodes[index].input)
    message = "the graph has no convolution before its mask"
    raise ValueError(message)
