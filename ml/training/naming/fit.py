"""Fit the naming rule: how much map, slice, place and contact count, and which kinds a study is said to have."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from ml.bundle import NamingRule, Rules
from ml.evaluation.metrics import fit_calibration
from ml.lesion_kinds import ScoredLesion
from ml.study_kinds import kind_probabilities, name_kinds, naming_features, scored_shares
from ml.training.naming.studies import SeenStudy

# Voxels of a lesion that the powers are fitted on: they are all alike.
VOXELS: Final = 400
SEED: Final = 20_260_301
# What a power costs that is far from the start: it keeps a few rare kinds from setting them.
POWER_PENALTY: Final = 0.01
START: Final = 0.5
# As ``fit_calibration`` takes it.
NAMED_RIDGE: Final = 0.3


def fit_naming(studies: Sequence[SeenStudy], rules: Rules) -> NamingRule:
    """Fit the rule to some studies.

    Parameters
    ----------
    studies
        Not those that the rule will be judged on.
    rules
        Whose calibration gives the kinds' probabilities.
    """
    powers = _fit_powers(studies)
    features = [_features(one, rules, powers) for one in studies]
    named = fit_calibration(
        np.concatenate(features), np.concatenate([one.kinds for one in studies]), NAMED_RIDGE
    )
    return powers.model_copy(update={"named": named})


def named_kinds(one: SeenStudy, rules: Rules, naming: NamingRule) -> NDArray[np.bool_]:
    """Return (K,) the kinds that a fitted rule names in a study that is not «none»."""
    if naming.named is None:
        raise ValueError("this rule was not fitted: it names no kinds")
    return name_kinds(naming.named, *_said(one, rules, naming))


def _features(one: SeenStudy, rules: Rules, naming: NamingRule) -> NDArray[np.float64]:
    """Return (K, 2) what a naming curve takes of the kinds of a study."""
    return naming_features(*_said(one, rules, naming))


def _said(
    one: SeenStudy, rules: Rules, naming: NamingRule
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Return (K,) probabilities of the kinds of a study, and shares of what is outlined."""
    scored = [ScoredLesion(seen.lesion, seen.evidence.scores(naming)) for seen in one.outlined]
    return kind_probabilities(one.head, rules.calibration), scored_shares(one.head, scored)


def _fit_powers(studies: Sequence[SeenStudy]) -> NamingRule:
    """Fit the powers to the blood of known kind, outlined truly and by the detector.

    A lesion counts as its root volume. The detector's outlines are what the rule will read, and
    their contact with the skull is not that of the true ones.
    """
    random = np.random.default_rng(SEED)
    stacked, kinds, weights = [], [], []
    for seen in (lesion for one in studies for lesion in (*one.true, *one.outlined)):
        known = np.flatnonzero(seen.kinds > 0)
        if len(known) == 0:
            continue
        drawn = random.choice(known, min(VOXELS, len(known)), replace=False)
        stacked.append(np.stack([term[drawn] for term in seen.evidence]))
        kinds.append(seen.kinds[drawn].astype(np.intp) - 1)
        share = np.sqrt(seen.lesion.volume_ml) * len(known) / len(seen.kinds)
        weights.append(np.full(len(drawn), share / len(drawn)))
    terms, kind, weight = (np.concatenate(part, axis=-2 if part is stacked else 0)
                           for part in (stacked, kinds, weights))  # fmt: skip

    def loss(powers: NDArray[np.float64]) -> float:
        odds = np.tensordot(powers, terms, axes=1)
        odds = odds - odds.max(axis=1, keepdims=True)
        logs = odds - np.log(np.exp(odds).sum(axis=1, keepdims=True))
        fit = -float(np.average(logs[np.arange(len(kind)), kind], weights=weight))
        return fit + POWER_PENALTY * float(((powers - START) ** 2).sum())

    found = minimize(
        loss, np.full(len(terms), START), method="L-BFGS-B", bounds=[(0.0, None)] * len(terms)
    ).x
    on_map, on_slice, by_place, by_deep_place, by_contact = (
        round(float(power), 4) for power in found
    )
    return NamingRule(
        map_power=on_map,
        slice_power=on_slice,
        place_power=by_place,
        deep_place_power=by_deep_place,
        contact_power=by_contact,
    )
