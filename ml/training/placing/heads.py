"""Upright heads of a prepared set with blood, and the true region of each of their cells.

The truth comes from heads registered to an atlas (``ml.training.places``): a folder with
``regions.npy``, one label map for each compartment, on the pixels of the prepared set.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.anatomy import HeadFrame, find_frame
from ml.intracranial import Interior, find_interior
from ml.places.upright import COLUMNS, ROWS, UprightHead, cell_pixels, stand_upright, turn_upright
from ml.slabs import TARGET_MM
from ml.training.places.placed import PlacedSet
from ml.training.placing.poses import pose_of
from ml.training.predict import studies_of
from ml.training.prepared import ReducedSet, open_reduced
from preread.regions import FINE_REGIONS
from preread.terms import KINDS, Compartment, Region

# No label: the pixel lies beyond the image, or the region is unknown.
UNLABELED: Final = 255
# Of a cell's kind where the source does not know it.
UNKNOWN_KIND: Final = 255
# Share of a cell from which it counts as blood.
LEAST_BLOOD: Final = 0.3


@dataclass(frozen=True)
class LabeledHead:
    """One study of N slabs, upright.

    Attributes
    ----------
    study, patient, fold
        Of the prepared set's rows.
    first
        Index of its first slab in the prepared set.
    frame
        Axes of the head.
    head
        What is read.
    blood
        (N, ROWS, COLUMNS) float32 share of blood.
    kinds
        (N, ROWS, COLUMNS) uint8: 0 none, 1 + index of the kind, or ``UNKNOWN_KIND``.
    labels
        (N, 4, ROWS, COLUMNS) uint8 index into ``FINE_REGIONS`` for each compartment, or
        ``UNLABELED``.
    left_mm
        (N, ROWS, COLUMNS) float32 from the registered midline; NaN where it is unknown.
    pose
        (3, 4) float64 as of ``ml.places.pose``, by the registration; None where it is unknown.
    """

    study: str
    patient: str
    fold: int
    first: int
    frame: HeadFrame
    head: UprightHead
    blood: NDArray[np.float32]
    kinds: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    left_mm: NDArray[np.float32]
    pose: NDArray[np.float64] | None


def read_heads(prepared: Path, places: PlacedSet, spacing_mm: float) -> dict[str, LabeledHead]:
    """Read every study whose axes are found; those without places have no labels.

    Parameters
    ----------
    prepared
        A prepared set, at the encoder's resolution.
    places
        Of the same set.
    spacing_mm
        In-plane, of its reduced pixels.
    """
    source = open_reduced(prepared)
    found = {}
    for study, rows in studies_of(source):
        hu = np.asarray(source.hu[rows], np.float32)
        interior = find_interior(hu, spacing_mm)
        frame = find_frame(interior, np.arange(len(rows), dtype=np.float64) * TARGET_MM, hu)
        if frame is not None:
            found[study] = _labeled(source, rows, (hu, interior, frame), places)
    return found


def read_painted(painted: Path, real: Mapping[str, LabeledHead]) -> Iterator[LabeledHead]:
    """Yield painted copies; axes and labels are those of the head that was painted on."""
    source = open_reduced(painted)
    for study, rows in studies_of(source):
        origin = real.get(source.rows[int(rows[0])].patient)
        if origin is None or len(rows) != len(origin.head.hu):
            continue
        # Painting moves no bone, so the depths are the origin's.
        hu = turn_upright(np.asarray(source.hu[rows], np.float32), origin.frame, 1)
        upright = replace(origin.head, hu=hu)
        blood, kinds = _blood(source, rows, origin.frame)
        row = source.rows[int(rows[0])]
        yield LabeledHead(
            study, row.patient, row.fold, int(rows[0]), origin.frame,
            upright, blood, kinds, origin.labels, origin.left_mm, origin.pose,
        )  # fmt: skip


def labels_of(
    frame: HeadFrame, rows: NDArray[np.intp], places: PlacedSet
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return a study's labels and distances from the midline, as in :class:`LabeledHead`."""
    labels = np.full((len(rows), len(Compartment), ROWS, COLUMNS), UNLABELED, np.uint8)
    left = np.full((len(rows), ROWS, COLUMNS), np.nan, np.float32)
    index = _index_of(places.regions)
    for slab, row in enumerate(rows):
        at = np.rint(cell_pixels(frame, slab)).astype(np.intp)
        shape = np.array(places.left_mm.shape[1:])[:, None, None]
        shown = ((at >= 0) & (at < shape)).all(axis=0)
        where = tuple(at[:, shown])
        for number, plane in enumerate(places.labels[row]):
            labels[slab, number][shown] = index[plane[where]]
        left[slab][shown] = places.left_mm[row][where]
    return labels, left


def _labeled(
    source: ReducedSet,
    rows: NDArray[np.intp],
    known: tuple[NDArray[np.float32], Interior, HeadFrame],
    places: PlacedSet,
) -> LabeledHead:
    hu, interior, frame = known
    blood, kinds = _blood(source, rows, frame)
    labels, left = labels_of(frame, rows, places)
    row = source.rows[int(rows[0])]
    return LabeledHead(
        row.study, row.patient, row.fold, int(rows[0]), frame,
        stand_upright(hu, interior, frame), blood, kinds, labels, left, _pose(row.study, frame, places),
    )  # fmt: skip


def _pose(study: str, frame: HeadFrame, places: PlacedSet) -> NDArray[np.float64] | None:
    known = next(one for one in places.studies if one.study == study)
    return pose_of(frame, known.to_mni) if known.good else None


def _index_of(regions: Sequence[Region]) -> NDArray[np.uint8]:
    """Return (256,): from the maps' own numbers to ``FINE_REGIONS``."""
    index = np.full(256, UNLABELED, np.uint8)
    index[: len(regions)] = [FINE_REGIONS.index(region) for region in regions]
    return index


def _blood(
    source: ReducedSet, rows: NDArray[np.intp], frame: HeadFrame
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return (N, ROWS, COLUMNS) share of blood, and its kind where the source knows it."""
    blood = np.zeros((len(rows), ROWS, COLUMNS), np.float32)
    kinds = np.zeros((len(rows), ROWS, COLUMNS), np.uint8)
    for slab, row in enumerate(rows):
        share = source.mask[row]
        if not share.any():
            continue
        at = cell_pixels(frame, slab)
        smooth = ndimage.uniform_filter(share.astype(np.float32) / 255, 3)
        blood[slab] = ndimage.map_coordinates(smooth, at, order=1, mode="constant")
        named = ndimage.map_coordinates(source.kind[row], np.rint(at), order=0, mode="constant")
        # The kind of one pixel stands for its cell; a cell of blood without one stays unknown.
        known = (named > 0) & (named <= len(KINDS))
        kinds[slab] = np.where(blood[slab] > LEAST_BLOOD, np.where(known, named, UNKNOWN_KIND), 0)
    return blood, kinds
