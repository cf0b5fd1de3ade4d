"""How rules that were fitted at home do on the same patients, unseen, under another scanner."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from ml.evaluation.metrics import auc, interval_by_patient
from ml.evidence import slice_odds, study_features
from ml.training.evidence import PatientEvidence
from ml.training.scorebook import Scorebook, fit_scorebook, slice_dice

ROUNDS: Final = 1000
ROUND_SEED: Final = 0


def judge(
    home: Sequence[PatientEvidence], changed: Sequence[PatientEvidence]
) -> dict[str, JsonValue]:
    """Judge changed studies by what was fitted to unchanged ones of the other folds.

    Parameters
    ----------
    home
        Evidence of studies as they are.
    changed
        Of the same studies as another scanner might have shown them; of several folds.

    Returns
    -------
    dict
        ``study_auc`` with its 95 % interval, ``slice_auc``, ``dice`` of slices with blood, how many
        of the bleeding were found and how many of the others were suspected.
    """
    books = {
        fold: fit_scorebook([one for one in home if one.fold != fold])
        for fold in {one.fold for one in changed}
    }
    said = np.array([_probability(one, books[one.fold]) for one in changed])
    bleeds = np.array([bool(one.labels.any()) for one in changed])
    flagged = np.array(
        [p >= books[one.fold].points.suspected for p, one in zip(said, changed, strict=True)]
    )
    slices = np.concatenate(
        [slice_odds(one.slices.any_features, books[one.fold].slice_curve) for one in changed]
    )
    dice = [slice_dice(one, books[one.fold].mask_index) for one in changed]
    low, high = interval_by_patient(
        lambda rows: auc(said[rows], bleeds[rows]),
        [one.patient for one in changed],
        rounds=ROUNDS,
        random=np.random.default_rng(ROUND_SEED),
    )
    return {
        "study_auc": round(auc(said, bleeds), 3),
        "interval": [round(low, 3), round(high, 3)],
        "slice_auc": round(auc(slices, np.concatenate([_bleeds(one) for one in changed])), 3),
        "dice": round(float(np.concatenate(dice).mean()), 3),
        "found": f"{np.count_nonzero(flagged & bleeds)}/{np.count_nonzero(bleeds)}",
        "false_alarms": f"{np.count_nonzero(flagged & ~bleeds)}/{np.count_nonzero(~bleeds)}",
    }


def _probability(one: PatientEvidence, book: Scorebook) -> float:
    return book.any_curve.probability(study_features(one.slices.any_features, book.slice_curve))


def _bleeds(one: PatientEvidence) -> NDArray[np.bool_]:
    bleeds: NDArray[np.bool_] = one.labels.max(axis=1)
    return bleeds
