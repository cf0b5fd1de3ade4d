"""What labels say, and what follows from them: of slices for slabs and studies, of masks for slices."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.labeled import ABSENT, BLOOD_OF_UNKNOWN_KIND, NO_BLOOD, PRESENT, UNKNOWN
from preread.errors import UnreadableStudy
from preread.terms import KINDS


@dataclass(frozen=True)
class Labels:
    """Labels of one or more things, none of which contradicts itself.

    Attributes
    ----------
    any
        (…) int8 of ``ABSENT``, ``PRESENT``, ``UNKNOWN``: any hemorrhage.
    kinds
        (…, K) int8, the same for each of ``KINDS``.
    """

    any: NDArray[np.int8]
    kinds: NDArray[np.int8]

    def over(self) -> "Labels":
        """Return what follows for the whole of the parts along the first axis."""
        return settle(strongest(self.any), strongest(self.kinds))


def strongest(labels: NDArray[np.int8]) -> NDArray[np.int8]:
    """Reduce the first axis: present if anything is, else unknown if anything is.

    Examples
    --------
    >>> strongest(np.array([[0, 0, 1], [0, -1, -1]], np.int8)).tolist()
    [0, -1, 1]
    """
    unknown = np.where((labels == UNKNOWN).any(axis=0), UNKNOWN, ABSENT)
    return np.where((labels == PRESENT).any(axis=0), PRESENT, unknown).astype(np.int8)


def settle(any_label: NDArray[np.int8], kinds: NDArray[np.int8]) -> Labels:
    """Add what labels imply: a kind is a hemorrhage, and no hemorrhage is none of any kind.

    Parameters
    ----------
    any_label
        (…) of any hemorrhage.
    kinds
        (…, K).

    Returns
    -------
    Labels
        A hemorrhage of none of the kinds has kinds that are unknown: the five are all there are.

    Raises
    ------
    UnreadableStudy
        If a kind is present where no hemorrhage is.

    Examples
    --------
    >>> settle(np.int8([-1, 0]), np.int8([[0, 1, -1, 0, 0], [-1, -1, -1, -1, -1]])).any.tolist()
    [1, 0]
    """
    some = (kinds == PRESENT).any(axis=-1)
    none = (kinds == ABSENT).all(axis=-1)
    if (some & (any_label == ABSENT)).any():
        raise UnreadableStudy("a kind of hemorrhage is labeled where no hemorrhage is")
    settled = np.where(some, PRESENT, np.where(none & (any_label == UNKNOWN), ABSENT, any_label))
    free = (settled == ABSENT)[..., None]
    doubtful = (none & (any_label == PRESENT))[..., None]
    all_kinds = np.where(free, ABSENT, np.where(doubtful, UNKNOWN, kinds))
    return Labels(settled.astype(np.int8), all_kinds.astype(np.int8))


def unknown_slices(count: int) -> Labels:
    """Return the labels of slices of which nothing is said."""
    return Labels(np.full(count, UNKNOWN, np.int8), np.full((count, len(KINDS)), UNKNOWN, np.int8))


def labels_of_mask(mask: NDArray[np.uint8]) -> Labels:
    """Label slices by what is outlined on them.

    Parameters
    ----------
    mask
        (S, R, C) as in :class:`ml.labeled.LabeledStudy`.

    Returns
    -------
    Labels
        Of (S,) slices. Where blood of unknown kind lies, kinds that are not outlined are unknown.
    """
    plane = (1, 2)
    kinds = np.stack([(mask == 1 + k).any(axis=plane) for k in range(len(KINDS))], axis=1)
    doubtful = (mask == BLOOD_OF_UNKNOWN_KIND).any(axis=plane)[:, None]
    labels = np.where(kinds, PRESENT, np.where(doubtful, UNKNOWN, ABSENT)).astype(np.int8)
    return Labels((mask != NO_BLOOD).any(axis=plane).astype(np.int8), labels)
