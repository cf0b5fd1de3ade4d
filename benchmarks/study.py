"""Seconds per study, stage by stage, by the real worker's reader with the real model."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from itertools import count
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import SecretStr

from benchmarks.databases import migrated, sqlite_url
from benchmarks.eager import EagerPredictor
from benchmarks.figures import Figure, Ratio, Report, figure_of
from benchmarks.head import FieldReader
from benchmarks.plan import Plan
from benchmarks.rounds import Spent, clocked, in_rounds
from benchmarks.service import SITE
from benchmarks.stages import STEPS, Stopwatch, clocks
from ml.engine_agreement import EngineAgreement, compare_engines
from ml.model_slices import field_of_slices, to_model
from ml.prediction import Prediction, Predictor
from preread.dicom.phantom import Bleed, Phantom, make_head
from preread.dicom.phantom_files import SyntheticStudy, derive_uid, encode_series
from preread.dicom.volume import Volume, read_volume, to_radiological
from preread.receive import receive
from preread.resources import Resources, open_resources
from preread.settings import Settings
from preread.submission import Submission
from preread.terms import HemorrhageType, Laterality
from preread.work import Claim, Result, claim_next, finish_claim
from worker.model import load_model_reader
from worker.reading import ModelReader

_BLEEDS: Final = (
    (),
    (Bleed(HemorrhageType.IPH, Laterality.LEFT, 35.0),),
    (
        Bleed(HemorrhageType.SDH, Laterality.RIGHT, 60.0),
        Bleed(HemorrhageType.SAH, Laterality.LEFT, 8.0),
    ),
)
_SLICES: Final = 32
_QUICK_SLICES: Final = 24  # fewer are no whole head
_CLAIM: Final = "claim, committed"
_FINISH: Final = "pre-read and rank, committed"
_REST: Final = "everything else"
_WHOLE: Final = "whole study"

_OURS: Final = "network as shipped"
_AGAIN: Final = "network again (A/A)"
_EAGER: Final = "peer: eager float32, unfolded, every whole slice"

_WORKER: Final = "benchmark"


@dataclass(frozen=True, slots=True)
class _Bench:
    """A database, a store, a warm reader, and the numbers of the next studies."""

    resources: Resources
    reader: ModelReader
    watch: Stopwatch = field(default_factory=Stopwatch)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))


def measure(plan: Plan) -> Report:
    """Measure studies with no, one and several bleeds."""
    slices = _QUICK_SLICES if plan.quick else _SLICES
    heads = [
        make_head(seed, bleeds, slices)
        for seed, bleeds in enumerate(_BLEEDS[-1:] if plan.quick else _BLEEDS)
    ]
    with _warm_reader(plan) as bench:
        _check_repeats(bench, heads[0])
        plain = EagerPredictor(bench.reader.bundle)
        volumes = [_volume(head) for head in heads]
        found_of = [_compared(bench, plain, volume) for volume in volumes]
        farthest = max(one.slice_difference for one in found_of)
        same = sum(one.level is one.reference_level for one in found_of)
        manifest = bench.reader.bundle.manifest
        stacks = [to_model(volume, manifest).hu for volume in volumes]
        shipped = [
            FieldReader(
                bench.reader.predictor, field_of_slices(stack, manifest.network, manifest.field)
            )
            for stack in stacks
        ]
        found = in_rounds(
            {f"head {number}": _read_one(bench, head) for number, head in enumerate(heads)},
            plan.rounds,
        )
        networks = in_rounds(
            {
                _OURS: _predict_all(shipped, stacks),
                _AGAIN: _predict_all(shipped, stacks),
                _EAGER: _predict_all([plain] * len(stacks), stacks),
            },
            plan.rounds,
        )
        precision = bench.reader.predictor.precision
    stages = list(_stage_figures([one for many in found.values() for one in many]))
    network = {name: _network_figure(name, spent) for name, spent in networks.items()}
    return Report(
        name="study",
        checked=f"the same study twice gives the same pre-read; in {precision} slices "
        f"are within {farthest:.1e} of the plain network's, and {same} of {len(heads)} levels its",
        figures=(*stages, *network.values()),
        ratios=(
            Ratio.of("CPU, as shipped / peer", network[_OURS], network[_EAGER]),
            Ratio.of("A/A", network[_AGAIN], network[_OURS]),
        ),
        notes=(
            f"synthetic heads of {slices} slices of 512×512, uncompressed, with 0, 1 and 2 bleeds",
            "one thread, one process; files from the page cache; SQLite with synchronous=FULL",
            "the warm worker's own code, with a clock around each step",
            "loading the model is not in it, nor the wait in the queue",
        ),
    )


@contextmanager
def _warm_reader(plan: Plan) -> Iterator[_Bench]:
    settings = Settings(
        database_url=SecretStr(sqlite_url(plan.folder)),
        store_dir=plan.folder / "store",
        bundle_dir=plan.bundle_dir,
        torch_threads=1,
        device="cpu",
    )
    with (
        migrated(settings.database_url.get_secret_value()),
        open_resources(settings) as resources,
    ):
        yield _Bench(resources, load_model_reader(resources))


def _check_repeats(bench: _Bench, head: Phantom) -> None:
    """Read one study twice.

    Raises
    ------
    ValueError
        If it is not assessed, or the pre-reads differ.
    """
    claim = _claimed(bench, head)
    first, second = (bench.reader.read(claim) for _ in range(2))
    if not first.document.eligibility.eligible:
        message = f"the phantom was not assessed: {first.document.eligibility.reasons}"
        raise ValueError(message)
    if first.document.digest != second.document.digest:
        message = "the same study twice gave two pre-reads"
        raise ValueError(message)
    finish_claim(bench.resources, claim, second, worker=_WORKER)


def _volume(head: Phantom) -> Volume:
    return to_radiological(read_volume([BytesIO(content) for content in encode_series(head)]))


def _compared(bench: _Bench, plain: Predictor, volume: Volume) -> EngineAgreement:
    """Compare the shipped networks with the plain ones.

    Raises
    ------
    ValueError
        If a slice or the outline is outside of the tolerance for engines.
    """
    bundle, shipped = bench.reader.bundle, bench.reader.predictor
    found = compare_engines(volume, bundle, plain, {_OURS: shipped})[_OURS]
    if not found.is_near:
        message = f"the shipped network says something else than the plain one: {found}"
        raise ValueError(message)
    return found


def _read_one(bench: _Bench, head: Phantom) -> Callable[[], dict[str, Spent]]:
    def read() -> dict[str, Spent]:
        _file(bench, head)
        bench.watch.read()
        with clocks(bench.watch):
            _, whole = clocked(lambda: _work(bench))
        return {**bench.watch.read(), _WHOLE: whole}

    return read


def _work(bench: _Bench) -> None:
    """Do what the worker's job does for one study."""
    claim = bench.watch.around(_CLAIM, claim_next)(bench.resources, _WORKER)
    result: Result = bench.reader.read(claim)
    finish = bench.watch.around(_FINISH, finish_claim)
    finish(bench.resources, claim, result, worker=_WORKER)


