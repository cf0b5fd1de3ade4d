"""One labeled study through the worker's very pipeline, and how that compares with the truth."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ml.agreement import agreement, compare_places, compare_types, main_types
from ml.assessment import Assessment
from ml.bundle import Bundle
from ml.evaluation.floors import hu_floor
from ml.evaluation.overlap import SharedBlood, compare_outlines, share_blood
from ml.evaluation.results import Basis, Identity, Outcome, Said, StudyResult, Truth, UnreadStudy
from ml.gates import why_refused
from ml.labeled import NO_BLOOD, PRESENT, UNKNOWN, LabeledStudy
from ml.lesions import density_of
from ml.pipeline import read_bleeds
from ml.places.blood import PlaceNamer, by_geometry
from ml.prediction import Predictor
from preread.dicom.fitness import why_unfit
from preread.dicom.volume import Volume, to_radiological
from preread.errors import PreReadError
from preread.terms import KINDS, HemorrhageType, Level

Load: TypeAlias = Callable[[Bundle], Predictor]
NamePlaces: TypeAlias = Callable[[Bundle], PlaceNamer]

# Enough for every figure, and a line of JSON stays a few kilobytes.
DIGITS: Final = 4


@dataclass(frozen=True)
class Judge:
    """Reads each study with a network that never saw it, where the bundle has one.

    Attributes
    ----------
    bundle
        The shipped one.
    load
        Makes the predictor of a bundle or of a part of it; each part is loaded once.
    source
        Name of the source, as the readers and the manifest's ``trained_on`` have it.
    in_sample
        Read everything with the whole bundle, also what it was trained on.
    namer
        Makes who names places, of a bundle or of a part of it; by default plain geometry.
    """

    bundle: Bundle
    load: Load
    source: str
    in_sample: bool = False
    namer: NamePlaces = by_geometry
    loaded: dict[int | None, Predictor] = field(default_factory=dict, repr=False)

    def identity(self, study: LabeledStudy) -> Identity:
        """Return which study it is, and what it will be read by."""
        _, basis = self._choose(study)
        return Identity(
            name=study.name,
            patient=study.patient,
            fold=study.fold,
            bundle=self.bundle.manifest.identity,
            basis=basis,
        )

    def reader(self, study: LabeledStudy) -> tuple[Bundle, Predictor]:
        """Return the bundle for a study with its predictor."""
        chosen, basis = self._choose(study)
        key = study.fold if basis is Basis.OUT_OF_FOLD else None
        if key not in self.loaded:
            self.loaded[key] = self.load(chosen)
        return chosen, self.loaded[key]

    def _choose(self, study: LabeledStudy) -> tuple[Bundle, Basis]:
        return bundle_for(self.bundle, study, source=self.source, in_sample=self.in_sample)


@dataclass(frozen=True)
class Evaluated:
    """A study's outcome, with the images while they are at hand.

    Attributes
    ----------
    outcome
        What is kept.
    source
        In radiological orientation.
    mask, outline
        (S, R, C) on its grid: the truth, as in ``ml.labeled``, and the assessment's; None
        where there is none.
    assessment
        None where the study was not assessed.
    """

    outcome: Outcome
    source: Volume
    mask: NDArray[np.uint8] | None
    outline: NDArray[np.bool_] | None
    assessment: Assessment | None = None


def bundle_for(
    bundle: Bundle, study: LabeledStudy, *, source: str, in_sample: bool
) -> tuple[Bundle, Basis]:
    """Choose who may judge a study.

    A study of a source that the networks were trained on is read by the member that never saw
    the study's fold. Without a fold or such a member, or when asked to, the whole bundle reads
    it, and that is no evidence.

    Parameters
    ----------
    bundle
        The whole.
    study
        Known truth.
    source
        Where the study comes from.
    in_sample
        Take the whole bundle in any case.
    """
    if source.casefold() not in bundle.manifest.trained_on.casefold():
        return bundle, Basis.UNSEEN
    member = None
    if study.fold is not None and not in_sample:
        member = bundle.held_out(study.fold)
    return (bundle, Basis.IN_SAMPLE) if member is None else (member, Basis.OUT_OF_FOLD)


def evaluate_study(study: LabeledStudy, judge: Judge) -> Evaluated:
    """Read a study as the worker would and compare.

    A study that the worker would not assess, or whose reading fails, is an outcome too.
    """
    source, mask = turned(study)
    identity = judge.identity(study)
    try:
        unfit = why_unfit(study.volume)
        if unfit is not None:
            return Evaluated(_unread(study, identity, unfit, refused=True), source, mask, None)
        bundle, predictor = judge.reader(study)
        started = time.process_time()
        assessment = read_bleeds(source, predictor, bundle, namer=judge.namer(bundle))
        cpu_s = time.process_time() - started
        refused = why_refused(assessment.warnings)
        if refused is not None:  # as in ``worker.reading``
            unread = _unread(study, identity, refused, refused=True)
            return Evaluated(unread, source, mask, None)
        result = _compare(_Read(study, source, mask, assessment, bundle), identity, cpu_s)
    except (PreReadError, ValueError, ArithmeticError, RuntimeError) as error:
        words = f"{type(error).__name__}: {error}"
        return Evaluated(_unread(study, identity, words, refused=False), source, mask, None)
    return Evaluated(result, source, mask, assessment.mask, assessment)


@dataclass(frozen=True)
class _Read:
    """A study with its assessment, on one grid."""

    study: LabeledStudy
    source: Volume
    mask: NDArray[np.uint8] | None
    assessment: Assessment
    bundle: Bundle


def _compare(read: _Read, identity: Identity, cpu_s: float) -> StudyResult:
    blood = None
    overlap = None
    if read.mask is not None:
        blood = share_blood(read.source, read.mask, read.assessment.mask)
        floor = hu_floor(read.source, read.bundle.manifest)
        overlap = compare_outlines(blood, read.assessment, read.mask, floor)
    return StudyResult(
        identity=identity,
        truth=_truth(read),
        said=_said(read),
        overlap=overlap,
        agreement=_agreement(read, blood),
        cpu_s=round(cpu_s, 3),
    )


def _agreement(read: _Read, blood: SharedBlood | None) -> int | None:
    study, assessment = read.study, read.assessment
    if study.study_any != PRESENT:
        return None
    true = frozenset(kind for kind, is_ in zip(KINDS, study.study_kinds, strict=True) if is_ == 1)
    types = None
    if true and not (study.study_kinds == UNKNOWN).any():
        types = compare_types(true, main_types(true, amounts_of(study, blood)), _named(assessment))
    place = compare_places(*blood.matches()) if blood is not None and blood.true else None
    return agreement(detected=assessment.level is not Level.NONE, types=types, place=place)


def amounts_of(study: LabeledStudy, blood: SharedBlood | None) -> NDArray[np.float64]:
    """Return (K,) ml outlined under each name, or, where none is, slices that show it."""
    if blood is not None and blood.kind_ml.any():
        outlined_ml: NDArray[np.float64] = blood.kind_ml.sum(axis=1)
        return outlined_ml
    slices: NDArray[np.float64] = (study.slice_kinds == PRESENT).sum(axis=0).astype(np.float64)
    return slices


def _named(assessment: Assessment) -> frozenset[HemorrhageType]:
    return frozenset(kind.kind for kind in assessment.kinds if kind.present)


def _truth(read: _Read) -> Truth:
    study, source = read.study, read.source
    inside = None if read.mask is None else read.mask != NO_BLOOD
    volume_ml = None
    if inside is not None:
        volume_ml = round(float(inside.sum(axis=(1, 2)) @ source.voxel_ml), 3)
    return Truth(
        study_any=int(study.study_any),
        study_kinds=tuple(int(label) for label in study.study_kinds),
        slice_any=tuple(int(label) for label in study.slice_any),
        slice_kinds=tuple(tuple(int(label) for label in row) for row in study.slice_kinds),
        volume_ml=volume_ml,
        mean_hu=_mean_hu(source, inside),
        spacing_is_assumed=study.spacing_is_assumed,
    )


def _said(read: _Read) -> Said:
    assessment = read.assessment
    return Said(
        probability=assessment.probability,
        level=assessment.level,
        flagged=assessment.probability >= assessment.threshold,
        kind_probabilities=tuple(one.probability for one in assessment.kinds),
        kind_thresholds=tuple(one.threshold for one in assessment.kinds),
        named=tuple(one.kind for one in assessment.kinds if one.present),
        slice_any=tuple(round(float(one), DIGITS) for one in assessment.slice_any),
        slice_kinds=tuple(
            tuple(round(float(probability), DIGITS) for probability in row)
            for row in assessment.slice_probabilities
        ),
        volume_ml=round(assessment.total_volume_ml or 0.0, 3),
        mean_hu=_mean_hu(read.source, assessment.mask),
        warnings=assessment.warnings,
    )


def _mean_hu(source: Volume, inside: NDArray[np.bool_] | None) -> float | None:
    if inside is None or not inside.any():
        return None
    return density_of(source.hu[inside]).mean_hu


def turned(study: LabeledStudy) -> tuple[Volume, NDArray[np.uint8] | None]:
    """Return the volume and its mask in radiological orientation."""
    source = to_radiological(study.volume)
    if study.mask is None:
        return source, None
    # Every value of a mask is exact in float32, so the mask is turned as the voxels are.
    turned = to_radiological(replace(study.volume, hu=study.mask.astype(np.float32)))
    return source, turned.hu.astype(np.uint8)


def _unread(study: LabeledStudy, identity: Identity, reason: str, *, refused: bool) -> UnreadStudy:
    return UnreadStudy(
        identity=identity, study_any=int(study.study_any), refused=refused, reason=str(reason)
    )
