"""Few networks read every slice; all of them read only slices on which those see something.

Most slices of a head CT hold nothing that any network would look at twice, and a worker's
processor would spend most of its time on them. A slice is dismissed only where the first
networks, averaged, see little: neither by the classifier nor anywhere in the outline. It then keeps what they said (docs/decisions/0014-pairs-and-cascade.md).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import expit


class Said(NamedTuple):
    """What each of M networks says of S slices.

    Attributes
    ----------
    kinds
        (M, S, K) float32 log-odds of the slice.
    masks
        (M, S, h, w) float32 log-odds of blood, at the encoder's resolution.
    maps
        (M, S, K, h', w') float32, summing to 1 over K.
    """

    kinds: NDArray[np.float32]
    masks: NDArray[np.float32]
    maps: NDArray[np.float32]


class Cascade(BaseModel):
    """When a slice is dismissed.

    Attributes
    ----------
    screeners
        The first so many members read every slice.
    least_any
        Below this probability of any hemorrhage, by the classifiers …
    least_pixel
        … and with every pixel below this probability of blood, a slice is dismissed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    screeners: int = Field(ge=1)
    least_any: float
    least_pixel: float

    def reads_on(self, said: Said) -> NDArray[np.intp]:
        """Return which of the slices the other networks read, too."""
        kinds, masks = said.kinds.mean(axis=0), said.masks.mean(axis=0)
        some = 1 - np.prod(1 - expit(kinds), axis=1)
        strongest = expit(masks.reshape(len(masks), -1).max(axis=1))
        return np.flatnonzero((some >= self.least_any) | (strongest >= self.least_pixel))


def read_in_stages(
    read: Callable[[slice, NDArray[np.intp]], Said], members: int, slices: int, rule: Cascade | None
) -> Said:
    """Read slices with every network that has to.

    Parameters
    ----------
    read
        Of some members and the indices of some slices, rising: what those say of these.
    members, slices
        How many there are.
    rule
        None: every network reads every slice.

    Returns
    -------
    Said
        Of all members. One that did not read a slice is given the mean of those that did, so
        that the mean over all is theirs.
    """
    everything = np.arange(slices)
    if rule is None or rule.screeners >= members:
        return read(slice(members), everything)
    first = read(slice(rule.screeners), everything)
    on = rule.reads_on(first)
    rest = read(slice(rule.screeners, members), on) if len(on) else None
    return Said(
        *(
            _of_all(part, None if rest is None else rest[index], on, members)
            for index, part in enumerate(first)
        )
    )


def _of_all(
    first: NDArray[np.float32], rest: NDArray[np.float32] | None, on: NDArray[np.intp], members: int
) -> NDArray[np.float32]:
    """Put together what the first networks say of all slices, and the rest of some."""
    said = np.empty((members, *first.shape[1:]), first.dtype)
    said[: len(first)] = first
    said[len(first) :] = first.mean(axis=0)
    if rest is not None:
        said[len(first) :, on] = rest
    return said
