"""Read a plain folder of DICOM files with labels of one's own: ``labels.csv``, masks if any."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.labeled import UNKNOWN, LabeledStudy
from ml.sources.labels import Labels, settle, unknown_slices
from ml.sources.nifti import OWN_NUMBERS, read_mask
from ml.sources.series import index_studies, read_chosen, read_headers
from ml.sources.skipping import OnSkip, Skipped, log_skip, read_each
from ml.sources.tables import label_of, number_of, read_rows
from ml.sources.voxels import Voxels, read_voxels
from preread.dicom.header import InstanceHeader
from preread.dicom.volume import Volume, to_radiological
from preread.errors import InvalidSource, UnreadableStudy
from preread.terms import KINDS

LABEL_FILE: Final = "labels.csv"
MASKS: Final = "masks"
_LABELS: Final = ("any", *KINDS)
_COLUMNS: Final = ("study", "patient", "fold", "slice", *_LABELS)


def read_folder(folder: Path, on_skip: OnSkip = log_skip) -> Iterator[LabeledStudy]:
    """Read every labeled study of a folder.

    Parameters
    ----------
    folder
        Any tree of DICOM files, with ``labels.csv`` and, if blood is outlined,
        ``masks/<study>.nii.gz`` on the grid of the series, numbered 1 + index into ``KINDS`` or
        255 for blood of unknown kind. Columns of the table: ``study``, the Study Instance UID or
        the name of a folder; then, each of them optional, ``patient``, ``fold``, ``any``, the
        five kinds (0, 1, or empty for unknown) and ``slice``, a SOP Instance UID: such a row
        labels one slice, one without it the study.
    on_skip
        Is told of studies without files, without labels, and so on.

    Yields
    ------
    LabeledStudy
        In the order of the table.

    Raises
    ------
    InvalidSource
        If the table is missing or unusable.
    """
    entries = _read_entries(folder / LABEL_FILE)
    files = (
        path
        for path in folder.rglob("*")
        if path.is_file() and path.name != LABEL_FILE and folder / MASKS not in path.parents
    )
    studies = index_studies(files, on_skip)
    names = _names(folder, studies)
    used = {uid for name in entries for uid in names.get(name, ())}
    for uid in sorted(studies.keys() - used):
        on_skip(Skipped(uid, f"no row in {LABEL_FILE}"))

    def read(name: str, entry: _Entry) -> LabeledStudy:
        uid = _only(names.get(name, []))
        return _read_study(name, entry, studies[uid], folder / MASKS)

    yield from read_each(entries.items(), read, on_skip)


@dataclass(slots=True)
class _Entry:
    """What the table says of one study.

    Attributes
    ----------
    labels
        (1 + K,) any, then the kinds: of each slice by its UID, of the study by "".
    """

    patient: str = ""
    fold: int | None = None
    labels: dict[str, NDArray[np.int8]] = field(default_factory=dict)

    @property
    def study(self) -> NDArray[np.int8]:
        """What is said of the study itself."""
        return self.labels.get("", np.full(len(_LABELS), UNKNOWN, np.int8))

    @property
    def slices(self) -> dict[str, NDArray[np.int8]]:
        """What is said of slices."""
        return {uid: labels for uid, labels in self.labels.items() if uid}


def _names(folder: Path, studies: Mapping[str, list[Path]]) -> dict[str, list[str]]:
    """Return the Study Instance UIDs that each possible name means: a UID, or a folder."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for uid, paths in studies.items():
        inner = paths[0].parent.relative_to(folder)
        above = {place.as_posix() for place in (inner, *inner.parents)}
        for name in {uid, *inner.parts, *above}:
            names[name].append(uid)
    return dict(names)


def _read_entries(path: Path) -> dict[str, _Entry]:
    entries: defaultdict[str, _Entry] = defaultdict(_Entry)
    for number, row in enumerate(read_rows(path, ("study",)), start=2):
        where = f"{path.name}, line {number}"
        cells = {column: row.get(column, "") for column in _COLUMNS}
        if not cells["study"]:
            message = f"{where}: no study"
            raise InvalidSource(message)
        _state(entries[cells["study"]], cells, where)
    return dict(entries)


