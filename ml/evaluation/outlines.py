"""Figures of outlines: Dice, volumes, lesions found, types of blood; studies with a true outline only."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from ml.evaluation.curves import free_response_points
from ml.evaluation.estimates import Bootstrap, Figures, rounded, share
from ml.evaluation.results import Overlap, SliceCounts, StudyResult
from preread.terms import KINDS

# Lesions that the pipeline leaves out of an outline; a true one below it is not asked for.
LEAST_LESION_ML: Final = 0.5
# Small as in published subgroups (below 5 ml), large as in surgical guidelines (30 ml).
SMALL_ML: Final = 5.0
LARGE_ML: Final = 30.0
DICE_BINS: Final = 10
# Of a normal distribution, 95 % lie within this many standard deviations.
Z_95: Final = 1.96


def outlined_studies(results: Sequence[StudyResult]) -> list[tuple[StudyResult, Overlap]]:
    """Return the studies whose truth has an outline, be it empty, with what they share."""
    return [(one, one.overlap) for one in results if one.overlap is not None]


def mask_figures(results: Sequence[StudyResult], bootstrap: Bootstrap) -> Figures:
    """Judge the outline voxel by voxel."""
    compared = outlined_studies(results)
    values, owners = slice_dice(results)
    shared = sum(overlap.shared for _, overlap in compared)
    both = sum(overlap.blood + overlap.outlined for _, overlap in compared)
    counts, _ = np.histogram(values, DICE_BINS, (0.0, 1.0))
    return {
        "studies": len(compared),
        "slices": len(values),
        "slice_dice": _mean(values),
        "slice_dice_interval": bootstrap.interval(lambda rows: float(values[rows].mean()), owners),
        "slice_dice_median": rounded(float(np.median(values)) if len(values) else np.nan),
        "slice_dice_histogram": [int(count) for count in counts],
        "pooled_dice_all_slices": rounded(2 * shared / both if both else np.nan),
    }


def floor_dice(results: Sequence[StudyResult]) -> float | None:
    """Return the mean Dice of the HU floor on slices with blood."""
    values = _per_slice(results, lambda one: (one.floor_shared, one.floor + one.blood))[0]
    return _mean(values)


def slice_dice(results: Sequence[StudyResult]) -> tuple[NDArray[np.float64], list[str]]:
    """Return Dice of each slice with blood, and its patient."""
    return _per_slice(results, lambda one: (one.shared, one.outlined + one.blood))


def volume_figures(results: Sequence[StudyResult], bootstrap: Bootstrap) -> Figures:
    """Compare millilitres after Bland and Altman: said − true over studies with blood."""
    pairs = [
        (one.identity.patient, one.truth.volume_ml, one.said.volume_ml)
        for one in results
        if one.truth.volume_ml
    ]
    true = np.array([ml for _, ml, _ in pairs])
    gaps = np.array([said_ml - true_ml for _, true_ml, said_ml in pairs])
    free = [one.said.volume_ml for one in results if one.truth.volume_ml == 0]
    spread = Z_95 * float(gaps.std(ddof=1)) if len(gaps) > 1 else np.nan
    bias = float(gaps.mean()) if len(gaps) else np.nan
    return {
        "studies": len(pairs),
        "spacing_is_assumed": any(one.truth.spacing_is_assumed for one in results),
        "bias_ml": rounded(bias),
        "bias_interval_ml": bootstrap.interval(
            lambda rows: float(gaps[rows].mean()), [patient for patient, _, _ in pairs]
        ),
        "limits_ml": [rounded(bias - spread), rounded(bias + spread)],
        "error_ml_median": _median(np.abs(gaps)),
        "true_ml_median": _median(true),
        "false_ml_median": _median(np.array(free)),
        "pairs_ml": [[round(true_ml, 1), round(said_ml, 1)] for _, true_ml, said_ml in pairs],
    }


def lesion_figures(results: Sequence[StudyResult], bootstrap: Bootstrap) -> Figures:
    """Count lesions found and lesions made up, at every score (FROC) and at all of them."""
    compared = outlined_studies(results)
    true = [
        (one.identity.patient, -np.inf if lesion.score is None else lesion.score)
        for one, overlap in compared
        for lesion in overlap.true_lesions
        if lesion.volume_ml >= LEAST_LESION_ML
    ]
    every = sum(len(overlap.true_lesions) for _, overlap in compared)
    said = [lesion for _, overlap in compared for lesion in overlap.said_lesions]
    false = np.array([lesion.score for lesion in said if not lesion.hit])
    scores = np.array([score for _, score in true])
    found = np.isfinite(scores)
    points = free_response_points(scores, false, max(1, len(compared)))
    return {
        "least_ml": LEAST_LESION_ML,
        "smaller_left_out": every - len(true),
        "found": {
            **share(int(found.sum()), len(true)),
            # Lesions of one patient are not independent, so not Wilson's.
            "interval": bootstrap.interval(
                lambda rows: float(found[rows].mean()), [patient for patient, _ in true]
            ),
        },
        "outlined": len(said),
        "false": len(false),
        "false_per_study": rounded(len(false) / len(compared) if compared else np.nan),
        "free_response": [list[JsonValue](point) for point in points],
    }


def kind_table(results: Sequence[StudyResult]) -> Figures:
    """Sum the blood of known type by the type that it was given; ml."""
    compared = outlined_studies(results)
    table = np.zeros((len(KINDS), len(KINDS) + 1))
    for _, overlap in compared:
        table += np.array(overlap.kind_ml)
    columns = [*(kind.value for kind in KINDS), "not_outlined"]
    return {
        kind.value: {column: round(float(ml), 1) for column, ml in zip(columns, row, strict=True)}
        for kind, row in zip(KINDS, table, strict=True)
    }


def volume_groups(results: Sequence[StudyResult]) -> Figures:
    """Judge studies with blood by how much there is of it."""
    groups = {
        "small": (0.0, SMALL_ML),
        "middle": (SMALL_ML, LARGE_ML),
        "large": (LARGE_ML, np.inf),
    }
    return {
        name: _group(
            [one for one in results if one.truth.volume_ml and low <= one.truth.volume_ml < high]
        )
        for name, (low, high) in groups.items()
    }


def _group(own: Sequence[StudyResult]) -> Figures:
    return {
        "studies": len(own),
        "suspected": share(sum(one.said.flagged for one in own), len(own)),
        "indeterminate": share(sum(one.detected for one in own), len(own)),
        "slice_dice": _mean(slice_dice(own)[0]),
    }


def _per_slice(
    results: Sequence[StudyResult], parts: Callable[[SliceCounts], tuple[int, int]]
) -> tuple[NDArray[np.float64], list[str]]:
    """Return 2·shared / both of each slice with blood, and its patient."""
    values, owners = [], []
    for one, overlap in outlined_studies(results):
        for counts in overlap.slices:
            shared, both = parts(counts)
            values.append(2 * shared / both)
            owners.append(one.identity.patient)
    return np.array(values, np.float64), owners


def _mean(values: NDArray[np.float64]) -> float | None:
    return rounded(float(values.mean())) if len(values) else None


def _median(values: NDArray[np.float64]) -> float | None:
    return rounded(float(np.median(values))) if len(values) else None
