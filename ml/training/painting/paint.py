"""The painted set: every head without blood some times over, with bleeds and look-alikes.

A copy keeps the fold of its patient, so no network is judged on a head that it was shown
painted.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from ml.labeled import ABSENT
from ml.slabs import TARGET_MM
from ml.training.painting.bleeds import paint_bleed
from ml.training.painting.head import Field, PaintedHead
from ml.training.painting.mimics import paint_mimics
from ml.training.predict import studies_of
from ml.training.prepared import HALF, HU_RANGE, ReducedSet, SliceRow, open_reduced
from preread.terms import KINDS

# Of no, one, two and three bleeds in a head; the kinds of one head differ.
BLEED_COUNTS: Final = (0.2, 0.4, 0.25, 0.15)
# The kinds that the real set lacks are painted more often; in the order of ``KINDS``.
KIND_SHARES: Final = (0.18, 0.26, 0.18, 0.2, 0.18)
# A slice bleeds if so much of it is blood, mm².
LEAST_AREA_MM2: Final = 12.0
SEED: Final = 20_260_201


def paint_set(prepared: Path, target: Path, spacing_mm: float, copies: int) -> int:
    """Write the painted set.

    Parameters
    ----------
    prepared
        A prepared set of real patients.
    target
        Folder to write: only what training reads, at the encoder's resolution.
    spacing_mm
        In-plane, of the encoder's pixels.
    copies
        Of each head without blood.

    Returns
    -------
    int
        Slices written.
    """
    source = open_reduced(prepared)
    clean = [
        (study, rows)
        for study, rows in studies_of(source)
        if all(source.rows[int(row)].any == ABSENT for row in rows)
    ]
    count = copies * sum(len(rows) for _, rows in clean)
    target.mkdir(parents=True, exist_ok=True)
    shape = (count, *source.hu.shape[1:])
    arrays = {
        name: open_memmap(target / f"{name}.npy", "w+", dtype, shape)
        for name, dtype in (
            ("hu_reduced", np.int16),
            ("mask_reduced", np.uint8),
            ("kind_reduced", np.uint8),
        )
    }
    rows: list[SliceRow] = []
    for painted, own in _painted(source, clean, spacing_mm, copies):
        part = slice(len(rows), len(rows) + len(own))
        for name, array in arrays.items():
            array[part] = painted[name]
        rows.extend(own)
        print(f"painted {len(rows)} of {count} slices", flush=True)
    for array in arrays.values():
        array.flush()
    (target / "slices.json").write_text(json.dumps([asdict(row) for row in rows]))
    return len(rows)


def _painted(
    source: ReducedSet,
    clean: list[tuple[str, NDArray[np.intp]]],
    spacing_mm: float,
    copies: int,
) -> Iterator[tuple[dict[str, NDArray[np.int16] | NDArray[np.uint8]], list[SliceRow]]]:
    pixel_mm2 = spacing_mm**2
    for study, numbers in clean:
        hu = source.hu[numbers].astype(np.float32)
        head = PaintedHead(hu, (TARGET_MM, spacing_mm, spacing_mm))
        for copy in range(copies):
            random = np.random.default_rng([SEED, number_of(study), copy])
            image, kinds, share = paint_head(head, random)
            rows = [
                _painted_row(source.rows[int(number)], copy, _kinds_on(kinds[index], pixel_mm2))
                for index, number in enumerate(numbers)
            ]
            yield (
                {
                    "hu_reduced": np.rint(np.clip(image, *HU_RANGE)).astype(np.int16),
                    "mask_reduced": np.rint(255 * share).astype(np.uint8),
                    "kind_reduced": kinds,
                },
                rows,
            )


def _kinds_on(kinds: NDArray[np.uint8], pixel_mm2: float) -> tuple[int, ...]:
    area = np.bincount(kinds.ravel(), minlength=1 + len(KINDS))[1:] * pixel_mm2
    return tuple(int(value >= LEAST_AREA_MM2) for value in area)


def _painted_row(row: SliceRow, copy: int, labels: tuple[int, ...]) -> SliceRow:
    """Return the row of a slice's copy: a study of its own, so that no copies are neighbors."""
    return replace(
        row,
        study=f"{row.study} painted {copy + 1}",
        any=max(labels),
        labels=labels,
        has_mask=True,
    )


def number_of(study: str) -> int:
    """Return the number that a study's copies are drawn by: its name, if that is one.

    Examples
    --------
    >>> number_of("049"), number_of("CQ500-CT-12") == number_of("CQ500-CT-12")
    (49, True)
    """
    if study.isdecimal():
        return int(study)
    return int.from_bytes(hashlib.sha256(study.encode()).digest()[:8])


def paint_head(
    head: PaintedHead, random: np.random.Generator
) -> tuple[Field, NDArray[np.uint8], Field]:
    """Paint one copy of a head.

    Returns
    -------
    hu : ndarray
        (S, R, C) HU.
    kinds : ndarray
        (S, R, C) uint8, 1 + index into ``KINDS`` where blood is most of a voxel.
    share : ndarray
        (S, R, C) 0..1 of blood.
    """
    hu = paint_mimics(head.hu, head, random)
    count = int(random.choice(len(BLEED_COUNTS), p=BLEED_COUNTS))
    kinds = np.zeros(hu.shape, np.uint8)
    share = np.zeros(hu.shape, np.float32)
    for index in random.choice(len(KINDS), count, replace=False, p=KIND_SHARES):
        hu, more = paint_bleed(hu, head, KINDS[int(index)], random)
        kinds[more > HALF] = 1 + int(index)
        share = np.maximum(share, more)
    return hu, kinds, np.clip(share, 0, 1)
