"""How far engines lie apart that read the same slices; in the same number format they must agree."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.prediction import Prediction, Predictor


class Differences(NamedTuple):
    """Greatest distances of two predictions' probabilities: of a type's, and of a pixel's."""

    kind: float
    mask: float


def check_engines(
    engines: Mapping[str, Predictor],
    slices: NDArray[np.float32],
    *,
    wanted: str,
    exact: str,
    most: Differences,
) -> str:
    """Say how far each engine lies from one of them.

    Parameters
    ----------
    engines
        By name.
    slices
        (S, size, size) float32 HU, feet to head.
    wanted
        The one from which all others are measured.
    exact
        One that must not lie further from it than ``most``; it may be absent.
    most
        Nothing may lie as far without saying something else.

    Raises
    ------
    ValueError
        If ``exact`` says something else.
    """
    said = engines[wanted].predict(slices)
    far = {
        name: differences(engine.predict(slices), said)
        for name, engine in engines.items()
        if name != wanted
    }
    apart = far.get(exact, Differences(0.0, 0.0))
    if apart.kind > most.kind or apart.mask > most.mask:
        message = f"{exact} says something else than {wanted}: {apart}"
        raise ValueError(message)
    told = "; ".join(f"{name} {apart.kind:.1e}, {apart.mask:.1e}" for name, apart in far.items())
    what = "any type's and any pixel's probability"
    return f"greatest difference of {what} from {wanted}: {told or 'none'}"


def differences(one: Prediction, other: Prediction) -> Differences:
    """Return how far two predictions of the same slices lie apart."""
    return Differences(
        float(np.abs(one.kind_probabilities - other.kind_probabilities).max()),
        float(np.abs(one.mask_probabilities - other.mask_probabilities).max()),
    )
