"""What the figures say against the model, each in a sentence: read from the report, never written by hand."""

from collections.abc import Iterator
from typing import Final

from ml.evaluation.estimates import Figures
from ml.evaluation.goals import figure_at, goal_table
from preread.proportions import wilson
from preread.terms import KINDS

# With fewer positive studies than this a Wilson interval of a share is wider than 40 points.
FEW_STUDIES: Final = 20
# A spread of this much between folds is more than a figure's third digit.
WIDE_SPREAD: Final = 0.05
POOR_SHARE: Final = 0.80


def weaknesses(figures: Figures) -> list[str]:
    """Name every weakness that the figures show.

    Parameters
    ----------
    figures
        A report of ``ml.evaluation.figures``.
    """
    return [
        *_basis(figures),
        *_goals(figures),
        *_decisions(figures),
        *_kinds(figures),
        *_outlines(figures),
        *_rest(figures),
    ]


def _basis(figures: Figures) -> Iterator[str]:
    if _number(figures, "studies_by_basis", "in_sample"):
        yield "These figures are in sample: they say nothing about studies that the model does not know."
    positive = _number(figures, "positive_studies") or 0
    if 0 < positive < FEW_STUDIES:
        low, _ = wilson(int(positive), int(positive))
        yield (
            f"{_studies(positive)} with hemorrhage: even where all are found, a sensitivity of "
            f"{low:.2f} is possible; a goal that is reached here means little."
        )
    elif positive < 5 * FEW_STUDIES:
        yield (
            f"{_studies(positive)} with hemorrhage: every sensitivity is uncertain by several "
            "points; see its interval."
        )
    unread = figure_at(figures, ("unread",))
    if isinstance(unread, dict) and (unread["refused"] or unread["failed"]):
        left_out = _number(figures, "studies") or 0
        left_out -= _number(figures, "assessed") or 0
        yield (
            f"{_studies(left_out)} not assessed and in no figure, "
            f"{unread['positive']} of them with hemorrhage."
        )


def _goals(figures: Figures) -> Iterator[str]:
    for row in goal_table(figures):
        if isinstance(row, dict) and row["reached"] is False:
            yield (
                f"Goal not reached: {row['goal']} is {row['value']:.3f}, "
                f"to be {row['relation']} {row['target']:.2f}."
            )
        if isinstance(row, dict) and row["reached"] is None:
            yield f"Goal not measured on this source: {row['goal']}."


def _decisions(figures: Figures) -> Iterator[str]:
    levels = figure_at(figures, ("levels",))
    if not isinstance(levels, dict):
        return
    missed = _number(figures, "levels", "none", "positive") or 0
    if missed:
        yield f"{_studies(missed)} with hemorrhage got the level «none»."
    alarms = [
        _number(figures, "levels", level, "negative") or 0 for level in ("critical", "suspected")
    ]
    if sum(alarms):
        yield (
            f"{_studies(sum(alarms))} without hemorrhage flagged, {alarms[0]:.0f} of them as critical."
        )
    small = _number(figures, "by_volume", "small", "indeterminate", "share")
    if small is not None and small < POOR_SHARE:
        count = figure_at(figures, ("by_volume", "small", "indeterminate", "count"))
        yield f"Of bleeds below 5 ml only {count} reached any level above «none»."


def _kinds(figures: Figures) -> Iterator[str]:
    for kind in KINDS:
        studies = _number(figures, "kinds", kind.value, "positive_studies") or 0
        if studies < FEW_STUDIES:
            yield f"{kind.value}: {_studies(studies)} {'has' if studies == 1 else 'have'} it; its figures are an anecdote."
        found = _number(figures, "kinds", kind.value, "named", "sensitivity")
        if found is not None and found < POOR_SHARE:
            count = figure_at(figures, ("kinds", kind.value, "named", "sensitivity_count"))
            yield f"{kind.value} is named in {count} of the studies that have it."
        row = figure_at(figures, ("kind_confusion_ml", kind.value))
        yield from _confusion(kind.value, row if isinstance(row, dict) else {})


def _confusion(kind: str, row: Figures) -> Iterator[str]:
    amounts = {name: ml for name, ml in row.items() if isinstance(ml, float | int)}
    outlined = {name: ml for name, ml in amounts.items() if name != "not_outlined"}
    if not outlined or max(outlined.values()) <= 0:
        return
    most = max(outlined, key=lambda name: outlined[name])
    if most != kind:
        yield (
            f"Outlined {kind} is called {most} more often than {kind}: {outlined[most]:.0f} ml of "
            f"{sum(outlined.values()):.0f} ml."
        )


def _outlines(figures: Figures) -> Iterator[str]:
    dice, floor = (
        _number(figures, "mask", "slice_dice"),
        _number(figures, "floors", "hu_threshold_slice_dice"),
    )
    if dice is not None and floor is not None and dice <= floor:
        yield "The outline is no better than a threshold of density inside the skull."
    found = _number(figures, "lesions", "found", "share")
    if found is not None and found < POOR_SHARE:
        count = figure_at(figures, ("lesions", "found", "count"))
        yield f"Of true lesions of 0.5 ml or more the outline touches {count}."
    limits = figure_at(figures, ("volume", "limits_ml"))
    if isinstance(limits, list) and all(isinstance(edge, float) for edge in limits):
        yield f"A volume may be off by {limits[0]:.0f} to {limits[1]:+.0f} ml (95 % limits of agreement)."
    if figure_at(figures, ("volume", "spacing_is_assumed")) is True:
        yield "The source gives no pixel spacing: millilitres on it are indicative."


def _rest(figures: Figures) -> Iterator[str]:
    folds = figure_at(figures, ("by_fold",))
    areas = [
        area
        for fold in (folds if isinstance(folds, dict) else {})
        if (area := _number(figures, "by_fold", fold, "study_auc")) is not None
    ]
    if len(areas) > 1 and max(areas) - min(areas) > WIDE_SPREAD:
        yield f"Between the folds the study AUC runs from {min(areas):.3f} to {max(areas):.3f}."
    floor, area = (
        _number(figures, "floors", "imagenet_probe_study_auc"),
        _number(figures, "study_any", "auc"),
    )
    if floor is not None and area is not None and area <= floor:
        yield "The study AUC does not clear a linear probe on ImageNet features: a demonstrator."


def _studies(count: float) -> str:
    return "1 study" if count == 1 else f"{count:.0f} studies"


def _number(figures: Figures, *path: str) -> float | None:
    value = figure_at(figures, path)
    return float(value) if isinstance(value, float | int) and not isinstance(value, bool) else None
