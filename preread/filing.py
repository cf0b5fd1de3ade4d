"""Files the instances of an upload under their studies, in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

from preread.completion import complete_study
from preread.db.events import EventKind
from preread.db.placing import place_study
from preread.db.tables.pre_reads import InstanceRow
from preread.db.tables.study import StudyRow
from preread.db.unit_of_work import UnitOfWork
from preread.dicom.header import InstanceHeader
from preread.errors import InstanceConflict
from preread.settings import Settings
from preread.store import Incoming
from preread.study import AiState, ReadState
from preread.submission import FileOutcome, FileStatus, ReceivedStudy, Submission
from preread.terms import OrderClass

_ORDER_OF_PRIORITY: Final = {
    "STAT": OrderClass.STAT,
    "HIGH": OrderClass.ER,
    "MEDIUM": OrderClass.INPATIENT,
    "ROUTINE": OrderClass.ROUTINE,
    "LOW": OrderClass.ROUTINE,
}
"""Requested Procedure Priority (0040,1003) has five terms (PS3.3 C.4.11), we have four."""


@dataclass(frozen=True, slots=True)
class ReadableFile:
    """A received file whose header could be read; numbered from 1 in the order sent."""

    number: int
    file: Incoming
    header: InstanceHeader


def file_study(
    work: UnitOfWork,
    settings: Settings,
    submission: Submission,
    readable: Sequence[ReadableFile],
    now: datetime,
) -> tuple[ReceivedStudy, list[FileOutcome]]:
    """File the instances of one study, inside the caller's transaction.

    New instances are added, known ones are left as they are, and the study is made if this
    site has none of this UID.
    """
    header = readable[0].header
    row, created = work.studies.opened(_new_study(settings, submission, header, now))
    known = work.studies.digests(row.id, {one.header.sop_instance_uid for one in readable})
    outcomes: list[FileOutcome] = []
    fresh: list[InstanceRow] = []
    for one in readable:
        before = known.get(one.header.sop_instance_uid)
        if before is None:
            status = FileStatus.STORED
            known[one.header.sop_instance_uid] = one.file.sha256
            fresh.append(_instance(row.id, one, now))
        else:
            same = before == one.file.sha256
            status = FileStatus.DUPLICATE if same else FileStatus.CONFLICT
        code = InstanceConflict.code if status is FileStatus.CONFLICT else None
        outcomes.append(FileOutcome(number=one.number, status=status, code=code, study_id=row.id))
    if fresh:
        _grow(work, row, fresh, created=created, actor=submission.actor, now=now)
    _raise_order(work, row, submission, now)
    if submission.complete:
        complete_study(work, row, actor=submission.actor, now=now)
    received = ReceivedStudy(
        study_id=row.id, created=created, complete=row.settled, instance_count=row.instance_count
    )
    return received, outcomes


def _grow(
    work: UnitOfWork,
    row: StudyRow,
    fresh: Sequence[InstanceRow],
    *,
    created: bool,
    actor: str,
    now: datetime,
) -> None:
    work.session.flush()
    work.studies.add_instances(fresh)
    row.instance_count += len(fresh)
    row.byte_count += sum(instance.byte_count for instance in fresh)
    row.last_instance_at = now
    row.unsettled_since = row.unsettled_since or now
    row.settled = False
    row.ai_state = AiState.RECEIVING  # an earlier result is not one of all the images
    row.ai_reason = None
    work.events.append(
        EventKind.STUDY_RECEIVED if created else EventKind.STUDY_GREW,
        study_id=row.id,
        site=row.site,
        actor=actor,
        at=now,
        detail={"new_instances": len(fresh), "instance_count": row.instance_count},
    )
    place_study(work, row, actor=actor, cause=EventKind.STUDY_GREW.value, now=now)


def _raise_order(work: UnitOfWork, row: StudyRow, submission: Submission, now: datetime) -> None:
    """Make the order more urgent if a later upload says so; never less."""
    wanted = submission.order_class
    urgency = list(OrderClass)
    if wanted is None or urgency.index(wanted) >= urgency.index(OrderClass(row.order_class)):
        return
    row.order_class = wanted
    work.events.append(
        EventKind.ORDER_RAISED,
        study_id=row.id,
        site=row.site,
        actor=submission.actor,
        at=now,
        detail={"order_class": wanted.value},
    )
    place_study(work, row, actor=submission.actor, cause="order_raised", now=now)


def _new_study(
    settings: Settings, submission: Submission, header: InstanceHeader, now: datetime
) -> StudyRow:
    priority = (header.requested_priority or "").strip().upper()
    order_class = (
        submission.order_class or _ORDER_OF_PRIORITY.get(priority) or settings.default_order_class
    )
    return StudyRow(
        id=str(uuid4()),
        site=submission.site,
        study_instance_uid=header.study_instance_uid,
        accession_number=submission.accession_number or header.accession_number,
        order_class=order_class,
        modality=header.modality,
        body_part=header.body_part,
        patient_age_years=header.patient_age_years,
        acquired_at=header.acquired_at,
        scanner=header.scanner,
        synthetic=header.synthetic,
        instance_count=0,
        byte_count=0,
        received_at=now,
        last_instance_at=now,
        unsettled_since=None,
        completed_at=None,
        settled=True,  # nothing is filed yet that belongs to no revision
        revision=0,
        ai_state=AiState.RECEIVING,
        ai_reason=None,
        ai_started_at=None,
        ai_done_at=None,
        read_state=ReadState.UNREAD,
        reported_at=None,
        level=None,
        rank_level=None,
        rank_cap=None,
        findings=[],
        key_image_count=0,
        summary=None,
        ranked=False,
        lane=1,
        key_ms=0,
        t0_ms=0,
        due_at=None,
        rank_reason=None,
        policy_version=None,
        promise_policy=None,
        rank_policy=None,
        held_ms=0,
    )


def _instance(study_id: str, one: ReadableFile, now: datetime) -> InstanceRow:
    return InstanceRow(
        study_id=study_id,
        sop_instance_uid=one.header.sop_instance_uid,
        series_instance_uid=one.header.series_instance_uid,
        sha256=one.file.sha256,
        byte_count=one.file.byte_count,
        received_at=now,
    )
