"""The outline of a pre-read beside the true one: voxels, lesions and types in common."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.agreement import TOUCH_SHARE, LesionMatch
from ml.assessment import Assessment
from ml.evaluation.results import Overlap, SaidLesion, SliceCounts, TrueLesion
from ml.labeled import BLOOD_OF_UNKNOWN_KIND, NO_BLOOD
from ml.lesions import Lesion, find_lesions
from preread.dicom.volume import Volume
from preread.terms import KINDS


@dataclass(frozen=True)
class SharedBlood:
    """What T true lesions and L outlined ones have in common.

    Attributes
    ----------
    true, said
        Both greatest first.
    shared_ml
        (T, L).
    kind_ml
        (K, L + 1) of the blood of known type in each outlined lesion; last, in none.
    """

    true: tuple[Lesion, ...]
    said: tuple[Lesion, ...]
    shared_ml: NDArray[np.float64]
    kind_ml: NDArray[np.float64]

    def matches(self) -> tuple[tuple[LesionMatch, ...], tuple[LesionMatch, ...]]:
        """Return the lesions as ``ml.agreement`` compares them: true, said."""
        return (
            _matches(self.true, self.shared_ml.sum(axis=1)),
            _matches(self.said, self.shared_ml.sum(axis=0)),
        )


def share_blood(source: Volume, mask: NDArray[np.uint8], outline: NDArray[np.bool_]) -> SharedBlood:
    """Find the lesions of both sides and what they share.

    Parameters
    ----------
    source
        In radiological orientation.
    mask
        (S, R, C) on its grid, as in ``ml.labeled``.
    outline
        (S, R, C) of the assessment.
    """
    true = find_lesions(mask != NO_BLOOD, source.hu, source.voxel_ml, least_ml=0.0)
    said = find_lesions(outline, source.hu, source.voxel_ml, least_ml=0.0)
    owner = np.full(outline.shape, len(said), np.int32)
    for number, lesion in enumerate(said):
        owner[tuple(lesion.voxels.T)] = number
    columns = len(said) + 1
    shared = np.zeros((len(true), columns))
    kinds = np.zeros((BLOOD_OF_UNKNOWN_KIND + 1, columns))
    for number, lesion in enumerate(true):
        places = tuple(lesion.voxels.T)
        weights = source.voxel_ml[lesion.voxels[:, 0]]
        shared[number] = np.bincount(owner[places], weights, minlength=columns)
        np.add.at(kinds, (mask[places], owner[places]), weights)
    return SharedBlood(true, said, shared[:, :-1], kinds[1 : 1 + len(KINDS)])


def compare_outlines(
    blood: SharedBlood,
    assessment: Assessment,
    mask: NDArray[np.uint8],
    floor: NDArray[np.bool_],
) -> Overlap:
    """Count what the outline has of the blood.

    Parameters
    ----------
    blood
        Of the same study.
    assessment
        Its lesions are those of ``blood.said``, in the same order.
    mask, floor
        (S, R, C) the truth, and what the HU floor calls blood.

    Raises
    ------
    ValueError
        If the assessment has other lesions than its mask.
    """
    scores = assessment.slice_any
    lesion_scores = np.array([scores[one.slices.peak] for one in blood.said], np.float64)
    truth = mask != NO_BLOOD
    shared = assessment.mask & truth
    return Overlap(
        slices=_per_slice(truth, assessment.mask, floor),
        outlined=int(np.count_nonzero(assessment.mask)),
        blood=int(np.count_nonzero(truth)),
        shared=int(np.count_nonzero(shared)),
        true_lesions=_true_lesions(blood, lesion_scores),
        said_lesions=tuple(
            SaidLesion(
                volume_ml=round(match.volume_ml, 3), score=round(float(score), 4), hit=match.touches
            )
            for match, score in zip(blood.matches()[1], lesion_scores, strict=True)
        ),
        kind_ml=_kind_table(blood, assessment),
    )


def _matches(lesions: Sequence[Lesion], shared_ml: NDArray[np.float64]) -> tuple[LesionMatch, ...]:
    return tuple(
        LesionMatch(lesion.volume_ml, float(ml))
        for lesion, ml in zip(lesions, shared_ml, strict=True)
    )


def _true_lesions(blood: SharedBlood, lesion_scores: NDArray[np.float64]) -> tuple[TrueLesion, ...]:
    found = []
    for lesion, shared_ml in zip(blood.true, blood.shared_ml, strict=True):
        touching = lesion_scores[shared_ml >= TOUCH_SHARE * lesion.volume_ml]
        score = round(float(touching.max()), 4) if len(touching) else None
        found.append(TrueLesion(volume_ml=round(lesion.volume_ml, 3), score=score))
    return tuple(found)


def _per_slice(
    truth: NDArray[np.bool_], outline: NDArray[np.bool_], floor: NDArray[np.bool_]
) -> tuple[SliceCounts, ...]:
    return tuple(
        SliceCounts(
            slice=int(number),
            blood=int(np.count_nonzero(truth[number])),
            outlined=int(np.count_nonzero(outline[number])),
            shared=int(np.count_nonzero(outline[number] & truth[number])),
            floor=int(np.count_nonzero(floor[number])),
            floor_shared=int(np.count_nonzero(floor[number] & truth[number])),
        )
        for number in np.flatnonzero(truth.any(axis=(1, 2)))
    )


def _kind_table(blood: SharedBlood, assessment: Assessment) -> tuple[tuple[float, ...], ...]:
    """Split the blood in each outlined lesion by the lesion's shares of types."""
    if len(assessment.lesions) != len(blood.said):
        raise ValueError("the lesions of the assessment are not those of its mask")
    shares = np.zeros((len(blood.said) + 1, len(KINDS) + 1))
    shares[-1, -1] = 1.0
    for number, lesion in enumerate(assessment.lesions):
        for kind, share in zip(lesion.kinds, lesion.kind_shares, strict=True):
            shares[number, KINDS.index(kind)] = share
    table = blood.kind_ml @ shares
    return tuple(tuple(round(float(ml), 3) for ml in row) for row in table)
