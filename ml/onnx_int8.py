"""Static int8 of an exported network: scales per channel, ranges seen on calibration slices.

Not all of it is rounded. Kept in float32 are the way in up to a quarter of the resolution, whose channels
have the widest and most uneven ranges, the sums of the residual blocks, through which a rounding would pass
to all that follows, and both answers. What the rounding of the rest moves on average is taken back from the answers.
"""

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.onnx_graph import INPUT

QUANTIZED: Final = ("Conv", "Clip", "Concat", "Resize")
# The first convolutions, in the shipped family up to the features at a quarter of the resolution.
KEPT_FIRST: Final = 9
# Slices per step of the calibration, of which the outer two are neighbors only.
STEP_SLICES: Final = 6
# Far from blood the outline's log-odds are of no interest, however they are rounded.
LEAST_ODDS: Final = -6.0


def steps_of(volumes: Sequence[NDArray[np.float32]]) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Yield every third stretch of (S, rows, columns) volumes, as an input of the graph."""
    for volume in volumes:
        for first in range(0, len(volume) - STEP_SLICES + 1, 3 * STEP_SLICES):
            yield {INPUT: volume[first : first + STEP_SLICES]}


class CalibrationSlices:
    """Calibration volumes, as the calibrator asks for them."""

    def __init__(self, volumes: Sequence[NDArray[np.float32]]) -> None:
        """Take (S, rows, columns) float32 HU each."""
        self._steps = steps_of(volumes)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Return the next input, None after the last."""
        return next(self._steps, None)


def quantize(source: Path, target: Path, volumes: Sequence[NDArray[np.float32]]) -> None:
    """Write the int8 file of a float32 file; needs the extras ``onnx`` and ``training``.

    Parameters
    ----------
    source, target
        ONNX files; the metadata is carried over.
    volumes
        (S, rows, columns) float32 HU each, at least ``STEP_SLICES`` slices.
    """
    onnx = importlib.import_module("onnx")
    tools = importlib.import_module("onnxruntime.quantization")
    model = onnx.load(source)
    part_skips(model.graph)
    tools.quantize_static(
        model,
        target,
        CalibrationSlices(volumes),
        quant_format=tools.QuantFormat.QDQ,
        op_types_to_quantize=list(QUANTIZED),
        nodes_to_exclude=kept_in_float(model.graph),
        per_channel=True,
        activation_type=tools.QuantType.QUInt8,
        weight_type=tools.QuantType.QInt8,
    )
    take_back(source, target, volumes)


def part_skips(graph: Any) -> None:  # noqa: ANN401 - untyped library
    """Give the way up a name of its own for what it shares with the way down.

    A tensor is rounded for all that read it; the way down is to read it as it is. The runtime takes the
    copies out again.
    """
    helper = importlib.import_module("onnx.helper")
    readers: dict[str, int] = {}
    for node in graph.node:
        for name in node.input:
            readers[name] = readers.get(name, 0) + 1
    nodes = []
    for node in graph.node:
        for index, name in enumerate(node.input):
            if node.op_type == "Concat" and readers[name] > 1:
                beside = f"{name}_beside"
                nodes.append(helper.make_node("Identity", [name], [beside], name=beside))
                node.input[index] = beside
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def kept_in_float(graph: Any) -> list[str]:  # noqa: ANN401 - untyped library
    """Name the nodes up to the first convolutions' last activation, and from the mask's on."""
    nodes = list(graph.node)
    convolutions = [index for index, node in enumerate(nodes) if node.op_type == "Conv"]
    first, last = convolutions[KEPT_FIRST] - 1, _producer(graph, nodes, 1, "Conv")
    return [node.name for index, node in enumerate(nodes) if index <= first or index >= last]


def take_back(source: Path, target: Path, volumes: Sequence[NDArray[np.float32]]) -> None:
    """Take from both answers of the int8 file by what they lie above the float32 file's, on average."""
    onnx = importlib.import_module("onnx")
    numpy_helper = importlib.import_module("onnx.numpy_helper")
    runtime = importlib.import_module("onnxruntime")
    wanted, rounded = (
        runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
        for path in (source, target)
    )
    kinds, blood = [], [np.zeros(0, np.float32)]
    for step in steps_of(volumes):
        true, said = wanted.run(None, step), rounded.run(None, step)
        kinds.append(said[0] - true[0])
        near = true[1] > LEAST_ODDS
        blood.append((said[1] - true[1])[near])
    if not kinds:
        message = f"int8 needs heads of {STEP_SLICES} slices or more to be calibrated on"
        raise ValueError(message)
    model = onnx.load(target)
    nodes = list(model.graph.node)
    near_blood = np.concatenate(blood)
    moved = (
        np.concatenate(kinds).mean(axis=0),
        near_blood.mean(keepdims=True) if len(near_blood) else np.zeros(1, np.float32),
    )
    for output, (operator, much) in enumerate(zip(("Gemm", "Conv"), moved, strict=True)):
        bias = nodes[_producer(model.graph, nodes, output, operator)].input[2]
        (tensor,) = [one for one in model.graph.initializer if one.name == bias]
        changed = numpy_helper.to_array(tensor) - much.astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(changed, bias))
    onnx.save(model, target)


def _producer(graph: Any, nodes: Sequence[Any], output: int, operator: str) -> int:  # noqa: ANN401 - untyped library
    """Return the index of the last node of a kind on the way to an output."""
    wanted = {graph.output[output].name}
    for index in range(len(nodes) - 1, -1, -1):
        if wanted & set(nodes[index].output):
            if nodes[index].op_type == operator:
                return index
            wanted |= set(nodes[index].input)
    message = f"the graph has no {operator} before its output {output}"
    raise ValueError(message)
