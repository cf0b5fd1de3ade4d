"""How fast which weights learn, and when."""

import math
from collections.abc import Iterator
from typing import Final

from ml.network import SliceReader
from ml.training.config import TrainingConfig

# The rate begins at a tenth and, unless told otherwise, ends at a fiftieth of itself.
FIRST: Final = 0.1
LAST: Final = 0.02


def schedule(
    share: float, warm_up: float, *, falls_from: float | None = None, last: float = LAST
) -> float:
    """Return what part of its full rate a weight learns at: a straight rise, then half a cosine.

    Parameters
    ----------
    share
        Of the run that is over, 0 to 1.
    warm_up
        Share of the run at which the rise ends.
    falls_from
        Share of the run at which the cosine begins, None for ``warm_up``; what of it lies before
        ``warm_up`` is cut off.
    last
        What is left at the end.

    Examples
    --------
    >>> [round(schedule(share, 0.1), 2) for share in (0.0, 0.1, 1.0)]
    [0.1, 1.0, 0.02]
    >>> [round(schedule(share, 0.05, falls_from=0.0, last=0.0), 2) for share in (0.0, 0.05, 0.5, 1.0)]
    [0.1, 1.0, 0.5, 0.0]
    """
    if share <= warm_up:
        return FIRST + (1 - FIRST) * share / warm_up
    top = warm_up if falls_from is None else falls_from
    fall = 0.5 * (1 + math.cos(math.pi * (share - top) / (1 - top)))
    return last + (1 - last) * fall


def parameter_groups(network: SliceReader, config: TrainingConfig) -> Iterator[dict[str, object]]:
    """Yield groups for an optimizer: encoder and heads, what decays and what does not."""
    encoder = list(network.encoder().parameters())
    known = {id(parameter) for parameter in encoder}
    heads = [parameter for parameter in network.parameters() if id(parameter) not in known]
    for parameters, rate in (
        (encoder, config.optimizer.encoder_rate),
        (heads, config.optimizer.head_rate),
    ):
        decayed = [parameter for parameter in parameters if parameter.ndim > 1]
        plain = [parameter for parameter in parameters if parameter.ndim <= 1]
        yield {"params": decayed, "rate": rate}
        yield {"params": plain, "rate": rate, "weight_decay": 0.0}