def _claimed(bench: _Bench, head: Phantom) -> Claim:
    _file(bench, head)
    claim = claim_next(bench.resources, _WORKER)
    if claim is None:
        message = "a study that was sent is not there"
        raise RuntimeError(message)
    return claim


def _file(bench: _Bench, head: Phantom) -> None:
    """File a head as a study that was never there before."""
    uid = derive_uid("benchmark", next(bench.numbers))
    files = []
    for content in encode_series(head, SyntheticStudy(study_uid=uid)):
        writer = bench.resources.store.incoming()
        writer.write(content)
        files.append(writer.close())
    receive(
        bench.resources,
        files,
        Submission(
            site=SITE,
            order_class=None,
            accession_number=None,
            complete=True,
            actor=_WORKER,
            idempotency_key=None,
        ),
    )


def _predict_all(
    readers: Sequence[Predictor], stacks: Sequence[NDArray[np.float32]]
) -> Callable[[], Spent]:
    def predict() -> list[Prediction]:
        return [reader.predict(stack) for reader, stack in zip(readers, stacks, strict=True)]

    def per_study() -> Spent:
        _, spent = clocked(predict)
        return Spent(spent.wall_s / len(stacks), spent.cpu_s / len(stacks))

    return per_study


def _stage_figures(studies: Sequence[dict[str, Spent]]) -> Iterator[Figure]:
    names = (_CLAIM, *dict.fromkeys(STEPS.values()), _FINISH)
    for name in names:
        spent = [study.get(name, Spent(0.0, 0.0)) for study in studies]
        yield from _both(name, spent)
    rest = [
        Spent(
            study[_WHOLE].wall_s - sum(spent.wall_s for spent in _parts(study)),
            study[_WHOLE].cpu_s - sum(spent.cpu_s for spent in _parts(study)),
        )
        for study in studies
    ]
    yield from _both(_REST, rest)
    yield from _both(_WHOLE, [study[_WHOLE] for study in studies])


def _parts(study: dict[str, Spent]) -> list[Spent]:
    return [spent for name, spent in study.items() if name != _WHOLE]


def _both(name: str, spent: Sequence[Spent]) -> Iterator[Figure]:
    yield figure_of(f"{name}: CPU", "ms", [one.cpu_s for one in spent], 1000)
    yield figure_of(f"{name}: wall", "ms", [one.wall_s for one in spent], 1000)


def _network_figure(name: str, spent: Sequence[Spent]) -> Figure:
    return figure_of(f"{name}: CPU", "ms", [one.cpu_s for one in spent], 1000)
