"""A study whose bleeds are known: what every labeled source is read into, to train on or to judge by."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from preread.dicom.volume import Volume
from preread.terms import KINDS

# Values of ``LabeledStudy.mask`` besides 1 + index into ``KINDS``.
NO_BLOOD = 0
BLOOD_OF_UNKNOWN_KIND = 255
# Values of the labels.
ABSENT, PRESENT, UNKNOWN = 0, 1, -1


@dataclass(frozen=True)
class LabeledStudy:
    """One study and the truth about it; S slices of R rows and C columns, K types.

    Attributes
    ----------
    name
        The source's own name of the study; never a patient's name.
    patient
        Whose study it is, in the source's own pseudonym: folds and intervals go by it.
    fold
        The source's own fold, or None where it has none.
    volume
        As read, or as rebuilt, in any orientation.
    slice_any
        (S,) int8 of ``ABSENT``, ``PRESENT``, ``UNKNOWN``: any hemorrhage on the slice.
    slice_kinds
        (S, K) int8, the same for each of ``KINDS``.
    study_any, study_kinds
        The same for the study: a number, and (K,) int8.
    mask
        (S, R, C) uint8 on the grid of ``volume``: ``NO_BLOOD``, 1 + index into ``KINDS``, or
        ``BLOOD_OF_UNKNOWN_KIND``; None where the source outlines nothing.
    spacing_is_assumed
        Whether the source gives no millimetres, so that volumes are indicative.
    """

    name: str
    patient: str
    fold: int | None
    volume: Volume
    slice_any: NDArray[np.int8]
    slice_kinds: NDArray[np.int8]
    study_any: int
    study_kinds: NDArray[np.int8]
    mask: NDArray[np.uint8] | None
    spacing_is_assumed: bool = False

    def __post_init__(self) -> None:
        """Refuse labels that do not fit the volume."""
        count = len(self.volume.hu)
        if self.slice_any.shape != (count,) or self.slice_kinds.shape != (count, len(KINDS)):
            message = f"«{self.name}»: the slice labels do not fit {count} slices"
            raise ValueError(message)
        if self.mask is not None and self.mask.shape != self.volume.hu.shape:
            message = f"«{self.name}»: the mask does not fit the volume"
            raise ValueError(message)
