"""The networks on a GPU: wall seconds per study in each number format, and how far they lie from the CPU.

Needs torch, numpy, scipy, safetensors, pydantic and pydicom and nothing of the service, so that
it runs on a machine that has a GPU and little else.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.apart import Differences, check_engines
from benchmarks.figures import Figure, Ratio, Report, figure_of
from benchmarks.head import as_shipped, benchmark_slices, networks_of
from benchmarks.plan import Plan
from benchmarks.rounds import clocked, in_rounds
from ml.bundle import Bundle, load_bundle
from ml.field import ReadField
from ml.model_slices import field_of_slices
from ml.precision import has_bfloat16
from ml.prediction import Predictor
from ml.predictor import TorchPredictor

_PRECISIONS: Final = (torch.float32, torch.float16, torch.bfloat16)
_CPU: Final = "CPU float32"
_CPU_HALF: Final = "CPU bfloat16"
_CUDA: Final = "CUDA {}"
_USED: Final = _CUDA.format("float16")
"""What a worker takes on a GPU (``ml.predictor``)."""
_AGAIN: Final = f"{_USED} again (A/A)"
_EVERY: Final = f"peer: {_USED}, every network on every whole slice"
_FAR: Final = 0.05
"""No probability of a type may move further in float32; torch lets convolutions use TF32."""


class CudaFigures(NamedTuple):
    """What there is to say of the GPU; of a machine without one, only a note."""

    figures: tuple[Figure, ...] = ()
    ratios: tuple[Ratio, ...] = ()
    checked: str = ""
    notes: tuple[str, ...] = ()


def measure(plan: Plan) -> Report:
    """Measure torch on the CPU and on the GPU, and nothing else."""
    torch.set_num_threads(1)
    bundle = load_bundle(plan.bundle_dir)
    found = cuda_figures(bundle, benchmark_slices(bundle.manifest, quick=plan.quick), plan.rounds)
    return Report("engines", found.checked or "nothing", found.figures, found.ratios, found.notes)


def cuda_figures(bundle: Bundle, slices: NDArray[np.float32], rounds: int) -> CudaFigures:
    """Measure every number format on the GPU beside the CPU, in the same rounds.

    Parameters
    ----------
    bundle
        Its networks, by its cascade.
    slices
        (S, size, size) float32 HU, feet to head.
    rounds
        Of which each engine reads once; one more comes before, to warm up.

    Raises
    ------
    ValueError
        If the GPU says something else in float32.
    """
    if not torch.cuda.is_available():
        return CudaFigures(notes=(f"CUDA was not measured: torch {torch.__version__} sees no GPU",))
    field = field_of_slices(slices, bundle.manifest.network, bundle.manifest.field)
    engines = {**_on_cpu(bundle, field), **_on_cuda(bundle, field)}
    ours = {name: engine for name, engine in engines.items() if name != _EVERY}  # other networks
    checked = check_engines(
        ours, slices, wanted=_CPU, exact=_CUDA.format("float32"), most=Differences(_FAR, math.inf)
    )
    works = {name: _wall(engine, slices) for name, engine in engines.items()}
    works[_AGAIN] = works[_USED]
    torch.cuda.reset_peak_memory_stats()
    found = in_rounds(works, rounds)
    figures = {name: figure_of(name, "wall s", spent) for name, spent in found.items()}
    return CudaFigures(
        tuple(figures.values()),
        tuple(_ratios(figures)),
        checked,
        (
            f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}",
            f"{len(slices)} slices, {len(bundle.manifest.members)} networks; wall time, copies to and from the GPU included",
            "the CPU reads with one thread",
            f"most memory of the GPU in use: {torch.cuda.max_memory_allocated() / 2**20:.0f} MiB, with the networks of all {len(_PRECISIONS) + 1} engines",
        ),
    )


def _on_cpu(bundle: Bundle, field: ReadField) -> dict[str, Predictor]:
    half = {_CPU_HALF: as_shipped(bundle, field, "cpu", torch.bfloat16)} if has_bfloat16() else {}
    return {_CPU: as_shipped(bundle, field, "cpu", torch.float32), **half}


def _on_cuda(bundle: Bundle, field: ReadField) -> dict[str, Predictor]:
    found: dict[str, Predictor] = {}
    for precision in _PRECISIONS:
        engine = as_shipped(bundle, field, "cuda", precision)
        found[_CUDA.format(engine.precision)] = engine
    return {**found, _EVERY: TorchPredictor(networks_of(bundle), "cuda", torch.float16)}


def _wall(engine: Predictor, slices: NDArray[np.float32]) -> Callable[[], float]:
    def read() -> None:
        engine.predict(slices)
        torch.cuda.synchronize()

    def timed() -> float:
        torch.cuda.synchronize()
        return clocked(read)[1].wall_s

    return timed


def _ratios(figures: Mapping[str, Figure]) -> Iterator[Ratio]:
    on_cuda = [_CUDA.format(str(one).removeprefix("torch.")) for one in _PRECISIONS]
    for name in on_cuda:
        yield Ratio.of(f"{_CPU} / {name}", figures[_CPU], figures[name])
    for name in (on_cuda[0], on_cuda[2], _AGAIN, _EVERY):
        yield Ratio.of(f"{name} / {_USED}", figures[name], figures[_USED])
