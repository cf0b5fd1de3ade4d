"""What the store keeps of the slices of a study's pre-read."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from api.pre_reads import pre_read_row
from preread.dicom.slice_record import SliceRecord, decode_record
from preread.errors import SliceNotFound
from preread.keys import Caller
from preread.resources import Resources

_REMEMBERED_RECORDS: Final = 32


@dataclass(frozen=True, slots=True)
class KeptSlices:
    """What is kept of the slices of one revision.

    Attributes
    ----------
    revision, document
        Of the pre-read; the document as it is stored, for most who ask need nothing of it.
    sha256, record
        What is kept, and its digest.
    """

    revision: int
    document: Mapping[str, Any]
    sha256: str
    record: SliceRecord


def kept_of(
    resources: Resources, caller: Caller, study_id: str, revision: int | None
) -> KeptSlices:
    """Return what is kept of a study's slices.

    Raises
    ------
    StudyNotFound, PreReadMissing
        If the caller may see no such study, or there is no such pre-read.
    SliceNotFound
        If that kept no slices.
    """
    with resources.reading() as work:
        row = pre_read_row(work, caller, study_id, revision)
        number, document = row.revision, row.document
    file = document["input"].get("slice_record")
    path = None if file is None else resources.store.path(file["sha256"])
    if path is None or not path.is_file():
        message = "The pre-read kept no slices: the images could not be read, or it is too old."
        raise SliceNotFound(message)
    return KeptSlices(number, document, file["sha256"], _record(path))


@lru_cache(_REMEMBERED_RECORDS)
def _record(path: Path) -> SliceRecord:
    """Return a record; its file is named by its content and so never changes."""
    return decode_record(path.read_bytes())
