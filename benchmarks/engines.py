"""CPU seconds of the networks per study: each engine, and the classic U-Net on every slice."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.apart import Differences, check_engines
from benchmarks.cuda import cuda_figures
from benchmarks.eager import EagerPredictor
from benchmarks.figures import Figure, Ratio, Report, figure_of
from benchmarks.head import (
    FieldReader,
    as_shipped,
    benchmark_slices,
    networks_of,
)
from benchmarks.plan import Plan
from benchmarks.rounds import clocked, in_rounds
from ml.architectures import build_network
from ml.bundle import Bundle, load_bundle
from ml.field import ReadField
from ml.model_slices import field_of_slices
from ml.onnx_predictor import OnnxPredictor, open_session
from ml.onnx_record import OnnxFormat, read_record
from ml.precision import has_bfloat16
from ml.prediction import Predictor
from ml.predictor import TorchPredictor
from ml.spec import Architecture, NetworkSpec
from preread.errors import InvalidBundle
from preread.settings import Settings

_CLASSIC_SLICES: Final = 2
_FULL: Final = "torch float32"
_HALF: Final = "torch bfloat16"
_AGAIN: Final = "torch float32 again (A/A)"
_EVERY: Final = "peer: float32, every network on every whole slice"
_EAGER: Final = "peer: eager float32, unfolded, every whole slice"
_CLASSIC: Final = "peer: classic U-Net, {}"
_SAME: Final = Differences(1e-3, 1e-3)
"""How far the probabilities of an engine in float32 may lie from torch's."""


def measure(plan: Plan) -> Report:
    """Measure every engine that this machine has, and the classic U-Net."""
    torch.set_num_threads(1)
    bundle = load_bundle(plan.bundle_dir)
    slices = benchmark_slices(bundle.manifest, quick=plan.quick)
    field = field_of_slices(slices, bundle.manifest.network, bundle.manifest.field)
    onnx, missing = _onnx_engines(bundle, field, Settings().onnx_dir)
    ours = {**_torch_engines(bundle, field), **onnx}
    peers = dict(_classics(bundle.manifest.network))
    checked = check_engines(
        ours, slices, wanted=_FULL, exact=_onnx_name(OnnxFormat.FLOAT32), most=_SAME
    )
    works = {name: _whole(engine, slices) for name, engine in ours.items()}
    every = TorchPredictor(networks_of(bundle), "cpu", torch.float32)
    works |= {
        _AGAIN: works[_FULL],
        _EVERY: _whole(every, slices),
        _EAGER: _whole(EagerPredictor(bundle), slices),
    }
    works |= {name: _scaled(classic, slices) for name, classic in peers.items()}
    found = in_rounds(works, plan.rounds)
    figures = {name: figure_of(name, "CPU s", spent) for name, spent in found.items()}
    gpu = cuda_figures(bundle, slices, plan.rounds)
    return Report(
        name="engines",
        checked=". ".join(filter(None, (checked, gpu.checked))),
        figures=(*figures.values(), *gpu.figures),
        ratios=(*_ratios(figures, onnx), *gpu.ratios),
        notes=(
            f"{len(slices)} slices of 512×512, {len(bundle.manifest.members)} networks averaged, by the cascade",
            f"they read the field around the skull, {_share(field, slices):.0%} of the pixels",
            "one thread; the networks alone: no decoding, no skull, no lesions",
            f"the classic U-Net, untrained, read {_CLASSIC_SLICES} of the slices; its time is scaled",
            "the classic U-Net is one network and not an ensemble",
            *missing,
            *gpu.notes,
        ),
    )


def _share(field: ReadField, slices: NDArray[np.float32]) -> float:
    """Return which part of the slices lies in a field."""
    return field.cut(slices).size / slices.size


def _torch_engines(bundle: Bundle, field: ReadField) -> dict[str, Predictor]:
    half = {_HALF: as_shipped(bundle, field, "cpu", torch.bfloat16)} if has_bfloat16() else {}
    return {_FULL: as_shipped(bundle, field, "cpu", torch.float32), **half}


def _onnx_engines(
    bundle: Bundle, field: ReadField, folder: Path
) -> tuple[dict[str, Predictor], tuple[str, ...]]:
    """Return the engines whose files there are, whether or not they may be used, and what to say."""
    try:
        record = read_record(folder, bundle.manifest.identity)
        found: dict[str, Predictor] = {}
        said = []
        for number_format, engine in record.engines.items():
            sessions = [
                open_session(folder / number_format.file_of(member.file), member)
                for member in bundle.manifest.members
            ]
            manifest = bundle.manifest
            found[_onnx_name(number_format)] = FieldReader(
                OnnxPredictor(
                    sessions, manifest.network.reduction, number_format, manifest.cascade
                ),
                field,
            )
            verdict = "agrees" if engine.agrees else "does not agree, so no worker uses it"
            said.append(f"{_onnx_name(number_format)} {verdict}")
    except InvalidBundle as reason:
        return {}, (f"ONNX was not measured: {reason}",)
    return found, tuple(said)


def _onnx_name(number_format: OnnxFormat) -> str:
    return f"ONNX {number_format}"


def _classics(spec: NetworkSpec) -> Iterator[tuple[str, Predictor]]:
    whole = replace(spec, arch=Architecture.UNET_CLASSIC, reduction=1)
    precisions = [torch.float32, *([torch.bfloat16] if has_bfloat16() else [])]
    for precision in precisions:
        classic = TorchPredictor([build_network(whole)], "cpu", precision)
        yield _CLASSIC.format(classic.precision), classic


def _whole(engine: Predictor, slices: NDArray[np.float32]) -> Callable[[], float]:
    return lambda: clocked(lambda: engine.predict(slices))[1].cpu_s


def _scaled(engine: Predictor, slices: NDArray[np.float32]) -> Callable[[], float]:
    part = _whole(engine, slices[:_CLASSIC_SLICES])
    return lambda: part() * len(slices) / _CLASSIC_SLICES


def _ratios(figures: Mapping[str, Figure], onnx: Mapping[str, Predictor]) -> Iterator[Ratio]:
    for name in (_AGAIN, _EVERY, _EAGER, _HALF, *onnx):
        if name in figures:
            yield Ratio.of(f"{name} / {_FULL}", figures[name], figures[_FULL])
    pairs = [(_CLASSIC.format("float32"), name) for name in (_FULL, *onnx)]
    for classic, name in [*pairs, (_CLASSIC.format("bfloat16"), _HALF)]:
        if classic in figures and name in figures:
            yield Ratio.of(f"{classic} / {name}", figures[classic], figures[name])
