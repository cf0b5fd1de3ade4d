"""Bring labeled sources to the model's grid: ``prepare`` for CT-ICH, ``phantoms`` for synthetic heads."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from ml.geometry import ModelGrid
from ml.spec import NetworkSpec
from ml.training.ctich import ASSUMED_SPACING_MM, LabeledSeries, read_ctich
from ml.training.prepared import SliceRow, SourceSeries, write_prepared
from preread.dicom.phantom import Bleed, make_head
from preread.terms import KINDS, HemorrhageType, Laterality

UNKNOWN_KIND: Final = 255
FIRST_TRAINING_SEED: Final = 100_000
PHANTOM_SLICES: Final = 32
# Fewer blood pixels in a slice than these, 3 mm², do not make it a positive slice.
LEAST_PIXELS: Final = 15
SIDES: Final = (Laterality.LEFT, Laterality.RIGHT, Laterality.BILATERAL)
VOLUME_RANGE_ML: Final = {
    HemorrhageType.IPH: (3.0, 60.0),
    HemorrhageType.SDH: (10.0, 80.0),
    HemorrhageType.IVH: (2.0, 15.0),
    HemorrhageType.SAH: (4.0, 25.0),
    HemorrhageType.EDH: (6.0, 60.0),
}


def prepare_ctich(source: Path, target: Path, spec: NetworkSpec, *, progress: bool = True) -> int:
    """Write CT-ICH as a prepared set.

    Parameters
    ----------
    source
        The set's folder.
    target
        Folder to write; keep it out of the repository.
    spec
        Gives the grid.
    progress
        Print one line per patient.

    Returns
    -------
    int
        Slices written.
    """
    count = sum(1 for path in source.glob("Patients_CT/*/brain/*.jpg") if path.stem.isdigit())

    def converted() -> Iterator[SourceSeries]:
        for series in read_ctich(source):
            if progress:
                print(f"patient {series.patient}: {len(series.hu)} slices", flush=True)
            yield _converted(series)

    grid = ModelGrid(spec.size, spec.spacing_mm)
    return write_prepared(target, converted(), grid, count=count, reduction=spec.reduction)


def _converted(series: LabeledSeries) -> SourceSeries:
    """Name the kind of the mask where the slice has one kind only."""
    kinds = np.where(series.mask, np.uint8(UNKNOWN_KIND), np.uint8(0)).astype(np.uint8)
    for number, labels in enumerate(series.labels):
        if labels.sum() == 1:
            kinds[number][series.mask[number]] = 1 + int(labels.argmax())
    rows = tuple(
        SliceRow(series.patient, series.fold, number, tuple(int(value) for value in labels))
        for number, labels in zip(series.slice_numbers, series.labels, strict=True)
    )
    return SourceSeries(series.hu, kinds, (ASSUMED_SPACING_MM, ASSUMED_SPACING_MM), rows)


def prepare_phantoms(target: Path, spec: NetworkSpec, seeds: Sequence[int]) -> int:
    """Write synthetic heads as a prepared set that only trains (fold −1).

    Parameters
    ----------
    target
        Folder to write.
    spec
        Gives the grid.
    seeds
        One head each, from 100 000 on: lower seeds belong to tests and the demo, so those
        heads stay unseen.

    Returns
    -------
    int
        Slices written.
    """
    if min(seeds) < FIRST_TRAINING_SEED:
        message = f"seeds below {FIRST_TRAINING_SEED} are for tests and the demo"
        raise ValueError(message)
    heads = (_phantom_series(seed) for seed in seeds)
    grid = ModelGrid(spec.size, spec.spacing_mm)
    count = len(seeds) * PHANTOM_SLICES
    return write_prepared(target, heads, grid, count=count, reduction=spec.reduction)


def _phantom_series(seed: int) -> SourceSeries:
    random = np.random.default_rng(seed)
    head = make_head(seed, draw_bleeds(random), PHANTOM_SLICES)
    rows = []
    for number, kinds in enumerate(head.mask, start=1):
        pixels = np.bincount(kinds.ravel(), minlength=1 + len(KINDS))[1:]
        labels = tuple(int(count >= LEAST_PIXELS) for count in pixels)
        rows.append(SliceRow(seed, -1, number, labels))
    spacing_mm = (head.row_mm, head.column_mm)
    return SourceSeries(head.hu.astype(np.float32), head.mask, spacing_mm, tuple(rows))


def draw_bleeds(random: np.random.Generator) -> list[Bleed]:
    """Draw none (a third of the heads), one, two or three bleeds of different kinds."""
    count = int(random.choice(4, p=[0.34, 0.36, 0.2, 0.1]))
    kinds = random.choice(len(KINDS), count, replace=False)
    return [
        Bleed(
            KINDS[int(kind)],
            SIDES[int(random.integers(len(SIDES)))],
            float(np.exp(random.uniform(*np.log(VOLUME_RANGE_ML[KINDS[int(kind)]])))),
        )
        for kind in kinds
    ]
