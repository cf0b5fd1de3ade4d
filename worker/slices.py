"""What the worker keeps of every slice it read: :mod:`preread.dicom.slice_record`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml.assessment import Assessment
from ml.place_words import outline_place
from preread.db.studies import StoredInstance
from preread.dicom.header import InstanceHeader
from preread.dicom.slice_record import OutlinedFinding, RecordedSlice, SliceRecord, runs_of
from preread.dicom.volume import Volume
from preread.terms import KINDS


def record_slices(
    volume: Volume,
    assessment: Assessment | None,
    instances: Sequence[StoredInstance],
    headers: Sequence[InstanceHeader],
) -> SliceRecord:
    """Return the record of a volume.

    Parameters
    ----------
    volume
        As the files have it, not turned.
    assessment
        Of the same volume, or None if it was not assessed.
    instances, headers
        Of the study's files, at least those of the volume.
    """
    files = {one.sop_instance_uid: one.sha256 for one in instances}
    frames = {one.sop_instance_uid: one.frames for one in headers}
    row, column = volume.direction[:, 2], volume.direction[:, 1]
    record = SliceRecord(
        series_instance_uid=volume.series_instance_uid,
        rows=volume.hu.shape[1],
        columns=volume.hu.shape[2],
        pixel_spacing_mm=volume.pixel_spacing_mm,
        orientation=(*map(float, row), *map(float, column)),
        synthetic=any(one.synthetic for one in headers),
        findings=() if assessment is None else _outlined(assessment),
        slices=(),
    )
    labels = None if assessment is None else record.turn.undo(_labels(assessment))
    slices = tuple(
        RecordedSlice(
            sha256=files[uid],
            frame=_frame(frames[uid], volume.instance_numbers[index]),
            sop_instance_uid=uid,
            instance_number=volume.instance_numbers[index],
            position_mm=tuple(map(float, volume.positions_mm[index])),
            runs=() if labels is None or not labels[index].any() else runs_of(labels[index]),
        )
        for index, uid in enumerate(volume.sop_instance_uids)
    )
    return record.model_copy(update={"slices": slices})


def _frame(frames: int, number: int | None) -> int:
    """Return which frame of its file a slice is; a volume numbers the frames from 1."""
    return 0 if frames == 1 or number is None else number - 1


def _outlined(assessment: Assessment) -> tuple[OutlinedFinding, ...]:
    return tuple(
        OutlinedFinding(
            finding_id=finding_id(number),
            type=finding.kind,
            volume_ml=finding.volume_ml,
            place=outline_place(finding.places, len(finding.lesion_indices)),
        )
        for number, finding in enumerate(assessment.findings, start=1)
    )


def finding_id(number: int) -> str:
    """Return the name of a finding within its pre-read, counted from 1."""
    return f"F{number}"


def _labels(assessment: Assessment) -> NDArray[np.uint8]:
    """Return 1 + the index of its finding at each outlined voxel, 0 elsewhere."""
    of_kind = np.zeros(1 + len(KINDS), np.uint8)
    for number, finding in enumerate(assessment.findings, start=1):
        of_kind[1 + KINDS.index(finding.kind)] = number
    return of_kind[assessment.mask_kinds]
