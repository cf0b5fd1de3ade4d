"""Labeled heads with a predictor that sees each, and results of studies made by hand."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml.bundle import MANIFEST_FILE, Bundle, sha256_of
from ml.evaluation.results import Basis, Identity, Overlap, Said, StudyResult, Truth
from ml.labeled import LabeledStudy
from ml.prediction import Prediction, Predictor
from preread.terms import KINDS, HemorrhageType, Level
from tests.support.heads import Head, seeing


def labeled(name: str, one: Head, *, fold: int | None = None, outlined: bool = True):
    """A head with what was painted as its truth."""
    shown = np.stack(
        [(one.kinds == 1 + index).any(axis=(1, 2)) for index in range(len(KINDS))], axis=1
    )
    return LabeledStudy(
        name=name,
        patient=name,
        fold=fold,
        volume=one.volume,
        slice_any=shown.any(axis=1).astype(np.int8),
        slice_kinds=shown.astype(np.int8),
        study_any=int(shown.any()),
        study_kinds=shown.any(axis=0).astype(np.int8),
        mask=one.kinds if outlined else None,
    )


def bundle_folder(folder: Path, chosen: Bundle) -> Path:
    """Write a bundle whose weights are some bytes: enough for all but a network."""
    folder.mkdir()
    path = folder / "w.safetensors"
    path.write_bytes(b"weights")
    (member,) = chosen.manifest.members
    file = {"file": path.name, "sha256": sha256_of(path), "size_bytes": path.stat().st_size}
    manifest = chosen.manifest.model_copy(update={"members": (member.model_copy(update=file),)})
    (folder / MANIFEST_FILE).write_text(manifest.model_dump_json())
    return folder


@dataclass
class Oracle:
    """A predictor that sees the head that is being read; ``studies`` says which one that is."""

    bundle: Bundle
    current: Predictor | None = None
    device: str = "none"
    precision: str = "exact"

    def studies(self, heads: Iterable[tuple[LabeledStudy, Head]]) -> Iterator[LabeledStudy]:
        """Yield each study while its head is the one that is seen."""
        for study, seen in heads:
            self.current = seeing(seen, self.bundle)
            yield study

    def predict(self, slices) -> Prediction:
        assert self.current is not None
        return self.current.predict(slices)


def result(
    name: str,
    *,
    kinds: Iterable[HemorrhageType] = (),
    bleeds: int | None = None,
    probability: float = 0.1,
    level: Level = Level.NONE,
    named: Iterable[HemorrhageType] = (),
    true_ml: float | None = None,
    said_ml: float = 0.0,
    overlap: Overlap | None = None,
    agreement: int | None = None,
    fold: int | None = None,
    slices: Iterable[tuple[int, float]] = ((0, 0.1),),
) -> StudyResult:
    """Return a study by hand; ``slices`` are the label of IPH and its probability."""
    present = tuple(int(kind in set(kinds)) for kind in KINDS)
    rows = tuple(slices)
    return StudyResult(
        identity=Identity(
            name=name, patient=name, fold=fold, bundle="0" * 64, basis=Basis.OUT_OF_FOLD
        ),
        truth=Truth(
            study_any=int(any(present)) if bleeds is None else bleeds,
            study_kinds=present,
            slice_any=tuple(label for label, _ in rows),
            slice_kinds=tuple((label, 0, 0, 0, 0) for label, _ in rows),
            volume_ml=true_ml,
            mean_hu=None,
            spacing_is_assumed=False,
        ),
        said=Said(
            probability=probability,
            level=level,
            flagged=level in {Level.CRITICAL, Level.SUSPECTED},
            kind_probabilities=(probability,) * 5,
            kind_thresholds=(0.5,) * 5,
            named=tuple(named),
            slice_any=tuple(score for _, score in rows),
            slice_kinds=tuple((score, 0.0, 0.0, 0.0, 0.0) for _, score in rows),
            volume_ml=said_ml,
            mean_hu=None,
            warnings=(),
        ),
        overlap=overlap,
        agreement=agreement,
        cpu_s=2.0,
    )
