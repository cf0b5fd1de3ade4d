"""What the fitted naming gets right, each fold by a rule of the others: compartment, kind, kinds of a study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.bundle import NamingRule, Rules
from ml.evaluation.estimates import Bootstrap, Figures, rate
from ml.training.naming.fit import fit_naming, named_kinds
from ml.training.naming.studies import SeenStudy
from ml.training.placing.batches import COMPARTMENT_OF_KIND
from ml.training.placing.figures import broad_compartment
from preread.terms import KINDS, Compartment

_COMPARTMENT: Final = tuple(tuple(Compartment)[number] for number in COMPARTMENT_OF_KIND)
_BROAD: Final = tuple(broad_compartment(one) for one in _COMPARTMENT)
# By the detector alone.
WITHOUT_PLACES: Final = {"place_power": 0.0, "deep_place_power": 0.0, "contact_power": 0.0}


@dataclass(frozen=True)
class Verdict:
    """What was said of one lesion of one kind."""

    patient: str
    kind: int
    said: NDArray[np.float64]
    by_detector: NDArray[np.float64]


def naming_figures(
    studies: Sequence[SeenStudy], rules: Mapping[int, Rules], bootstrap: Bootstrap
) -> Figures:
    """Return the figures, nested: each study by a rule fitted without its fold.

    Parameters
    ----------
    studies
        Of several folds.
    rules
        By fold, of the member that never saw it.
    bootstrap
        For intervals by patient.
    """
    fitted = {
        fold: fit_naming([one for one in studies if one.fold != fold], rules[fold])
        for fold in sorted({one.fold for one in studies})
    }
    verdicts = [found for one in studies for found in _verdicts(one, fitted[one.fold])]
    exact = [
        np.array_equal(named_kinds(one, rules[one.fold], fitted[one.fold]), one.kinds)
        for one in studies
    ]
    return {
        "lesions": len(verdicts),
        "patients": len({one.patient for one in verdicts}),
        "compartment": _right(verdicts, [one.said for one in verdicts], _BROAD, bootstrap),
        "compartment_by_detector": _right(
            verdicts, [one.by_detector for one in verdicts], _BROAD, bootstrap
        ),
        "compartment_of_four": _right(
            verdicts, [one.said for one in verdicts], _COMPARTMENT, bootstrap
        ),
        "kind": _right(verdicts, [one.said for one in verdicts], KINDS, bootstrap),
        "studies": len(studies),
        "exact_kinds": rate([one.patient for one in studies], exact, bootstrap),
    }


def _verdicts(one: SeenStudy, naming: NamingRule) -> list[Verdict]:
    alone = naming.model_copy(update=WITHOUT_PLACES)
    return [
        Verdict(
            one.patient,
            seen.kind,
            seen.evidence.scores(naming).mean(axis=0),
            seen.evidence.scores(alone).mean(axis=0),
        )
        for seen in one.true
        if seen.kind is not None
    ]


def _right(
    verdicts: Sequence[Verdict],
    said: Sequence[NDArray[np.float64]],
    group_of: Sequence[str],
    bootstrap: Bootstrap,
) -> Figures:
    """Return how often the group with the most for it is that of the true kind."""
    groups = tuple(dict.fromkeys(group_of))
    members = np.array([[group == own for own in group_of] for group in groups], np.float64)
    right = [
        groups[int((members @ scores).argmax())] == group_of[one.kind]
        for one, scores in zip(verdicts, said, strict=True)
    ]
    return rate([one.patient for one in verdicts], right, bootstrap)
