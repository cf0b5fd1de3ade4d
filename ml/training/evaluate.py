"""Figures on patients that no part of the judged chain had seen.

The networks were trained without the fold; calibration and thresholds for a fold are
fitted on the out-of-fold predictions of the other folds.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from ml.evaluation.metrics import auc, calibration_error, interval_by_patient, wilson
from ml.scoring import top_slices
from ml.training.evidence import MASK_THRESHOLDS, PatientEvidence
from ml.training.scorebook import Scorebook, fit_scorebook, slice_dice
from preread.terms import KINDS, Level

ROUNDS: Final = 2000
SEED: Final = 0
# Measured on the same folds: logistic regression on ImageNet features of an untrained
# network, and on features of a random one.
IMAGENET_FLOOR: Final = 0.749
RANDOM_FLOOR: Final = 0.518


@dataclass(frozen=True)
class Judged:
    """One patient with the scorebook of the other folds."""

    evidence: PatientEvidence
    book: Scorebook

    @property
    def positive(self) -> bool:
        """Whether any slice bleeds."""
        return bool(self.evidence.labels.any())

    @property
    def probability(self) -> float:
        """Calibrated probability of any hemorrhage."""
        return self.book.any_probability(self.evidence)

    @property
    def slice_probabilities(self) -> NDArray[np.float64]:
        """(S,) calibrated probability of any hemorrhage on each slice."""
        return self.book.slice_curve.probabilities(self.evidence.slices.any_features)

    @property
    def level(self) -> Level:
        """Level that the ranking would see."""
        return self.book.points.level(self.probability, self.book.volume_ml(self.evidence))


def judge(patients: list[PatientEvidence]) -> list[Judged]:
    """Pair each patient with thresholds and calibration fitted on the other folds."""
    folds = sorted({one.fold for one in patients})
    books = {fold: fit_scorebook([p for p in patients if p.fold != fold]) for fold in folds}
    return [Judged(one, books[one.fold]) for one in patients]


def report(patients: list[PatientEvidence], rounds: int = ROUNDS) -> dict[str, JsonValue]:
    """Compute every figure of the model card.

    Parameters
    ----------
    patients
        Out-of-fold evidence, several folds.
    rounds
        Of the bootstrap.

    Returns
    -------
    dict
        JSON values; shares and areas 0..1, intervals 95 % by patient.
    """
    judged = judge(patients)
    return {
        "patients": len(patients),
        "positive_patients": sum(one.positive for one in judged),
        "slices": sum(len(one.labels) for one in patients),
        "positive_slices": sum(int(one.labels.any(axis=1).sum()) for one in patients),
        "folds": len({one.fold for one in patients}),
        "bootstrap_rounds": rounds,
        "study_any": _study_any(judged, rounds),
        "slice_any": _slice_any(judged, rounds),
        "kinds": {kind.value: _kind(judged, index, rounds) for index, kind in enumerate(KINDS)},
        "mask": _mask(judged, rounds),
        "levels": _levels(judged),
        "floors": {
            "imagenet_probe_study_auc": IMAGENET_FLOOR,
            "random_features_study_auc": RANDOM_FLOOR,
            "hu_threshold_slice_dice": _rounded(_floor_dice(patients)),
        },
        "by_fold": {
            str(fold): _fold(judged, fold) for fold in sorted({one.fold for one in patients})
        },
    }


def write_report(figures: dict[str, JsonValue], path: Path) -> None:
    """Write the report; keys keep their order."""
    path.write_text(json.dumps(figures, indent=2) + "\n")


def _study_any(judged: list[Judged], rounds: int) -> dict[str, JsonValue]:
    truth = np.array([one.positive for one in judged])
    scores = np.array([one.probability for one in judged])
    said, drawn = (
        np.array([top_slices(one.evidence.slices.any_features)[index] for one in judged])
        for index in (1, 0)
    )
    return {
        **_area(scores, truth, [one.evidence.patient for one in judged], rounds),
        "auc_of_the_classifier_alone": _rounded(auc(said, truth)),
        "auc_of_the_outline_alone": _rounded(auc(drawn, truth)),
        "calibration_error": _rounded(calibration_error(scores, truth)),
        "brier": _rounded(float(((scores - truth) ** 2).mean())),
        "suspected": _sensitivity(
            [one.probability >= one.book.points.suspected for one in judged], truth
        ),
        "indeterminate": _sensitivity([one.level is not Level.NONE for one in judged], truth),
        "critical": _sensitivity([one.level is Level.CRITICAL for one in judged], truth),
    }


def _slice_any(judged: list[Judged], rounds: int) -> dict[str, JsonValue]:
    patients = [one.evidence for one in judged]
    truth = np.concatenate([one.labels.any(axis=1) for one in patients])
    scores = np.concatenate([one.slice_probabilities for one in judged])
    owners = [one.patient for one in patients for _ in one.labels]
    return _area(scores, truth, owners, rounds)


def _kind(judged: list[Judged], kind: int, rounds: int) -> dict[str, JsonValue]:
    patients = [one.evidence for one in judged]
    truth = np.concatenate([one.labels[:, kind] for one in patients])
    scores = np.concatenate(
        [
            one.book.slice_kind_curves[kind].probabilities(one.evidence.slices.kind_features(kind))
            for one in judged
        ]
    )
    owners = [one.patient for one in patients for _ in one.labels]
    study_truth = np.array([one.labels[:, kind].any() for one in patients])
    study_scores = np.array([one.book.kind_probability(one.evidence, kind) for one in judged])
    said = [
        score >= one.book.points.kinds[kind]
        for score, one in zip(study_scores, judged, strict=True)
    ]
    return {
        "positive_slices": int(truth.sum()),
        "positive_patients": int(study_truth.sum()),
        "slice": _area(scores, truth, owners, rounds),
        "study_auc": _rounded(auc(study_scores, study_truth)),
        "at_threshold": _sensitivity(said, study_truth),
    }


def _mask(judged: list[Judged], rounds: int) -> dict[str, JsonValue]:
    dice = [slice_dice(one.evidence, one.book.mask_index) for one in judged]
    values = np.concatenate(dice)
    owners = [one.evidence.patient for one, own in zip(judged, dice, strict=True) for _ in own]
    low, high = interval_by_patient(
        lambda rows: float(values[rows].mean()), owners, rounds=rounds, random=_random()
    )
    overlap = sum(int(one.evidence.overlap[one.book.mask_index].sum()) for one in judged)
    both = sum(
        int(one.evidence.predicted[one.book.mask_index].sum() + one.evidence.truth.sum())
        for one in judged
    )
    positive = [one for one in judged if one.positive]
    errors = [abs(one.book.volume_ml(one.evidence) - one.evidence.true_ml) for one in positive]
    return {
        "slice_dice": _rounded(float(values.mean())),
        "slice_dice_interval": [_rounded(low), _rounded(high)],
        "slice_dice_median": _rounded(float(np.median(values))),
        "pooled_dice_all_slices": _rounded(2 * overlap / both),
        "thresholds_by_fold": list[JsonValue](
            sorted({MASK_THRESHOLDS[one.book.mask_index] for one in judged})
        ),
        "volume_error_ml_median": _rounded(float(np.median(errors))),
        "volume_true_ml_median": _rounded(float(np.median([o.evidence.true_ml for o in positive]))),
        "volume_false_ml_median": _rounded(
            float(np.median([o.book.volume_ml(o.evidence) for o in judged if not o.positive]))
        ),
    }


def _levels(judged: list[Judged]) -> dict[str, JsonValue]:
    return {
        level.value: {
            "positive": sum(one.positive for one in judged if one.level is level),
            "negative": sum(not one.positive for one in judged if one.level is level),
        }
        for level in (Level.CRITICAL, Level.SUSPECTED, Level.INDETERMINATE, Level.NONE)
    }


def _fold(judged: list[Judged], fold: int) -> dict[str, JsonValue]:
    own = [one for one in judged if one.evidence.fold == fold]
    truth = np.array([one.positive for one in own])
    slices = np.concatenate([one.evidence.labels.any(axis=1) for one in own])
    scores = np.concatenate([one.slice_probabilities for one in own])
    dice = np.concatenate([slice_dice(one.evidence, one.book.mask_index) for one in own])
    return {
        "patients": len(own),
        "positive": int(truth.sum()),
        "study_auc": _rounded(auc(np.array([one.probability for one in own]), truth)),
        "slice_auc": _rounded(auc(scores, slices)),
        "slice_dice": _rounded(float(dice.mean())),
    }


def _floor_dice(patients: list[PatientEvidence]) -> float:
    values = []
    for one in patients:
        positive = one.truth > 0
        both = one.floor_predicted[positive] + one.truth[positive]
        values.append(2.0 * one.floor_overlap[positive] / both)
    return float(np.concatenate(values).mean())


def _area(
    scores: NDArray[np.float64], truth: NDArray[np.bool_], owners: list[str], rounds: int
) -> dict[str, JsonValue]:
    low, high = interval_by_patient(
        lambda rows: auc(scores[rows], truth[rows]), owners, rounds=rounds, random=_random()
    )
    return {"auc": _rounded(auc(scores, truth)), "interval": [_rounded(low), _rounded(high)]}


def _sensitivity(said: list[bool], truth: NDArray[np.bool_]) -> dict[str, JsonValue]:
    positive, negative = int(truth.sum()), int((~truth).sum())
    found = int((np.array(said) & truth).sum())
    spared = int((~np.array(said) & ~truth).sum())
    return {
        "sensitivity": _rounded(found / positive if positive else np.nan),
        "sensitivity_count": f"{found}/{positive}",
        "sensitivity_interval": [_rounded(edge) for edge in wilson(found, positive)],
        "specificity": _rounded(spared / negative if negative else np.nan),
        "specificity_count": f"{spared}/{negative}",
        "specificity_interval": [_rounded(edge) for edge in wilson(spared, negative)],
    }


def _random() -> np.random.Generator:
    return np.random.default_rng(SEED)


def _rounded(value: float) -> float | None:
    """Round for reading; what cannot be computed is null, JSON has no NaN."""
    return None if np.isnan(value) else round(value, 3)
