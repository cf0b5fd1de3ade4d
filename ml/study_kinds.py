"""The kinds of a study: how probable each is, and which are named."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.assessment import KindProbability
from ml.bundle import CalibrationRule, Rules
from ml.evidence import log_odds, study_features
from ml.head_context import HeadContext
from ml.lesion_kinds import LAYERS, ScoredLesion, type_lesions
from ml.scoring import Calibration
from preread.terms import KINDS, Level

# Less than a tenth of what is outlined is no type of its own: specks beside a large bleed.
LEAST_STUDY_SHARE: Final = 0.1
# Shares beyond these speak no more for or against a kind.
SHARES: Final = (0.005, 0.995)
# A kind is named that is rather there than not.
NAMED: Final = 0.5
# If less than this of what is outlined speaks for any named kind, what is outlined is something else.
LEAST_NAMED_SHARE: Final = 0.3


def rate_kinds(
    head: HeadContext,
    scored: Sequence[ScoredLesion],
    level: Level,
    probability: float,
    rules: Rules,
) -> tuple[KindProbability, ...]:
    """Rate each kind over the study.

    In a study that is not «none» a kind is present that is rather there than not by the naming
    curve, which weighs its probability and its share of what is outlined. Without a curve it is
    one that reaches its threshold, or is a tenth of what is outlined. If neither holds for any
    kind, the most probable one is named, because a bleed has a kind.

    Their curves are fitted apart from that of any bleed, of which there are more; as a kind is a
    bleed, none is told to be more probable than ``probability``, that of any. What is present is
    decided before.
    """
    probabilities = kind_probabilities(head, rules.calibration)
    thresholds = rules.operating.points.kinds
    named = np.zeros(len(KINDS), np.bool_)
    if level is not Level.NONE:
        curve = rules.naming.named
        if curve is None:
            named = (probabilities >= thresholds) | (
                _typed_shares(head, scored) >= LEAST_STUDY_SHARE
            )
            named |= ~named.any() & (probabilities == probabilities.max())
        else:
            named = name_kinds(curve, probabilities, scored_shares(head, scored))
    return tuple(
        KindProbability(
            kind,
            min(float(probabilities[index]), probability),
            thresholds[index],
            bool(named[index]),
        )
        for index, kind in enumerate(KINDS)
    )


def kind_probabilities(head: HeadContext, calibration: CalibrationRule) -> NDArray[np.float64]:
    """Return (K,) the calibrated probability of each kind in the study."""
    curves = zip(calibration.kinds, calibration.slice_kinds, strict=True)
    return np.array(
        [
            curve.probability(study_features(head.evidence.kind_features(index), slice_curve))
            for index, (curve, slice_curve) in enumerate(curves)
        ]
    )


def scored_shares(head: HeadContext, scored: Sequence[ScoredLesion]) -> NDArray[np.float64] | None:
    """Return (K,) how much of the outlined blood speaks for each kind; None without any."""
    if not scored:
        return None
    volumes = np.zeros(len(KINDS))
    for one in scored:
        volumes += head.voxel_ml[one.lesion.voxels[:, 0]] @ one.scores
    shares: NDArray[np.float64] = volumes / volumes.sum()
    return shares


def name_kinds(
    curve: Calibration,
    probabilities: NDArray[np.float64],
    shares: NDArray[np.float64] | None,
) -> NDArray[np.bool_]:
    """Return (K,) the kinds that a study is said to have.

    Slices may speak for one kind and the place of all that is outlined for another: a sheet of
    blood along the falx is no clot of the brain. Then the outlined blood decides, since a finding shows it.
    Above and below the dura are one place.

    Parameters
    ----------
    curve
        Of the naming rule.
    probabilities
        (K,) of the study.
    shares
        (K,) of the outlined blood, or None without any.

    Examples
    --------
    >>> curve = Calibration(0.0, (1.0, 0.1))
    >>> likely = np.array([0.6, 0.2, 0.1, 0.1, 0.1])
    >>> name_kinds(curve, likely, np.array([0.4, 0.4, 0.1, 0.1, 0.0])).tolist()
    [True, False, False, False, False]
    >>> name_kinds(curve, likely, np.array([0.2, 0.6, 0.1, 0.1, 0.0])).tolist()
    [False, True, False, False, False]
    """
    named = named_by(curve, naming_features(probabilities, shares))
    if shares is None:
        return named
    there = shares.copy()
    there[list(LAYERS)] = shares[list(LAYERS)].sum()
    if there[named].max() >= min(LEAST_NAMED_SHARE, shares.max()):
        return named
    outlined: NDArray[np.bool_] = shares == shares.max()
    return outlined


def naming_features(
    probabilities: NDArray[np.float64], shares: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Return (K, 2) what a naming curve takes of each kind.

    Without an outline the probabilities stand in for the shares.
    """
    if shares is None:
        shares = probabilities / probabilities.sum()
    return np.stack([log_odds(probabilities), log_odds(np.clip(shares, *SHARES))], axis=1)


def named_by(curve: Calibration, features: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return (K,) the kinds that a curve names, at least the one that it finds most probable.

    Examples
    --------
    >>> features = np.array([[2.0, 1.0], [-1.0, -2.0], [-3.0, -4.0], [-3.0, -4.0], [-1.0, 3.0]])
    >>> named_by(Calibration(0.0, (1.0, 0.5)), features).tolist()
    [True, False, False, False, True]
    >>> named_by(Calibration(-9.0, (1.0, 0.5)), features).tolist()
    [True, False, False, False, False]
    """
    likely = curve.probabilities(features)
    named: NDArray[np.bool_] = (likely >= NAMED) | (likely == likely.max())
    return named


def _typed_shares(head: HeadContext, scored: Sequence[ScoredLesion]) -> NDArray[np.float64]:
    """Return (K,): how much of the outlined volume is typed as each; 0 where nothing is outlined."""
    volumes = np.zeros(len(KINDS))
    for one in type_lesions(head, scored):
        weights = head.voxel_ml[one.lesion.voxels[:, 0]]
        volumes += np.bincount(one.voxel_kinds, weights, minlength=len(KINDS))
    return volumes / max(float(volumes.sum()), 1e-9)
