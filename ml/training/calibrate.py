"""Fit the rules of every member and of the ensemble, each on patients that it is not judged on."""

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from ml.bundle import CalibrationRule, MaskRule, OperatingRule, Rules
from ml.training.evidence import LEAST_ML, MASK_THRESHOLDS, PatientEvidence
from ml.training.scorebook import RULE, Scorebook, fit_scorebook

ENSEMBLE: Final = "ensemble"
# A flagged study that points nowhere helps nobody: of one without a lesion of the least volume the
# greatest is kept that is as large as the smallest bleeds that are reported, 6 mm across.
LEAST_ALONE_ML: Final = 0.1


class FittedRules(BaseModel):
    """What ``calibrate`` found.

    Attributes
    ----------
    members
        By fold: fitted on the out-of-fold predictions of the other folds, for the member that never saw
        this one.
    ensemble
        Fitted on all of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    members: dict[int, Rules]
    ensemble: Rules


def calibrate(patients: list[PatientEvidence], name: str) -> FittedRules:
    """Fit all rules.

    Parameters
    ----------
    patients
        Out-of-fold evidence of at least two folds.
    name
        Of the bundle; the rules' ids begin with it.
    """
    folds = sorted({one.fold for one in patients})
    books = {fold: fit_scorebook([one for one in patients if one.fold != fold]) for fold in folds}
    return FittedRules(
        members={fold: _rules(book, f"{name}-without-fold-{fold}") for fold, book in books.items()},
        ensemble=_rules(fit_scorebook(patients), f"{name}-{ENSEMBLE}"),
    )


def write_rules(rules: FittedRules, path: Path) -> None:
    """Write the rules as JSON."""
    path.write_text(rules.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_rules(path: Path) -> FittedRules:
    """Read what ``write_rules`` wrote."""
    return FittedRules.model_validate_json(path.read_bytes())


def _rules(book: Scorebook, name: str) -> Rules:
    return Rules(
        mask=MaskRule(
            threshold=MASK_THRESHOLDS[book.mask_index],
            least_ml=LEAST_ML,
            least_alone_ml=LEAST_ALONE_ML,
            border=book.border,
        ),
        calibration=CalibrationRule(
            id=f"{name}-oof",
            any=book.any_curve,
            kinds=book.kind_curves,
            slice_any=book.slice_curve,
            slice_kinds=book.slice_kind_curves,
        ),
        operating=OperatingRule(id=f"{name}-op1", points=book.points, rule=RULE),
    )
