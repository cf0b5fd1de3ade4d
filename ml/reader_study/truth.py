"""What labels say of the cases of a reading study, where the folder has labels."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.agreement import agreement, compare_places, compare_types, main_types
from ml.evaluation.overlap import share_blood
from ml.evaluation.study import amounts_of, turned
from ml.labeled import PRESENT, UNKNOWN, LabeledStudy
from ml.reader_study.computed import said_types
from ml.sources.choose import read_labeled, recognize
from preread.errors import InvalidSource
from preread.reader_study.cases import StudyFolder
from preread.terms import KINDS, HemorrhageType, Level


@dataclass(frozen=True, slots=True)
class Truth:
    """The labels of one case.

    Attributes
    ----------
    types
        Those present; None where any of them is unknown.
    computed
        The score that the rubric gives by types and, where there are outlines, by place.
    """

    types: frozenset[HemorrhageType] | None
    computed: int | None


def read_truth(source: Path, folder: StudyFolder) -> dict[int, Truth]:
    """Return the labels of the cases that have any, by their numbers.

    Parameters
    ----------
    source
        The folder of studies; one without labels gives none.
    folder
        Whose cases they are; found by their SOP Instance UIDs.
    """
    try:
        recognize(source)
    except InvalidSource:
        return {}
    case_of = {
        uid: number
        for number in folder.numbers()
        for uid in folder.identity(number).sop_instance_uids
    }
    return dict(_read(read_labeled(source), case_of, folder))


def _read(
    studies: Iterator[LabeledStudy], case_of: dict[str, int], folder: StudyFolder
) -> Iterator[tuple[int, Truth]]:
    for study in studies:
        number = next((case_of[u] for u in study.volume.sop_instance_uids if u in case_of), None)
        if number is not None and folder.facts(number).is_read:
            yield number, _truth(study, number, folder)


def _truth(study: LabeledStudy, number: int, folder: StudyFolder) -> Truth:
    if (study.study_kinds == UNKNOWN).any():
        return Truth(None, None)
    types = frozenset(
        kind for kind, is_ in zip(KINDS, study.study_kinds, strict=True) if is_ == PRESENT
    )
    return Truth(types, _computed(study, types, number, folder) if types else None)


def _computed(
    study: LabeledStudy, types: frozenset[HemorrhageType], number: int, folder: StudyFolder
) -> int | None:
    document = folder.pre_read(number)
    volume, mask = turned(study)
    outline = _outline(folder, number)
    shared = None
    if mask is not None and outline.shape == mask.shape:
        shared = share_blood(volume, mask, outline)
    main = main_types(types, amounts_of(study, shared))
    return agreement(
        detected=document.assessment.level is not Level.NONE,
        types=compare_types(types, main, said_types(document)),
        place=compare_places(*shared.matches()) if shared is not None and shared.true else None,
    )


def _outline(folder: StudyFolder, number: int) -> NDArray[np.bool_]:
    with np.load(folder.voxels_path(number)) as kept:
        shape = tuple(int(size) for size in kept["shape"])
        bits = np.unpackbits(kept["mask"], count=int(np.prod(shape)))
    return bits.reshape(shape).astype(np.bool_)
