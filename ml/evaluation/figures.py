"""Every figure of a report, from the outcomes of studies; JSON values, no names, no images."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from pydantic import JsonValue

from ml.evaluation.detection import (
    curve_figures,
    fold_figures,
    kind_figures,
    level_table,
    mean_kind_figures,
    slice_figures,
    study_figures,
)
from ml.evaluation.estimates import ROUNDS, Bootstrap, Figures, rounded, share
from ml.evaluation.floors import IMAGENET_FLOOR, RANDOM_FLOOR
from ml.evaluation.goals import goal_table
from ml.evaluation.outlines import (
    floor_dice,
    kind_table,
    lesion_figures,
    mask_figures,
    slice_dice,
    volume_figures,
    volume_groups,
)
from ml.evaluation.results import Basis, Outcome, StudyResult, UnreadStudy
from ml.evaluation.weaknesses import weaknesses
from preread.rubric import BEST_SCORE, that_count
from preread.terms import KINDS

SCHEMA: Final = "1.0"
BASIS_WORDS: Final = {
    Basis.OUT_OF_FOLD: "out of fold: each read by a network trained without its fold",
    Basis.UNSEEN: "studies the model never saw",
    Basis.IN_SAMPLE: "IN SAMPLE: no evidence, the model was trained on them",
}
# The seed's poster: radiologists' scores of 291 positive studies. Of its five printed percentages
# only these two are used here, as all five do not add up to 100.
SEED_STUDIES: Final = 291
SEED_SHARES: Final = {"4": 0.4889, "0": 0.1214}


def report_figures(outcomes: Sequence[Outcome], rounds: int = ROUNDS) -> Figures:
    """Compute the report.

    Parameters
    ----------
    outcomes
        Of any number of studies.
    rounds
        Of the bootstrap.

    Returns
    -------
    dict
        JSON values; shares and areas 0..1, intervals 95 %. What cannot be computed is null.
    """
    results = [one for one in outcomes if isinstance(one, StudyResult)]
    bootstrap = Bootstrap(rounds)
    figures: Figures = {
        "schema_version": SCHEMA,
        **_counts(outcomes, results),
        "bootstrap_rounds": rounds,
        "study_any": study_figures(results, bootstrap),
        "slice_any": slice_figures(results, bootstrap),
        "kinds": {kind.value: kind_figures(results, kind, bootstrap) for kind in KINDS},
        "mean_kind_slice_auc": mean_kind_figures(results, bootstrap),
        "mask": mask_figures(results, bootstrap),
        "volume": volume_figures(results, bootstrap),
        "lesions": lesion_figures(results, bootstrap),
        "kind_confusion_ml": kind_table(results),
        "levels": level_table(results),
        "by_volume": volume_groups(results),
        "by_fold": _by_fold(results),
        "agreement": _agreement(results),
        "cpu_s": _cpu(results),
        "floors": {
            "imagenet_probe_study_auc": IMAGENET_FLOOR,
            "random_features_study_auc": RANDOM_FLOOR,
            "hu_threshold_slice_dice": floor_dice(results),
        },
        "curves": curve_figures(results),
    }
    figures["goals"] = goal_table(figures)
    figures["weaknesses"] = list[JsonValue](weaknesses(figures))
    return figures


def basis_words(results: Sequence[StudyResult]) -> str:
    """Say what the figures rest on, the worst first."""
    found = Counter(one.identity.basis for one in results)
    kinds = [basis for basis in (Basis.IN_SAMPLE, Basis.OUT_OF_FOLD, Basis.UNSEEN) if found[basis]]
    if len(kinds) <= 1:
        return BASIS_WORDS[kinds[0]] if kinds else "no study was assessed"
    return "; ".join(
        f"{found[basis]} of {len(results)} studies {BASIS_WORDS[basis]}" for basis in kinds
    )


def _counts(outcomes: Sequence[Outcome], results: Sequence[StudyResult]) -> Figures:
    unread = [one for one in outcomes if isinstance(one, UnreadStudy)]
    bases = Counter(one.identity.basis for one in results)
    return {
        "basis": basis_words(results),
        "studies_by_basis": {basis.value: bases[basis] for basis in Basis},
        "patients": len({one.identity.patient for one in outcomes}),
        "studies": len(outcomes),
        "assessed": len(results),
        "positive_studies": sum(one.bleeds is True for one in results),
        "negative_studies": sum(one.bleeds is False for one in results),
        "unlabeled_studies": sum(one.bleeds is None for one in results),
        "unread": {
            "refused": _reasons([one for one in unread if one.refused]),
            "failed": _reasons([one for one in unread if not one.refused]),
            "positive": sum(one.study_any > 0 for one in unread),
        },
        "slices": sum(len(one.truth.slice_any) for one in results),
        "folds": len({one.identity.fold for one in results if one.identity.fold is not None}),
    }


def _reasons(unread: Sequence[UnreadStudy]) -> Figures:
    """Count reasons; an error's words may name a file, so only its kind is told."""
    return dict(Counter(one.reason.partition(":")[0] for one in unread).most_common())


def _by_fold(results: Sequence[StudyResult]) -> Figures:
    folds = sorted({one.identity.fold for one in results if one.identity.fold is not None})
    figures: Figures = {}
    for fold in folds:
        own = [one for one in results if one.identity.fold == fold]
        dice, _ = slice_dice(own)
        figures[str(fold)] = {
            **fold_figures(own),
            "slice_dice": rounded(float(dice.mean()) if len(dice) else np.nan),
        }
    return figures


def _agreement(results: Sequence[StudyResult]) -> Figures:
    positive = [one for one in results if one.bleeds]
    scores = that_count((one.agreement, bool(one.bleeds)) for one in results)
    seed: Figures = dict(SEED_SHARES)
    return {
        "scored": len(scores),
        "not_scored": len(positive) - len(scores),
        "shares": {
            str(score): share(scores.count(score), len(scores)) for score in range(BEST_SCORE + 1)
        },
        "seed": {"studies": SEED_STUDIES, "shares": seed},
    }


def _cpu(results: Sequence[StudyResult]) -> Figures:
    seconds = np.array([one.cpu_s for one in results])
    if not len(seconds):
        return {"median": None, "p95": None, "greatest": None, "slices_median": None}
    return {
        "median": rounded(float(np.median(seconds))),
        "p95": rounded(float(np.percentile(seconds, 95))),
        "greatest": rounded(float(seconds.max())),
        "slices_median": rounded(float(np.median([len(one.truth.slice_any) for one in results]))),
    }