def _state(entry: _Entry, cells: Mapping[str, str], where: str) -> None:
    """Add one row to what the table says of its study."""
    labels = np.array([label_of(cells[name], where) for name in _LABELS], np.int8)
    if cells["slice"] in entry.labels:
        message = f"{where}: the same study or slice as in a line before"
        raise InvalidSource(message)
    entry.labels[cells["slice"]] = labels
    fold = number_of(cells["fold"], where) if cells["fold"] else None
    if entry.patient and cells["patient"] not in {"", entry.patient}:
        message = f"{where}: another patient than in a line before"
        raise InvalidSource(message)
    entry.patient = entry.patient or cells["patient"]
    entry.fold = fold if fold is not None else entry.fold


def _only(uids: list[str]) -> str:
    if not uids:
        raise UnreadableStudy("no DICOM file of it")
    if len(uids) > 1:
        message = f"{len(uids)} studies are in that folder; name each by its Study Instance UID"
        raise UnreadableStudy(message)
    return uids[0]


def _read_study(name: str, entry: _Entry, files: list[Path], masks: Path) -> LabeledStudy:
    headers = _labeled_series(read_headers(files), entry)
    volume = to_radiological(read_chosen(headers))
    slices = _slice_labels(volume, entry)
    whole = _study_labels(slices, entry)
    digest = next(iter(headers)).patient_digest
    return LabeledStudy(
        name=name,
        patient=entry.patient or (digest[:16] if digest else name),
        fold=entry.fold,
        volume=volume,
        slice_any=slices.any,
        slice_kinds=slices.kinds,
        study_any=int(whole.any),
        study_kinds=whole.kinds,
        mask=_mask(masks, name, volume),
    )


def _labeled_series(
    headers: dict[InstanceHeader, Path], entry: _Entry
) -> dict[InstanceHeader, Path]:
    """Keep the series of which slices are labeled, if any are: those labels need that one."""
    labeled = {h.series_instance_uid for h in headers if h.sop_instance_uid in entry.slices}
    if entry.slices and not labeled:
        raise UnreadableStudy("none of its files is a slice that is labeled")
    if not labeled:
        return headers
    return {h: path for h, path in headers.items() if h.series_instance_uid in labeled}


def _slice_labels(volume: Volume, entry: _Entry) -> Labels:
    labels = unknown_slices(len(volume.hu))
    for number, uid in enumerate(volume.sop_instance_uids):
        if uid in entry.slices:
            labels.any[number] = entry.slices[uid][0]
            labels.kinds[number] = entry.slices[uid][1:]
    return settle(labels.any, labels.kinds)


def _study_labels(slices: Labels, entry: _Entry) -> Labels:
    """Return what the table says of the study, and of what it does not, what its slices say."""
    stated = settle(entry.study[0], entry.study[1:])
    seen = slices.over()
    return settle(
        np.where(stated.any == UNKNOWN, seen.any, stated.any).astype(np.int8),
        np.where(stated.kinds == UNKNOWN, seen.kinds, stated.kinds).astype(np.int8),
    )


def _mask(folder: Path, name: str, volume: Volume) -> NDArray[np.uint8] | None:
    """Read the study's mask onto the grid of its volume, both in radiological orientation."""
    path = next((p for end in (".nii.gz", ".nii") if (p := folder / f"{name}{end}").exists()), None)
    if path is None:
        return None
    outlined = read_voxels(path)
    turned = to_radiological(replace(volume, hu=outlined.values, affine=outlined.affine))
    if not Voxels(volume.hu, volume.affine).fits(Voxels(turned.hu, turned.affine)):
        raise UnreadableStudy("the mask does not lie on the grid of the series that is read")
    return read_mask(Voxels(turned.hu, turned.affine), OWN_NUMBERS)
