"""Read sources of NIfTI pairs: an image and its mask, by the same name in two folders.

BHSD (Wu et al., MLMI 2023, doi:10.1007/978-3-031-45673-2_15) outlines the five kinds, INSTANCE
2022 (Li et al., arXiv:2301.03281) any blood; others may name their numbers.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.labeled import BLOOD_OF_UNKNOWN_KIND, NO_BLOOD, LabeledStudy
from ml.sources.grids import regular_volume
from ml.sources.labels import labels_of_mask
from ml.sources.series import refuse_unfit
from ml.sources.skipping import OnSkip, Skipped, log_skip, read_each
from ml.sources.voxels import Voxels, hounsfield, read_voxels
from preread.errors import InvalidSource, UnreadableStudy
from preread.terms import KINDS, TYPE_NAME, HemorrhageType

# Folders of images and of masks.
PAIRS: Final = (
    ("images", "ground truths"),
    ("data", "label"),
    ("images", "labels"),
    ("imagesTr", "labelsTr"),
)
NAMES_FILE: Final = "dataset.json"
# BHSD's own numbering, from its dataset.json.
BHSD_KINDS: Final = (
    HemorrhageType.EDH,
    HemorrhageType.IPH,
    HemorrhageType.IVH,
    HemorrhageType.SAH,
    HemorrhageType.SDH,
)
BHSD_NUMBERS: Final = {1 + n: 1 + KINDS.index(kind) for n, kind in enumerate(BHSD_KINDS)}
BLOOD_NUMBERS: Final = {1: BLOOD_OF_UNKNOWN_KIND}
OWN_NUMBERS: Final = {
    **{1 + index: 1 + index for index in range(len(KINDS))},
    BLOOD_OF_UNKNOWN_KIND: BLOOD_OF_UNKNOWN_KIND,
}
"""Numbers that mean what they mean in :class:`ml.labeled.LabeledStudy`."""
_BLOOD_NAMES: Final = frozenset({"ich", "hemorrhage", "haemorrhage", "blood"})
_KIND_NAMES: Final = {
    name: 1 + index
    for index, kind in enumerate(KINDS)
    for name in (kind.value.lower(), TYPE_NAME[kind].split()[0], TYPE_NAME[kind])
}
# BHSD took its studies from RSNA 2019 and kept the pseudonyms of patient and study.
_OF_RSNA: Final = re.compile(r"(ID_[0-9a-f]+)_ID_[0-9a-f]+")


def read_nifti(folder: Path, on_skip: OnSkip = log_skip) -> Iterator[LabeledStudy]:
    """Read every pair of a folder.

    Parameters
    ----------
    folder
        Holds, or has a folder that holds, ``images`` and ``ground truths`` (numbered as BHSD),
        ``data`` and ``label`` (INSTANCE: any blood is 1), ``images`` and ``labels`` or
        ``imagesTr`` and ``labelsTr`` (any blood is 1, or numbers as the ``labels`` of a
        ``dataset.json`` name them).
    on_skip
        Is told of images without a mask, of masks that do not fit, and so on.

    Yields
    ------
    LabeledStudy
        In the order of the names; slices and study are labeled by what is outlined.

    Raises
    ------
    InvalidSource
        If there are no such folders, or ``dataset.json`` is unusable.
    """
    pair = find_pair(folder)
    if pair is None:
        raise InvalidSource("no folders of NIfTI images and masks")
    numbers = pair.numbers()
    images, masks = _files(pair.images), _files(pair.masks)
    for name in sorted(masks.keys() - images.keys()):
        on_skip(Skipped(name, "a mask without an image"))

    def read(name: str, image: Path) -> LabeledStudy:
        if name not in masks:
            raise UnreadableStudy("an image without a mask")
        return _read_pair(name, image, masks[name], numbers)

    yield from read_each(sorted(images.items()), read, on_skip)


@dataclass(frozen=True, slots=True)
class Pair:
    """The folders of images and masks."""

    images: Path
    masks: Path

    def numbers(self) -> Mapping[int, int]:
        """Return what each number of a mask means, as a value of ``LabeledStudy.mask``."""
        if self.masks.name == PAIRS[0][1]:
            return BHSD_NUMBERS
        names = self.masks.parent / NAMES_FILE
        return _named_numbers(names) if names.is_file() else BLOOD_NUMBERS


def find_pair(folder: Path) -> Pair | None:
    """Find the folders of images and masks in a folder, or in one of its folders."""
    inner = sorted(path for path in folder.iterdir() if path.is_dir())
    for place in (folder, *inner):
        for images, masks in PAIRS:
            if (place / images).is_dir() and (place / masks).is_dir():
                return Pair(place / images, place / masks)
    return None


def read_mask(voxels: Voxels, numbers: Mapping[int, int]) -> NDArray[np.uint8]:
    """Translate the numbers of a mask into those of ``LabeledStudy.mask``.

    Raises
    ------
    UnreadableStudy
        If it holds a number that means nothing.
    """
    found = np.unique(voxels.values).tolist()
    strange = [number for number in found if number != NO_BLOOD and number not in numbers]
    if strange:
        message = f"the mask holds {strange[0]:g}, which the source does not name"
        raise UnreadableStudy(message)
    mask = np.zeros(voxels.values.shape, np.uint8)
    for number in found:
        if number != NO_BLOOD:
            mask[voxels.values == number] = numbers[int(number)]
    return mask


def _files(folder: Path) -> dict[str, Path]:
    """Return the NIfTI files of a folder by their names without the ending."""
    return {
        path.name.removesuffix(".gz").removesuffix(".nii"): path
        for path in folder.iterdir()
        if path.name.endswith((".nii", ".nii.gz")) and not path.name.startswith(".")
    }


def _named_numbers(path: Path) -> Mapping[int, int]:
    """Read ``labels`` of a dataset.json, number to name or, since nnU-Net 2, name to number."""
    try:
        entries = dict(json.loads(path.read_text())["labels"]).items()
        named = {
            (int(key), str(value)) if str(key).isdigit() else (int(value), str(key))
            for key, value in entries
        }
    except (ValueError, KeyError, TypeError):
        message = f"{path.name} has no labels that pair names with numbers"
        raise InvalidSource(message) from None
    numbers: dict[int, int] = {}
    for number, name in sorted(named):
        if number != NO_BLOOD:
            numbers[number] = _value_of(name.strip().lower(), path)
    return numbers


def _value_of(name: str, path: Path) -> int:
    if name in _BLOOD_NAMES:
        return BLOOD_OF_UNKNOWN_KIND
    if name not in _KIND_NAMES:
        message = f"{path.name}: «{name}» is no kind of hemorrhage"
        raise InvalidSource(message)
    return _KIND_NAMES[name]


def _read_pair(name: str, image: Path, mask: Path, numbers: Mapping[int, int]) -> LabeledStudy:
    voxels, outlined = read_voxels(image), read_voxels(mask)
    if not voxels.fits(outlined):
        raise UnreadableStudy("the mask does not lie on the image's grid")
    kinds = read_mask(outlined, numbers)
    volume = regular_volume(hounsfield(voxels), voxels.affine, "NIfTI", name)
    refuse_unfit(volume)
    slices = labels_of_mask(kinds)
    whole = slices.over()
    of_rsna = _OF_RSNA.fullmatch(name)
    return LabeledStudy(
        name=name,
        patient=of_rsna[1] if of_rsna else name,
        fold=None,
        volume=volume,
        slice_any=slices.any,
        slice_kinds=slices.kinds,
        study_any=int(whole.any),
        study_kinds=whole.kinds,
        mask=kinds,
    )
