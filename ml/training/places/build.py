"""The command: register the heads of a prepared set and write the places of every voxel.

Registering takes seconds a head and is kept in ``registrations.json``, so that a cut run goes
on and label maps can be made anew.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ml.slabs import TARGET_MM
from ml.training.growing import GrowingArray
from ml.training.places.gates import gates_of
from ml.training.places.head import Head
from ml.training.places.labels import COMPARTMENTS, label_head, left_mm_of
from ml.training.places.placed import NO_PLACE, PlacedStudy, write_index
from ml.training.places.reference import Reference, build_reference
from ml.training.places.registration import Registrar, Registration
from ml.training.places.template import Atlas, Template
from ml.training.predict import studies_of
from ml.training.prepared import ReducedSet, open_reduced


@dataclass(frozen=True)
class Maps:
    """What heads are registered to, and what names their voxels."""

    template: Template
    atlas: Atlas


def place_set(prepared: Path, out: Path, spacing_mm: float, maps: Maps) -> tuple[PlacedStudy, ...]:
    """Write the places of a prepared set; ``regions.json`` comes last.

    Parameters
    ----------
    prepared
        Folder of the set.
    out
        Folder to write; what it holds of an earlier run is used.
    spacing_mm
        In-plane, of the set at the encoder's resolution.
    maps
        Template and atlas.

    Returns
    -------
    tuple of PlacedStudy
        In the set's order.
    """
    out.mkdir(parents=True, exist_ok=True)
    reduced = open_reduced(prepared)
    heads = _Heads(reduced, (TARGET_MM, spacing_mm, spacing_mm))
    fits = _register(heads, out / "registrations.json", maps.template)
    losses = {
        study: (reduced.rows[int(rows[0])].fold, fits[study].loss)
        for study, rows in studies_of(reduced)
    }
    gates = gates_of(losses)
    placed = tuple(
        PlacedStudy(
            study=study,
            first=int(rows[0]),
            stop=int(rows[-1]) + 1,
            to_mni=fits[study].to_mni,
            loss=round(fits[study].loss, 4),
            good=fits[study].loss <= gates[losses[study][0]],
        )
        for study, rows in studies_of(reduced)
    )
    _write_labels(heads, placed, out, build_reference(maps.atlas))
    write_index(out, placed, heads.spacing_mm, gates)
    return placed


@dataclass(frozen=True)
class _Heads:
    """The heads of a prepared set."""

    reduced: ReducedSet
    spacing_mm: tuple[float, float, float]

    def head(self, rows: NDArray[np.intp]) -> Head:
        """Load the head of some rows."""
        return Head(np.asarray(self.reduced.hu[rows], np.float32), self.spacing_mm)


def _register(heads: _Heads, path: Path, template: Template) -> dict[str, Registration]:
    """Register what is not yet in the file, and keep each as it comes."""
    known = json.loads(path.read_text()) if path.exists() else {}
    registrar = Registrar(template)
    missing = [(study, rows) for study, rows in studies_of(heads.reduced) if study not in known]
    for study, rows in tqdm(missing, desc="register", disable=None):
        fit = registrar.register(heads.head(rows))
        known[study] = {"to_mni": fit.to_mni.tolist(), "loss": fit.loss}
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(known))
        partial.replace(path)
    return {
        study: Registration(np.array(fit["to_mni"]), fit["loss"]) for study, fit in known.items()
    }


def _write_labels(
    heads: _Heads, placed: tuple[PlacedStudy, ...], out: Path, reference: Reference
) -> None:
    plane = heads.reduced.hu.shape[1:]
    labels_path, left_path = out / "regions.npy.partial", out / "left_mm.npy.partial"
    with (
        GrowingArray(labels_path, np.uint8, (len(COMPARTMENTS), *plane)) as all_labels,
        GrowingArray(left_path, np.float16, plane) as all_left,
    ):
        for one in tqdm(placed, desc="label", disable=None):
            shape = (one.stop - one.first, *plane)
            labels = np.full((shape[0], len(COMPARTMENTS), *plane), NO_PLACE, np.uint8)
            left = np.full(shape, np.nan, np.float16)
            if one.good:
                head = heads.head(np.arange(one.first, one.stop))
                labels = label_head(head, one.to_mni, reference)
                left = left_mm_of(head, one.to_mni)
            all_labels.append(labels)
            all_left.append(left)
    labels_path.replace(out / "regions.npy")
    left_path.replace(out / "left_mm.npy")
