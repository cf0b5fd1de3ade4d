"""What a pre-read keeps of every slice: where it lies, which file has it, what was outlined.

The outlines are in the series' own geometry: pixels as in the files, slices from feet to
head, each with its SOP Instance UID and frame; so a DICOM segmentation can be made from the
record, and one slice shown without opening the files of the others. Stored as gzipped JSON;
a slice's outlines are runs of its pixels, row by row.
"""

from __future__ import annotations

import gzip
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from preread.dicom.turn import Turn, turn_of
from preread.terms import HemorrhageType


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OutlinedFinding(_Value):
    """A finding of the pre-read; its pixels carry 1 + its index in the record.

    ``place`` has the words for its place if it is one lesion; records of older pre-reads have none.
    """

    finding_id: str
    type: HemorrhageType
    volume_ml: float | None
    place: str | None = None


class RecordedSlice(_Value):
    """One slice.

    Attributes
    ----------
    sha256, frame
        Of the stored file, and which of its frames, from 0.
    position_mm
        LPS center of the first voxel (0020,0032).
    runs
        start, length, label, start, length, label, …: runs of outlined pixels, counted row
        by row as in the file.
    """

    sha256: str
    frame: int
    sop_instance_uid: str
    instance_number: int | None
    position_mm: tuple[float, float, float]
    runs: tuple[int, ...]

    @property
    def labels(self) -> tuple[int, ...]:
        """The labels that are on this slice, ascending."""
        return tuple(sorted(set(self.runs[2::3])))


class SliceRecord(_Value):
    """Every slice of the series that was read, feet to head.

    Attributes
    ----------
    rows, columns, pixel_spacing_mm, orientation
        Of every slice, as in the files (0028,0010) to (0028,0030) and (0020,0037).
    synthetic
        Whether the files say that they show a phantom.
    """

    schema_version: Literal["1"] = "1"
    series_instance_uid: str
    rows: int
    columns: int
    pixel_spacing_mm: tuple[float, float]
    orientation: tuple[float, float, float, float, float, float]
    synthetic: bool
    findings: tuple[OutlinedFinding, ...]
    slices: tuple[RecordedSlice, ...]

    @property
    def turn(self) -> Turn:
        """How a slice becomes one of radiological convention."""
        return turn_of(self.orientation[:3], self.orientation[3:])

    @cached_property
    def heights_mm(self) -> tuple[float, ...]:
        """Distance of each slice from the lowest, along the slices' normal."""
        normal = np.cross(self.orientation[:3], self.orientation[3:])
        along = np.array([one.position_mm for one in self.slices]) @ normal
        return tuple(round(float(abs(value)), 2) for value in along - along[0])

    def findings_on(self, index: int) -> tuple[OutlinedFinding, ...]:
        """Return the findings that are outlined on a slice."""
        return tuple(self.findings[label - 1] for label in self.slices[index].labels)

    def outline(self, index: int) -> NDArray[np.uint8]:
        """Return (R, C) as in the file: 0, or 1 + the index of the finding there."""
        flat = np.zeros(self.rows * self.columns, np.uint8)
        runs = self.slices[index].runs
        for start, length, label in zip(runs[::3], runs[1::3], runs[2::3], strict=True):
            flat[start : start + length] = label
        return flat.reshape(self.rows, self.columns)


def runs_of(labels: NDArray[np.uint8]) -> tuple[int, ...]:
    """Return the runs of one slice's labels, (R, C), without those of 0.

    Examples
    --------
    >>> runs_of(np.array([[0, 1, 1], [2, 0, 0]], np.uint8))
    (1, 2, 1, 3, 1, 2)
    """
    flat = labels.ravel().astype(np.int16)
    edges = np.flatnonzero(np.diff(flat, prepend=-1, append=-1))
    starts, lengths, values = edges[:-1], np.diff(edges), flat[edges[:-1]]
    kept = values > 0
    triples = np.column_stack([starts[kept], lengths[kept], values[kept]])
    return tuple(int(number) for number in triples.ravel())


def encode_record(record: SliceRecord) -> bytes:
    """Return a record as it is stored; the same record gives the same bytes."""
    return gzip.compress(record.model_dump_json().encode(), compresslevel=6, mtime=0)


def decode_record(content: bytes) -> SliceRecord:
    """Return a stored record."""
    return SliceRecord.model_validate_json(gzip.decompress(content))
