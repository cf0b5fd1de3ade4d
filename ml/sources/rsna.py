"""Read the RSNA 2019 Intracranial Hemorrhage Detection set (Kaggle, stage 2): labeled slices.

Flanders et al., Radiology: Artificial Intelligence 2020, 2(3):e190211. The DICOM files are
pseudonymous to the UIDs (``ID_…``), and most of the header is gone; geometry and rescale are not.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import CTImageStorage

from ml.labeled import UNKNOWN, LabeledStudy
from ml.sources.labels import settle
from ml.sources.series import index_studies, read_chosen, read_headers
from ml.sources.skipping import OnSkip, log_skip, read_each
from ml.sources.tables import label_of
from preread.dicom.elements import read_elements
from preread.dicom.header import HeaderLimits
from preread.dicom.values import TAGS, Values
from preread.errors import DicomMissingAttribute, InvalidSource, UnreadableStudy
from preread.terms import KINDS, HemorrhageType

LABEL_FILE: Final = "stage_2_train.csv"
IMAGE_FOLDERS: Final = ("stage_2_train", ".")
_ANY: Final = "any"
# What each row of a slice is about, in the order in which the labels are kept here.
_KIND_NAMES: Final = {
    HemorrhageType.IPH: "intraparenchymal",
    HemorrhageType.SDH: "subdural",
    HemorrhageType.IVH: "intraventricular",
    HemorrhageType.SAH: "subarachnoid",
    HemorrhageType.EDH: "epidural",
}
_NAMES: Final = (_ANY, *(_KIND_NAMES[kind] for kind in KINDS))


def read_rsna(folder: Path, on_skip: OnSkip = log_skip) -> Iterator[LabeledStudy]:
    """Read every study of the training part.

    Parameters
    ----------
    folder
        Holds ``stage_2_train.csv`` and the files ``ID_*.dcm``, beside it or in
        ``stage_2_train``.
    on_skip
        Is told of studies that cannot be used.

    Yields
    ------
    LabeledStudy
        In the order of the pseudonyms; slices are labeled, nothing is outlined. The patient is
        the release's own pseudonym: some patients have several studies.

    Raises
    ------
    InvalidSource
        If the label file or the images are missing, or a slice is labeled twice, differently.
    """
    labels = _read_labels(folder / LABEL_FILE)
    paths = next((found for name in IMAGE_FOLDERS if (found := _images(folder / name))), [])
    if not paths:
        message = f"no ID_*.dcm beside {LABEL_FILE} or in {IMAGE_FOLDERS[0]}"
        raise InvalidSource(message)
    studies = index_studies(paths, on_skip, read_pseudonym)

    def read(name: str, files: list[Path]) -> LabeledStudy:
        return _read_study(name, files, labels)

    yield from read_each(sorted(studies.items()), read, on_skip)


def read_pseudonym(values: Values, name: str) -> str:
    """Return the text in the place of a UID; the SOP class, which the release drops, is CT."""
    text = values.text(name)
    if text:
        return text
    if name == "SOPClassUID":
        return CTImageStorage
    group, element = TAGS[name]
    message = f"({group:04X},{element:04X}) {name} is missing"
    raise DicomMissingAttribute(message)


def _images(folder: Path) -> list[Path]:
    return list(folder.glob("ID_*.dcm"))


def _read_labels(path: Path) -> dict[str, NDArray[np.int8]]:
    """Return (1 + K,) labels of each slice: any, then the kinds."""
    if not path.is_file():
        message = f"{path.name} is missing"
        raise InvalidSource(message)
    labels: dict[str, NDArray[np.int8]] = {}
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.reader(lines)
        next(rows, None)
        for row in rows:
            if len(row) == 2:  # noqa: PLR2004 - ID and Label; anything else is an empty line
                _add(labels, row[0], label_of(row[1].strip(), row[0]))
    return labels


def _add(labels: dict[str, NDArray[np.int8]], identity: str, label: int) -> None:
    """Keep one row; the file has some twice."""
    instance, _, name = identity.rpartition("_")
    if name not in _NAMES:
        message = f"{LABEL_FILE}: «{identity}» names none of {', '.join(_NAMES)}"
        raise InvalidSource(message)
    own = labels.setdefault(instance, np.full(len(_NAMES), UNKNOWN, np.int8))
    place = _NAMES.index(name)
    if own[place] not in {UNKNOWN, label}:
        message = f"{LABEL_FILE}: «{identity}» is labeled twice, differently"
        raise InvalidSource(message)
    own[place] = label


def _read_study(name: str, files: list[Path], labels: dict[str, NDArray[np.int8]]) -> LabeledStudy:
    volume = read_chosen(read_headers(files, read_pseudonym))
    known = [labels.get(instance) for instance in volume.sop_instance_uids]
    rows = [row for row in known if row is not None]
    if len(rows) < len(known):
        message = f"{len(known) - len(rows)} of {len(known)} slices have no label"
        raise UnreadableStudy(message)
    table = np.stack(rows)
    slices = settle(table[:, 0], table[:, 1:])
    whole = slices.over()
    return LabeledStudy(
        name=name,
        patient=_patient(files[0]),
        fold=None,
        volume=volume,
        slice_any=slices.any,
        slice_kinds=slices.kinds,
        study_any=int(whole.any),
        study_kinds=whole.kinds,
        mask=None,
    )


def _patient(path: Path) -> str:
    """Return the Patient ID: a pseudonym in this release, and therefore not only digested."""
    with path.open("rb") as stream:
        elements = read_elements(stream, frozenset({TAGS["PatientID"]}), HeaderLimits())
    return Values(elements).text("PatientID") or path.stem
