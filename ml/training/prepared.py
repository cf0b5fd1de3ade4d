"""The prepared set: every source of labeled slices in one form on disk.

A folder with ``slices.json`` (one row per slice) and five arrays that are mapped, not
loaded: ``hu.npy`` (N, size, size) int16 HU, ``mask.npy`` uint8 0/1, and both reduced to
the encoder's resolution (``hu_reduced.npy`` int16, ``mask_reduced.npy`` uint8, 255 = all
blood; ``kind_reduced.npy`` uint8, 1 + index of the kind where the source knows it).
"""

import json
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.geometry import ModelGrid, Placement, head_center, to_grid
from ml.slabs import Slabs
from ml.training.growing import GrowingArray
from preread.terms import KINDS

HU_RANGE: Final = (-1024, 3071)
HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class SliceRow:
    """One slice, or slab of thin slices, of a prepared set.

    Attributes
    ----------
    study
        The source's own name of the study; a painted copy is a study of its own. Slices of one
        study follow each other, feet to head.
    patient
        Whose study it is; folds and intervals go by it.
    fold
        The source's own number, or −1 for what only trains.
    number
        The source's slice number, of a slab that of its first slice.
    any
        Any hemorrhage: 1, 0, or −1 where it is unknown.
    labels
        The same of the five kinds, in the order of ``KINDS``.
    has_mask
        Whether the study's blood is outlined; without it an empty mask says nothing.
    """

    study: str
    patient: str
    fold: int
    number: int
    any: int
    labels: tuple[int, ...]
    has_mask: bool


@dataclass(frozen=True, slots=True)
class SourceSeries:
    """A labeled series on its own grid, ready to be resampled.

    Attributes
    ----------
    hu
        (S, R, C) float32 HU, feet to head.
    kinds
        (S, R, C) uint8: 0 none, 1..5 blood of a kind, 255 blood of unknown kind.
    spacing_mm
        Row and column spacing.
    rows
        One per slab.
    slabs
        Which slices are averaged to one; None where each stays alone.
    """

    hu: NDArray[np.float32]
    kinds: NDArray[np.uint8]
    spacing_mm: tuple[float, float]
    rows: tuple[SliceRow, ...]
    slabs: Slabs | None = None


@dataclass(frozen=True, slots=True)
class PreparedSet:
    """A prepared folder, opened at full resolution: what networks are judged on."""

    rows: tuple[SliceRow, ...]
    hu: NDArray[np.int16]
    mask: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ReducedSet:
    """A prepared folder, opened at the encoder's resolution: what networks learn from.

    Attributes
    ----------
    hu
        (N, h, w) int16.
    mask
        (N, h, w) uint8, share of blood; 255 is all.
    kind
        (N, h, w) uint8, 1 + index of the kind where the source knows it.
    """

    rows: tuple[SliceRow, ...]
    hu: NDArray[np.int16]
    mask: NDArray[np.uint8]
    kind: NDArray[np.uint8]


def write_prepared(
    folder: Path, series: Iterable[SourceSeries], grid: ModelGrid, *, reduction: int
) -> int:
    """Resample and write series; ``slices.json`` comes last and makes the folder whole.

    Parameters
    ----------
    folder
        Is made; must not hold a prepared set.
    series
        What to write.
    grid
        The model's grid.
    reduction
        Of the encoder.

    Returns
    -------
    int
        Slices written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    full, low = (grid.size,) * 2, (grid.size // reduction,) * 2
    forms = {
        "hu": (np.int16, full),
        "mask": (np.uint8, full),
        "hu_reduced": (np.int16, low),
        "mask_reduced": (np.uint8, low),
        "kind_reduced": (np.uint8, low),
    }
    rows: list[SliceRow] = []
    with ExitStack() as open_files:
        arrays = {
            name: open_files.enter_context(GrowingArray(folder / f"{name}.npy", dtype, shape))
            for name, (dtype, shape) in forms.items()
        }
        for one in series:
            for name, values in _resampled(one, grid, reduction).items():
                arrays[name].append(values)
            rows.extend(one.rows)
    (folder / "slices.json").write_text(json.dumps([asdict(row) for row in rows]))
    return len(rows)


def open_prepared(folder: Path) -> PreparedSet:
    """Open a prepared folder at full resolution; the arrays stay on disk."""
    return PreparedSet(_rows(folder), _mapped(folder, "hu"), _mapped(folder, "mask"))


def open_reduced(folder: Path) -> ReducedSet:
    """Open a prepared folder at the encoder's resolution; the arrays stay on disk."""
    arrays = (_mapped(folder, name) for name in ("hu_reduced", "mask_reduced", "kind_reduced"))
    return ReducedSet(_rows(folder), *arrays)


def _rows(folder: Path) -> tuple[SliceRow, ...]:
    rows = json.loads((folder / "slices.json").read_text())
    return tuple(SliceRow(**{**row, "labels": tuple(row["labels"])}) for row in rows)


def _mapped(folder: Path, name: str) -> NDArray[Any]:
    # Copy-on-write: torch takes no array that cannot be written to; the file stays as it is.
    array: NDArray[Any] = np.load(folder / f"{name}.npy", mmap_mode="c")
    return array


def _resampled(
    one: SourceSeries, grid: ModelGrid, reduction: int
) -> dict[str, NDArray[np.int16] | NDArray[np.uint8]]:
    rows, columns = one.hu.shape[1:]
    placement = Placement(head_center(one.hu), (rows, columns), one.spacing_mm, grid)

    def on_grid(slices: NDArray[np.float32]) -> NDArray[np.float32]:
        return to_grid(slices if one.slabs is None else one.slabs.average(slices), placement)

    def share_of(where: NDArray[np.bool_]) -> NDArray[np.float32]:
        # Beyond the source's edge to_grid pads with air (−1000), so a 0/1 mask is shifted first.
        return on_grid(where.astype(np.float32) - np.float32(1000.0)) + np.float32(1000.0)

    hu = np.clip(on_grid(one.hu), *HU_RANGE)
    inside = share_of(one.kinds > 0)
    low = (len(hu), grid.size // reduction, reduction, grid.size // reduction, reduction)
    share = inside.reshape(low).mean(axis=(2, 4))
    kinds = np.zeros(share.shape, np.uint8)
    for kind in range(1, 1 + len(KINDS)):
        of_kind = one.kinds == kind
        if of_kind.any():
            kinds[share_of(of_kind).reshape(low).mean(axis=(2, 4)) > HALF] = kind
    return {
        "hu": np.rint(hu).astype(np.int16),
        "mask": (inside > HALF).astype(np.uint8),
        "hu_reduced": np.rint(hu.reshape(low).mean(axis=(2, 4))).astype(np.int16),
        "mask_reduced": np.rint(share * 255).clip(0, 255).astype(np.uint8),
        "kind_reduced": kinds,
    }
