"""What this version set out to reach, and whether it did."""

from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from ml.evaluation.estimates import Figures


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure to reach.

    Attributes
    ----------
    name
        Words for a person.
    path
        Keys of the figure in the report.
    target
        To reach; at most this where ``falls``, else at least.
    falls
        Whether less is better.
    reason
        Why this number.
    """

    name: str
    path: tuple[str, ...]
    target: float
    reason: str
    falls: bool = False

    def reached(self, value: float) -> bool:
        """Whether the figure is good enough."""
        return value <= self.target if self.falls else value >= self.target


GOALS: Final = (
    Goal(
        "any hemorrhage, study AUC",
        ("study_any", "auc"),
        0.95,
        "published systems reach .94 to .99 on larger sets; the first version had .885",
    ),
    Goal(
        "sensitivity at specificity 0.80 or more (point chosen on these studies)",
        ("study_any", "at_specificity_80", "sensitivity"),
        0.92,
        "cleared products report 75 to 96 % in published studies; at this specificity one alarm in "
        "five quiet studies is false",
    ),
    Goal(
        "any hemorrhage, slice AUC",
        ("slice_any", "auc"),
        0.95,
        "key images are chosen by it; the first version had .915",
    ),
    Goal(
        "mean slice AUC of the five types",
        ("mean_kind_slice_auc", "auc"),
        0.93,
        "the first version had .84 to .96, the lowest for subdural blood",
    ),
    Goal(
        "Dice on slices with blood, mean",
        ("mask", "slice_dice"),
        0.60,
        "a U-Net published on CT-ICH has .31, the winner of INSTANCE 2022 .69 on other data",
    ),
    Goal(
        "calibration error of studies",
        ("study_any", "calibration_error"),
        0.06,
        "a probability that is shown must mean one; with 82 studies less cannot be told from chance",
        falls=True,
    ),
    Goal(
        "agreement 4 of positive studies",
        ("agreement", "shares", "4", "share"),
        0.55,
        "radiologists gave it to 48.89 % in the seed's study",
    ),
    Goal(
        "agreement 0 of positive studies",
        ("agreement", "shares", "0", "share"),
        0.10,
        "radiologists gave it to 12.14 % in the seed's study",
        falls=True,
    ),
)


def goal_table(figures: Figures) -> list[JsonValue]:
    """Return each goal with the figure beside it; ``reached`` is null where there is none."""
    rows: list[JsonValue] = []
    for goal in GOALS:
        value = figure_at(figures, goal.path)
        number = float(value) if isinstance(value, float | int) else None
        rows.append(
            {
                "goal": goal.name,
                "relation": "at most" if goal.falls else "at least",
                "target": goal.target,
                "value": number,
                "reached": None if number is None else goal.reached(number),
                "reason": goal.reason,
            }
        )
    return rows


def figure_at(figures: JsonValue, path: tuple[str, ...]) -> JsonValue:
    """Return the figure at a path of keys; None where the path ends early."""
    found = figures
    for key in path:
        if not isinstance(found, dict):
            return None
        found = found.get(key)
    return found
