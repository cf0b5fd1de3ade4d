"""Bring labeled studies to the model's grid: of any source, or synthetic heads."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.geometry import ModelGrid
from ml.labeled import ABSENT, UNKNOWN, LabeledStudy
from ml.slabs import plan_slabs
from ml.sources.labels import Labels, settle
from ml.sources.skipping import OnSkip, Skipped, log_skip
from ml.spec import NetworkSpec
from ml.training.prepared import SliceRow, SourceSeries, write_prepared
from preread.dicom.phantom import Bleed, make_head
from preread.dicom.volume import to_radiological
from preread.errors import InvalidSource
from preread.terms import KINDS, HemorrhageType, Laterality

ONLY_TRAINS: Final = -1
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


def prepare_studies(
    studies: Iterable[LabeledStudy],
    target: Path,
    spec: NetworkSpec,
    *,
    folds: int,
    on_skip: OnSkip = log_skip,
) -> int:
    """Write labeled studies as a prepared set, one after the other: one is held at a time.

    Parameters
    ----------
    studies
        Of any source, orientation and thickness.
    target
        Folder to write; keep it out of the repository.
    spec
        Gives the grid.
    folds
        A study of a source without folds gets one of so many, 1 to ``folds``, by a digest of its
        patient; with 0 it only trains.
    on_skip
        Is told of studies of which no slice is labeled: they have nothing to teach.

    Returns
    -------
    int
        Slices written.

    Raises
    ------
    InvalidSource
        If a patient is in two folds, or a name is given to two studies.
    """
    fold_of: dict[str, int] = {}
    names: set[str] = set()

    def converted() -> Iterator[SourceSeries]:
        for study in studies:
            labels = _slice_labels(study)
            if (labels.any == UNKNOWN).all():
                on_skip(Skipped(study.name, "no slice of it is labeled"))
                continue
            fold = study.fold if study.fold is not None else drawn_fold(study.patient, folds)
            if fold_of.setdefault(study.patient, fold) != fold:
                message = f"the patient of «{study.name}» is in two folds"
                raise InvalidSource(message)
            if study.name in names:
                message = f"there are two studies «{study.name}»"
                raise InvalidSource(message)
            names.add(study.name)
            series = _converted(study, labels, fold)
            print(f"{study.name}: {len(series.rows)} slices", flush=True)
            yield series

    grid = ModelGrid(spec.size, spec.spacing_mm)
    return write_prepared(target, converted(), grid, reduction=spec.reduction)


def drawn_fold(patient: str, folds: int) -> int:
    """Return a patient's fold: the same whenever and with whomever it is prepared.

    Examples
    --------
    >>> [drawn_fold(patient, 5) for patient in ("a", "b", "c")], drawn_fold("a", 0)
    ([1, 2, 1], -1)
    """
    if folds == 0:
        return ONLY_TRAINS
    digest = hashlib.sha256(patient.encode()).digest()
    return 1 + int.from_bytes(digest[:8]) % folds


def _slice_labels(study: LabeledStudy) -> Labels:
    """Return what is known of the slices: what a study has not, none of its slices has."""
    free = study.study_any == ABSENT
    any_label = np.where((study.slice_any == UNKNOWN) & free, ABSENT, study.slice_any)
    missing = (study.slice_kinds == UNKNOWN) & (study.study_kinds == ABSENT)
    kinds = np.where(missing, ABSENT, study.slice_kinds)
    return settle(any_label.astype(np.int8), kinds.astype(np.int8))


def _converted(study: LabeledStudy, labels: Labels, fold: int) -> SourceSeries:
    volume = to_radiological(study.volume)
    slabs = plan_slabs(volume.thickness_mm)
    ends = [*slabs.first[1:], len(volume.hu)]
    rows = []
    for first, end in zip(slabs.first, ends, strict=True):
        whole = Labels(labels.any[first:end], labels.kinds[first:end]).over()
        rows.append(
            SliceRow(
                study=study.name,
                patient=study.patient,
                fold=fold,
                number=volume.instance_numbers[int(first)] or 1 + int(first),
                any=int(whole.any),
                labels=tuple(int(value) for value in whole.kinds),
                has_mask=study.mask is not None,
            )
        )
    return SourceSeries(volume.hu, _kinds(study), volume.pixel_spacing_mm, tuple(rows), slabs)


def _kinds(study: LabeledStudy) -> NDArray[np.uint8]:
    """Return the mask turned as the volume is, or an empty one."""
    if study.mask is None:
        return np.zeros(to_radiological(study.volume).hu.shape, np.uint8)
    outlined = replace(study.volume, hu=study.mask.astype(np.float32))
    return to_radiological(outlined).hu.astype(np.uint8)


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
    return write_prepared(target, heads, grid, reduction=spec.reduction)


def _phantom_series(seed: int) -> SourceSeries:
    random = np.random.default_rng(seed)
    head = make_head(seed, draw_bleeds(random), PHANTOM_SLICES)
    rows = []
    for number, kinds in enumerate(head.mask, start=1):
        pixels = np.bincount(kinds.ravel(), minlength=1 + len(KINDS))[1:]
        labels = tuple(int(count >= LEAST_PIXELS) for count in pixels)
        name = f"phantom {seed}"
        rows.append(SliceRow(name, name, ONLY_TRAINS, number, max(labels), labels, has_mask=True))
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
