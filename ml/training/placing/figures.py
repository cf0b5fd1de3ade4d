"""How well places are named, out of fold: side, lobe, compartment, and how probable is how true."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from ml.evaluation.estimates import Bootstrap, Figures, rate, rounded
from ml.places.naming import LEAST_SHARE, log_odds_of
from ml.places.pose import STRAIGHT
from ml.places.reader import TorchPlaceReader
from ml.scoring import Calibration
from ml.training.placing.heads import LabeledHead
from ml.training.placing.lesions import ReadLesion, coarse_shares
from ml.training.placing.poses import error_mm
from preread.regions import FINE_REGIONS, REGION
from preread.terms import Compartment, Laterality

OPPOSITE: Final = frozenset({Laterality.LEFT, Laterality.RIGHT})
BROAD: Final = (Compartment.PARENCHYMAL, Compartment.VENTRICULAR, Compartment.EXTRA_AXIAL)
# The largest group of regions leads by so much of the volume: else the truth itself is a close call.
CLEAR: Final = 0.2
# Of the fit of a curve: how much a steep slope costs.
PENALTY: Final = 1e-3


def figures_of(lesions: Sequence[ReadLesion], bootstrap: Bootstrap) -> Figures:
    """Return the figures of some lesions, each with its 95 % interval by patient."""
    return {
        "lesions": len(lesions),
        "patients": len({one.patient for one in lesions}),
        "side": _rate(lesions, lambda one: one.said_side is one.true_side, bootstrap),
        "side_opposite": _rate(
            lesions, lambda one: {one.said_side, one.true_side} == OPPOSITE, bootstrap
        ),
        "lobe_top1": _rate(lesions, lambda one: _rank(one) < 1, bootstrap),
        "lobe_top2": _rate(lesions, lambda one: _rank(one) < 2, bootstrap),  # noqa: PLR2004
        "lobe_clear": _rate(
            [one for one in lesions if _lead(one) >= CLEAR], lambda one: _rank(one) < 1, bootstrap
        ),
        "region_top1": _rate(
            lesions, lambda one: one.said_shares.argmax() == one.true_shares.argmax(), bootstrap
        ),
        "share_error": _mean(lesions, _share_error, bootstrap),
        "compartment": _rate(
            lesions,
            lambda one: _most_likely(one) is broad_compartment(one.compartment),
            bootstrap,
        ),
        "compartment_of_four": _rate(
            lesions,
            lambda one: tuple(Compartment)[one.said_compartments.argmax()] is one.compartment,
            bootstrap,
        ),
    }


def pose_figures(
    heads: Sequence[LabeledHead], readers: Mapping[int, TorchPlaceReader], bootstrap: Bootstrap
) -> Figures:
    """Return by how many mm points of the brain are misplaced along the axes of a head, and by its pose.

    Parameters
    ----------
    heads
        Those of unknown pose are left out.
    readers
        By fold, each with the network that never saw it.
    """
    known = [(one, one.pose) for one in heads if one.pose is not None]
    owners = [one.patient for one, _ in known]
    straight = np.array(STRAIGHT)
    by_axes = [error_mm(straight, pose) for _, pose in known]
    by_pose = [
        error_mm(readers[one.fold].poses(one.head)[0].astype(np.float64), pose)
        for one, pose in known
    ]
    return {
        "heads": len(known),
        "by_axes_mm": _of(owners, np.array(by_axes), bootstrap),
        "by_pose_mm": _of(owners, np.array(by_pose), bootstrap),
    }


def broad_compartment(one: Compartment) -> Compartment:
    """Return the compartment as radiologists count three: all outside the brain is extra-axial.

    Examples
    --------
    >>> broad_compartment(Compartment.SUBARACHNOID).value
    'extra_axial'
    """
    return Compartment.EXTRA_AXIAL if one is Compartment.SUBARACHNOID else one


def fit_calibration(lesions: Sequence[ReadLesion]) -> Calibration:
    """Fit the curve from a region's share to whether it holds a tenth of the lesion."""
    odds, present = _presence(lesions)

    def loss(parameters: NDArray[np.float64]) -> float:
        said = parameters[0] + np.exp(parameters[1]) * odds
        return float(np.mean(np.logaddexp(0, said) - present * said) + PENALTY * parameters[1] ** 2)

    found = minimize(loss, np.array([0.0, 0.0]), method="Nelder-Mead").x
    return Calibration(round(float(found[0]), 4), (round(float(np.exp(found[1])), 4),))


def told(
    lesions: Sequence[ReadLesion], calibration: Calibration
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the probabilities of the regions that are named, and whether each is a place."""
    odds, present = _presence(lesions)
    named = 1 / (1 + np.exp(-odds)) >= LEAST_SHARE
    return calibration.probabilities(odds[named, None]), present[named] > 0


def _presence(lesions: Sequence[ReadLesion]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return log-odds of the share said, and whether the region is a place, of possible ones."""
    spaces = np.array([REGION[region].compartment.value for region in FINE_REGIONS])
    odds, present = [], []
    for one in lesions:
        possible = spaces == one.compartment.value
        odds.append(log_odds_of(one.said_shares[possible]))
        present.append(one.true_shares[possible] >= LEAST_SHARE)
    return np.concatenate(odds), np.concatenate(present).astype(np.float64)


def _most_likely(one: ReadLesion) -> Compartment:
    """Return the one of three compartments that most speaks for."""
    said = dict.fromkeys(BROAD, 0.0)
    for compartment, share in zip(Compartment, one.said_compartments, strict=True):
        said[broad_compartment(compartment)] += float(share)
    return max(BROAD, key=lambda one: said[one])


def _rank(one: ReadLesion) -> int:
    """Return how many groups are said to hold more of the lesion than the one that does."""
    said = coarse_shares(one.said_shares)
    truth = int(coarse_shares(one.true_shares).argmax())
    return int((said > said[truth]).sum())


def _lead(one: ReadLesion) -> float:
    """Return by how much of the volume the largest group leads in the truth."""
    second, first = np.sort(coarse_shares(one.true_shares))[-2:]
    return float(first - second)


def _share_error(one: ReadLesion) -> float:
    """Return the share of the volume that is in another group than said."""
    return float(np.abs(coarse_shares(one.said_shares) - coarse_shares(one.true_shares)).sum() / 2)


def _rate(
    lesions: Sequence[ReadLesion], is_true: Callable[[ReadLesion], bool], bootstrap: Bootstrap
) -> Figures:
    return rate(
        [one.patient for one in lesions], [bool(is_true(one)) for one in lesions], bootstrap
    )


def _mean(
    lesions: Sequence[ReadLesion], value: Callable[[ReadLesion], float], bootstrap: Bootstrap
) -> Figures:
    owners = [one.patient for one in lesions]
    return _of(owners, np.array([value(one) for one in lesions], np.float64), bootstrap)


def _of(owners: Sequence[str], values: NDArray[np.float64], bootstrap: Bootstrap) -> Figures:
    if len(values) == 0:
        return {"value": None, "interval": None}
    interval = bootstrap.interval(lambda rows: float(values[rows].mean()), owners)
    return {"value": rounded(float(values.mean())), "interval": interval}
