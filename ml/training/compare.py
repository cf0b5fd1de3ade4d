"""What one recipe gives that another does not, on the same patients: an ablation.

Nothing is fitted here: areas need no threshold, and Dice has a fixed one.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from ml.evaluation.metrics import auc, interval_by_patient
from ml.scoring import top_slices
from ml.training.evidence import MASK_THRESHOLDS, PatientEvidence
from ml.training.scorebook import slice_dice
from preread.terms import KINDS

ROUNDS: Final = 1000
SEED: Final = 0
DICE_INDEX: Final = MASK_THRESHOLDS.index(0.1)
OUTLINE, CLASSIFIER = 0, 1

Figure = Callable[[Sequence[PatientEvidence]], float]


def compare(
    without: Sequence[PatientEvidence], using: Sequence[PatientEvidence]
) -> dict[str, JsonValue]:
    """Compare two recipes on the patients that both have judged out of fold.

    Parameters
    ----------
    without, using
        Evidence of the plain recipe and of the one with the addition.

    Returns
    -------
    dict
        By figure: both values, their difference and its 95 % interval, patients drawn with
        replacement.
    """
    pairs = _paired(without, using)
    patients = [one.patient for one, _ in pairs]
    figures: dict[str, JsonValue] = {
        name: _row(pairs, patients, figure) for name, figure in FIGURES.items()
    }
    return {
        "patients": len(pairs),
        "positive_patients": sum(bool(one.labels.any()) for one, _ in pairs),
        "folds": list[JsonValue](sorted({one.fold for one, _ in pairs})),
        "figures": figures,
    }


def _paired(
    without: Sequence[PatientEvidence], using: Sequence[PatientEvidence]
) -> list[tuple[PatientEvidence, PatientEvidence]]:
    by_patient = {one.patient: one for one in using}
    pairs = [(one, by_patient[one.patient]) for one in without if one.patient in by_patient]
    if not pairs:
        message = "the two recipes were judged on no patient in common"
        raise ValueError(message)
    return pairs


def _row(
    pairs: Sequence[tuple[PatientEvidence, PatientEvidence]],
    patients: Sequence[str],
    figure: Figure,
) -> JsonValue:
    def of(side: int, rows: NDArray[np.intp]) -> float:
        return figure([pairs[int(row)][side] for row in rows])

    every = np.arange(len(pairs), dtype=np.intp)
    low, high = interval_by_patient(
        lambda rows: of(1, rows) - of(0, rows),
        patients,
        rounds=ROUNDS,
        random=np.random.default_rng(SEED),
    )
    before, after = of(0, every), of(1, every)
    return {
        "without": _rounded(before),
        "with": _rounded(after),
        "difference": _rounded(after - before),
        "interval": [_rounded(low), _rounded(high)],
    }


def _study_auc(patients: Sequence[PatientEvidence], head: int) -> float:
    scores = np.array([top_slices(one.slices.any_features)[head] for one in patients])
    return auc(scores, np.array([bool(one.labels.any()) for one in patients]))


def _slice_auc(patients: Sequence[PatientEvidence], head: int) -> float:
    scores = np.concatenate([one.slices.any_features[:, head] for one in patients])
    return auc(scores, np.concatenate([one.labels.any(axis=1) for one in patients]))


def _kinds_auc(patients: Sequence[PatientEvidence]) -> float:
    """Return the mean over the types that occur, outline and classifier weighed alike."""
    areas = []
    for kind in range(len(KINDS)):
        scores = np.concatenate([one.slices.kind_features(kind).mean(axis=1) for one in patients])
        areas.append(auc(scores, np.concatenate([one.labels[:, kind] for one in patients])))
    known = [area for area in areas if not np.isnan(area)]
    return float(np.mean(known)) if known else float("nan")


def _dice(patients: Sequence[PatientEvidence]) -> float:
    values = np.concatenate([slice_dice(one, DICE_INDEX) for one in patients])
    return float(values.mean()) if len(values) else float("nan")


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 3)


FIGURES: Final[dict[str, Figure]] = {
    "study AUC of the outline": lambda some: _study_auc(some, OUTLINE),
    "study AUC of the classifier": lambda some: _study_auc(some, CLASSIFIER),
    "slice AUC of the outline": lambda some: _slice_auc(some, OUTLINE),
    "slice AUC of the classifier": lambda some: _slice_auc(some, CLASSIFIER),
    "mean slice AUC of the types": _kinds_auc,
    "Dice on slices with blood, threshold 0.1": _dice,
}
