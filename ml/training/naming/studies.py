"""Bleeding studies as the naming of kinds sees them: what speaks for each kind at each voxel."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.anatomy import find_frame
from ml.bundle import Bundle
from ml.geometry import ModelGrid, Placement
from ml.head_context import HeadContext, place_lesions
from ml.labeled import PRESENT
from ml.lesion_kinds import KindEvidence, gather_kinds
from ml.lesions import Lesion, find_lesions
from ml.model_slices import ModelSlices, interior_of
from ml.outline import BloodMap
from ml.places.reader import load_namer
from ml.places.upright import stand_upright
from ml.prediction import Prediction
from ml.slabs import plan_slabs
from ml.study_evidence import evidence_of
from ml.training.evidence import SLAB_MM
from ml.training.placing.lesions import LEAST_KNOWN, PURE
from ml.training.predict import prediction_path, read_prediction, studies_of
from ml.training.prepared import PreparedSet, ReducedSet, open_prepared, open_reduced
from preread.terms import KINDS


@dataclass(frozen=True)
class SeenLesion:
    """One bleed: what speaks for its kinds, and what they are.

    Attributes
    ----------
    lesion
        Its voxels on the prepared set's pixels.
    evidence
        At each voxel.
    kinds
        (V,) 0 unknown, 1 + index into ``KINDS``.
    """

    lesion: Lesion
    evidence: KindEvidence
    kinds: NDArray[np.uint8]

    @property
    def kind(self) -> int | None:
        """Index of the one kind of the lesion; None where it has several or is unknown."""
        counts = np.bincount(self.kinds, minlength=1 + len(KINDS))[1:]
        pure = counts.max() >= PURE * counts.sum()
        known = counts.max() >= LEAST_KNOWN * len(self.kinds)
        return int(counts.argmax()) if pure and known else None


@dataclass(frozen=True)
class SeenStudy:
    """One bleeding study, read out of fold.

    Attributes
    ----------
    patient, fold
        Who, and the fold that was held out.
    kinds
        (K,) bool: which it has.
    head
        Where its lesions are.
    outlined, true
        The detector's lesions and the true ones.
    """

    patient: str
    fold: int
    kinds: NDArray[np.bool_]
    head: HeadContext
    outlined: tuple[SeenLesion, ...]
    true: tuple[SeenLesion, ...]


def read_bleeding(prepared: Path, predictions: Path, bundle: Bundle) -> list[SeenStudy]:
    """Read every bleeding study by the member and the network of places that never saw it.

    Parameters
    ----------
    prepared, predictions
        As ``calibrate`` takes them.
    bundle
        Its members' rules give the outline, its networks of places the places.
    """
    source, known = open_prepared(prepared), open_reduced(prepared)
    return [
        _read(source, known, rows, read_prediction(prediction_path(predictions, study)), bundle)
        for study, rows in studies_of(source)
        if any(PRESENT in source.rows[int(row)].labels for row in rows)
    ]


def _read(
    source: PreparedSet,
    known: ReducedSet,
    rows: NDArray[np.intp],
    prediction: Prediction,
    bundle: Bundle,
) -> SeenStudy:
    first = source.rows[int(rows[0])]
    member = bundle.held_out(first.fold)
    chosen = bundle if member is None else member
    rules = chosen.manifest.rules
    namer = load_namer(chosen)
    grid = ModelGrid(bundle.manifest.network.size, bundle.manifest.network.spacing_mm)
    hu = source.hu[rows].astype(np.float32)
    interior = interior_of(hu, grid.spacing_mm)
    upright = None
    middle = (grid.size - 1) / 2
    slices = ModelSlices(
        hu,
        Placement((middle, middle), hu.shape[1:], (grid.spacing_mm,) * 2, grid),
        plan_slabs(np.full(len(hu), SLAB_MM), SLAB_MM),
        np.arange(len(hu), dtype=np.float64) * SLAB_MM,
    )
    head = HeadContext(
        slab_of_slice=np.arange(len(hu)),
        placement=slices.placement,
        evidence=evidence_of(slices, interior, prediction),
        kind_probabilities=prediction.kind_probabilities,
        kind_maps=prediction.kind_maps,
        blood=None,
        frame=find_frame(interior, slices.heights_mm, hu),
        interior=interior,
        above_slab_mm=np.zeros(len(hu)),
        voxel_ml=np.full(len(hu), grid.spacing_mm**2 * SLAB_MM / 1000.0),
        hu=hu,
    )
    if head.frame is not None:
        upright = stand_upright(hu, interior, head.frame)
    truth = source.mask[rows] > 0
    side = hu.shape[-1] // known.kind.shape[-1]
    kinds = known.kind[rows].repeat(side, axis=1).repeat(side, axis=2) * truth
    kinds[kinds > len(KINDS)] = 0

    def seen(lesions: Sequence[Lesion]) -> tuple[SeenLesion, ...]:
        placed = head if upright is None else place_lesions(head, lesions, upright, namer)
        return tuple(
            SeenLesion(one, gather_kinds(placed, one.voxels), kinds[tuple(one.voxels.T)])
            for one in lesions
        )

    blood = BloodMap(slices, interior, prediction, hu, head.voxel_ml)
    least_ml = rules.mask.least_ml
    labels = np.array([source.rows[int(row)].labels for row in rows])
    return SeenStudy(
        patient=first.patient,
        fold=first.fold,
        kinds=(labels == PRESENT).any(axis=0),
        # The images are needed no more, and they are large.
        head=replace(head, hu=hu[:, :1, :1]),
        outlined=seen(blood.draw(blood.find(rules.mask, least_ml=least_ml), rules.mask)),
        true=seen(find_lesions(truth, hu, head.voxel_ml, least_ml=least_ml)),
    )
