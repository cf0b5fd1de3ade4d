"""Read CQ500 (Qure.ai): studies that three radiologists read; DICOM, labels per study.

Chilamkurthy et al., Lancet 2018;392(10162):2388-2396; the label of a study is what most of the
three readers said, as in the paper.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.labeled import ABSENT, PRESENT, UNKNOWN, LabeledStudy
from ml.sources.labels import settle, unknown_slices
from ml.sources.series import read_chosen, read_headers
from ml.sources.skipping import OnSkip, Skipped, log_skip, read_each
from ml.sources.tables import label_of, read_rows
from preread.dicom.header import InstanceHeader
from preread.errors import InvalidSource, UnreadableStudy
from preread.terms import KINDS

LABEL_FILE: Final = "reads.csv"
READERS: Final = ("R1", "R2", "R3")
MAJORITY: Final = 2
# ``CQ500-CT-12`` in the table, ``CQ500CT12 CQ500CT12`` on disk.
_ROW_NAME: Final = re.compile(r"CQ500-?CT-?(\d+)")
_FOLDER_NAME: Final = re.compile(r"CQ500CT(\d+)\b")


def read_cq500(folder: Path, on_skip: OnSkip = log_skip) -> Iterator[LabeledStudy]:
    """Read every study of the set.

    Parameters
    ----------
    folder
        Holds ``reads.csv`` and, at any depth, the unpacked folders
        ``CQ500CT12 CQ500CT12/Unknown Study/<series>/*.dcm``.
    on_skip
        Is told of studies without a usable series, without files, or without a row.

    Yields
    ------
    LabeledStudy
        In the order of the numbers. Of each study the series that the service would read; its
        slices are unlabeled, nothing is outlined.

    Raises
    ------
    InvalidSource
        If the table is missing or a column of it.
    """
    votes = _read_votes(folder / LABEL_FILE)
    folders = _study_folders(folder)
    for number in sorted(folders.keys() - votes.keys()):
        on_skip(Skipped(_name(number), f"no row in {LABEL_FILE}"))

    def read(name: str, number: int) -> LabeledStudy:
        if number not in folders:
            raise UnreadableStudy("no folder with its images")
        return _read_study(name, folders[number], votes[number])

    yield from read_each(((_name(number), number) for number in sorted(votes)), read, on_skip)


def majority(votes: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return what at least two readers said; unknown where no two agree.

    Parameters
    ----------
    votes
        (readers, …) int8 of ``ABSENT``, ``PRESENT``, ``UNKNOWN``.

    Examples
    --------
    >>> majority(np.array([[1, 0, 1], [1, 0, 0], [0, 1, -1]], np.int8)).tolist()
    [1, 0, -1]
    """
    absent = (votes == ABSENT).sum(axis=0) >= MAJORITY
    present = (votes == PRESENT).sum(axis=0) >= MAJORITY
    return np.where(present, PRESENT, np.where(absent, ABSENT, UNKNOWN)).astype(np.int8)


def _name(number: int) -> str:
    return f"CQ500-CT-{number}"


def _read_votes(path: Path) -> dict[int, NDArray[np.int8]]:
    """Return (1 + K,) of each study: any, then the kinds."""
    asked = ("ICH", *KINDS)
    columns = [[f"{reader}:{what}" for what in asked] for reader in READERS]
    votes: dict[int, NDArray[np.int8]] = {}
    for row in read_rows(path, ("name", *(column for own in columns for column in own))):
        match = _ROW_NAME.fullmatch(row["name"])
        if match is None:
            message = f"{path.name}: «{row['name']}» is no name of this set"
            raise InvalidSource(message)
        said = [[label_of(row[column], row["name"]) for column in own] for own in columns]
        votes[int(match[1])] = majority(np.array(said, np.int8))
    return votes


def _study_folders(folder: Path) -> dict[int, Path]:
    """Find the outermost folder of each study."""
    found: dict[int, Path] = {}
    for path in sorted(folder.rglob("CQ500CT*"), key=lambda path: len(path.parts)):
        match = _FOLDER_NAME.match(path.name)
        if match is not None and path.is_dir():
            found.setdefault(int(match[1]), path)
    return found


def _read_study(name: str, folder: Path, votes: NDArray[np.int8]) -> LabeledStudy:
    labels = settle(votes[0], votes[1:])
    headers = read_headers(folder.rglob("*.dcm"))
    if not headers:
        raise UnreadableStudy("its folder holds no *.dcm")
    described = {_described(header, path): path for header, path in headers.items()}
    volume = read_chosen(described)
    slices = unknown_slices(len(volume.hu))
    return LabeledStudy(
        name=name,
        patient=name,
        fold=None,
        volume=volume,
        slice_any=slices.any,
        slice_kinds=slices.kinds,
        study_any=int(labels.any),
        study_kinds=labels.kinds,
        mask=None,
    )


def _described(header: InstanceHeader, path: Path) -> InstanceHeader:
    """Take the series description, which tells contrast and bone, from the folder if need be."""
    return replace(header, series_description=header.series_description or path.parent.name)
