"""The prepared set: every source of labeled slices in one form on disk.

A folder with ``slices.json`` (one row per slice) and four arrays that are mapped, not
loaded: ``hu.npy`` (N, size, size) int16 HU, ``mask.npy`` uint8 0/1, and both reduced to
the encoder's resolution (``hu_reduced.npy`` int16, ``mask_reduced.npy`` uint8, 255 = all
blood; ``kind_reduced.npy`` uint8, 1 + index of the kind where the source knows it).
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from ml.geometry import ModelGrid, Placement, head_center, to_grid

HU_RANGE: Final = (-1024, 3071)
HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class SliceRow:
    """One slice of a prepared set.

    Attributes
    ----------
    patient
        The source's number; phantoms have their seed.
    fold
        The source's own number, or −1 for what only trains.
    number
        The source's slice number.
    labels
        Five 0/1, in the order of ``KINDS``.
    """

    patient: int
    fold: int
    number: int
    labels: tuple[int, ...]


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
        One per slice.
    """

    hu: NDArray[np.float32]
    kinds: NDArray[np.uint8]
    spacing_mm: tuple[float, float]
    rows: tuple[SliceRow, ...]


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
    folder: Path, series: Iterable[SourceSeries], grid: ModelGrid, *, count: int, reduction: int
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
    count
        Total number of slices.
    reduction
        Of the encoder.

    Returns
    -------
    int
        Slices written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    full, low = (count, grid.size, grid.size), grid.size // reduction
    arrays = {
        "hu": open_memmap(folder / "hu.npy", "w+", np.int16, full),
        "mask": open_memmap(folder / "mask.npy", "w+", np.uint8, full),
        "hu_reduced": open_memmap(folder / "hu_reduced.npy", "w+", np.int16, (count, low, low)),
        "mask_reduced": open_memmap(folder / "mask_reduced.npy", "w+", np.uint8, (count, low, low)),
        "kind_reduced": open_memmap(folder / "kind_reduced.npy", "w+", np.uint8, (count, low, low)),
    }
    rows: list[SliceRow] = []
    for one in series:
        end = len(rows) + len(one.rows)
        for name, values in _resampled(one, grid, reduction).items():
            arrays[name][len(rows) : end] = values
        rows.extend(one.rows)
    for array in arrays.values():
        array.flush()
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
    array: NDArray[Any] = np.load(folder / f"{name}.npy", mmap_mode="r")
    return array


def _resampled(
    one: SourceSeries, grid: ModelGrid, reduction: int
) -> dict[str, NDArray[np.int16] | NDArray[np.uint8]]:
    rows, columns = one.hu.shape[1:]
    placement = Placement(head_center(one.hu), (rows, columns), one.spacing_mm, grid)
    hu = np.clip(to_grid(one.hu, placement), *HU_RANGE)
    # Beyond the source's edge to_grid pads with air (−1000), so a 0/1 mask is shifted first.
    inside = to_grid((one.kinds > 0).astype(np.float32) - 1000.0, placement) + 1000.0
    low = (len(hu), grid.size // reduction, reduction, grid.size // reduction, reduction)
    share = inside.reshape(low).mean(axis=(2, 4))
    kinds = np.zeros(share.shape, np.uint8)
    for kind in (1, 2, 3, 4, 5):
        of_kind = one.kinds == kind
        if of_kind.any():
            covered = to_grid(of_kind.astype(np.float32) - 1000.0, placement) + 1000.0
            kinds[covered.reshape(low).mean(axis=(2, 4)) > HALF] = kind
    return {
        "hu": np.rint(hu).astype(np.int16),
        "mask": (inside > HALF).astype(np.uint8),
        "hu_reduced": np.rint(hu.reshape(low).mean(axis=(2, 4))).astype(np.int16),
        "mask_reduced": np.rint(share * 255).clip(0, 255).astype(np.uint8),
        "kind_reduced": kinds,
    }
