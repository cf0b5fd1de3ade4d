"""Takes files in: durable on disk first, then one transaction, then the answer.

Order of things, so that an acknowledged study cannot be lost and an unacknowledged one
leaves nothing half done: files synced and renamed → study, instances, task and the answer to
the Idempotency-Key in one transaction → answer → doorbell.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from preread.completion import complete_study
from preread.db.events import EventKind
from preread.db.placing import place_study
from preread.db.tables import InstanceRow, StudyRow
from preread.db.unit_of_work import UnitOfWork
from preread.dicom.header import HeaderLimits, InstanceHeader, read_header
from preread.errors import (
    IdempotencyKeyReused,
    InstanceConflict,
    NothingStored,
    UnreadableDicom,
)
from preread.resources import Resources
from preread.settings import Settings
from preread.store import Incoming
from preread.study import AiState, ReadState
from preread.terms import OrderClass

_ORDER_OF_PRIORITY: Final = {
    "STAT": OrderClass.STAT,
    "HIGH": OrderClass.ER,
    "MEDIUM": OrderClass.INPATIENT,
    "ROUTINE": OrderClass.ROUTINE,
    "LOW": OrderClass.ROUTINE,
}
"""Requested Procedure Priority (0040,1003) has five terms (PS3.3 C.4.11), we have four."""


class FileStatus(StrEnum):
    """What became of one file."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REFUSED = "refused"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class FileOutcome(_Value):
    """What became of one file, numbered from 1 in the order sent."""

    number: int
    status: FileStatus
    code: str | None
    study_id: str | None


class ReceivedStudy(_Value):
    """A study that the files belong to."""

    study_id: str
    created: bool
    complete: bool
    instance_count: int


class Receipt(_Value):
    """The answer to an upload."""

    studies: tuple[ReceivedStudy, ...]
    files: tuple[FileOutcome, ...]


@dataclass(frozen=True, slots=True)
class Submission:
    """What the sender says about an upload.

    Attributes
    ----------
    site
        The hospital or customer the studies belong to.
    order_class
        None takes it from Requested Procedure Priority (0040,1003).
    accession_number
        None takes it from Accession Number (0008,0050).
    complete
        True if nothing will follow.
    actor
        Who sends: the ID of the API key.
    idempotency_key
        As in the request; None if there was none.
    """

    site: str
    order_class: OrderClass | None
    accession_number: str | None
    complete: bool
    actor: str
    idempotency_key: str | None


@dataclass(frozen=True, slots=True)
class _Readable:
    number: int
    file: Incoming
    header: InstanceHeader


def receive(
    resources: Resources,
    files: Sequence[Incoming | UnreadableDicom],
    submission: Submission,
) -> Receipt:
    """Store what can be stored of an upload and return what became of each file.

    Parameters
    ----------
    resources
        Where to.
    files
        As they came; an error stands for a file that was refused before it was whole.
    submission
        What the sender says.

    Raises
    ------
    NothingStored
        If not one file could be read.
    InstanceConflict
        If every file came before with other bytes.
    IdempotencyKeyReused
        If the same key was used for something else.
    StorageFull
        If the disk has no room; then nothing was stored.
    """
    arrived = [file for file in files if isinstance(file, Incoming)]
    try:
        earlier = _earlier_answer(resources, files, submission)
        if earlier is not None:
            return earlier
        readable, refused = _read_headers(files, header_limits(resources.settings))
        if not readable:
            message = "Not one file of the upload could be stored."
            raise NothingStored(message, [(bad.number, bad.code or "") for bad in refused])
        resources.store.keep([one.file for one in readable])
        return _record(resources, files, submission, readable, refused)
    finally:
        resources.store.discard(arrived)  # what was kept has moved away


def header_limits(settings: Settings) -> HeaderLimits:
    """Return the limits of header reading that the settings give."""
    return HeaderLimits(
        max_inflated_bytes=settings.max_inflated_bytes,
        max_depth=settings.max_header_depth,
        max_elements=settings.max_header_elements,
        max_items=settings.max_header_items,
    )


def fingerprint(files: Sequence[Incoming | UnreadableDicom], submission: Submission) -> str:
    """Return a digest of everything that makes two requests the same request."""
    digest = hashlib.sha256()
    digest.update(
        repr(
            (
                submission.site,
                submission.order_class,
                submission.accession_number,
                submission.complete,
            )
        ).encode()
    )
    for file in files:
        digest.update((file.sha256 if isinstance(file, Incoming) else file.code).encode())
    return digest.hexdigest()


def _earlier_answer(
    resources: Resources, files: Sequence[Incoming | UnreadableDicom], submission: Submission
) -> Receipt | None:
    if submission.idempotency_key is None:
        return None
    with resources.reading() as work:
        return _answered(work, files, submission)


def _answered(
    work: UnitOfWork, files: Sequence[Incoming | UnreadableDicom], submission: Submission
) -> Receipt | None:
    key = submission.idempotency_key
    kept = None if key is None else work.keys.answer(submission.actor, key)
    if kept is None:
        return None
    if kept.fingerprint != fingerprint(files, submission):
        message = "This Idempotency-Key was used for another request."
        raise IdempotencyKeyReused(message)
    return Receipt.model_validate(kept.answer)


def _read_headers(
    files: Sequence[Incoming | UnreadableDicom], limits: HeaderLimits
) -> tuple[list[_Readable], list[FileOutcome]]:
    readable: list[_Readable] = []
    refused: list[FileOutcome] = []
    for number, file in enumerate(files, start=1):
        try:
            if isinstance(file, UnreadableDicom):
                raise file
            with file.path.open("rb") as stream:
                readable.append(_Readable(number, file, read_header(stream, limits)))
        except UnreadableDicom as error:
            refused.append(
                FileOutcome(
                    number=number, status=FileStatus.REFUSED, code=error.code, study_id=None
                )
            )
    return readable, refused


def _record(
    resources: Resources,
    files: Sequence[Incoming | UnreadableDicom],
    submission: Submission,
    readable: Sequence[_Readable],
    refused: Sequence[FileOutcome],
) -> Receipt:
    now = resources.clock()
    by_study: defaultdict[str, list[_Readable]] = defaultdict(list)
    for one in readable:
        by_study[one.header.study_instance_uid].append(one)
    studies: list[ReceivedStudy] = []
    outcomes = list(refused)
    with resources.unit_of_work() as work:
        for uid in sorted(by_study):  # everybody locks studies in the same order
            study, filed = _file_study(work, resources.settings, submission, by_study[uid], now)
            studies.append(study)
            outcomes.extend(filed)
        outcomes.sort(key=lambda outcome: outcome.number)
        if all(one.status in {FileStatus.CONFLICT, FileStatus.REFUSED} for one in outcomes):
            message = "Every readable file came before under its UID with other bytes."
            raise InstanceConflict(message)
        receipt = Receipt(studies=tuple(studies), files=tuple(outcomes))
        kept = submission.idempotency_key is None or work.keys.keep_answer(
            submission.actor,
            submission.idempotency_key,
            fingerprint=fingerprint(files, submission),
            answer=receipt.model_dump(mode="json"),
            now=now,
        )
        if kept:
            work.commit()
            return receipt
    # The same request was answered while we worked; that answer stands, ours is rolled back.
    earlier = _earlier_answer(resources, files, submission)
    if earlier is None:
        message = "The answer to this Idempotency-Key expired while it was repeated."
        raise IdempotencyKeyReused(message)
    return earlier


def _file_study(
    work: UnitOfWork,
    settings: Settings,
    submission: Submission,
    readable: Sequence[_Readable],
    now: datetime,
) -> tuple[ReceivedStudy, list[FileOutcome]]:
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
    if row.completed_at is None:
        row.ai_state = AiState.RECEIVING
    work.events.append(
        EventKind.STUDY_RECEIVED if created else EventKind.STUDY_GREW,
        study_id=row.id,
        site=row.site,
        actor=actor,
        at=now,
        detail={"new_instances": len(fresh), "instance_count": row.instance_count},
    )


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
    )


def _instance(study_id: str, one: _Readable, now: datetime) -> InstanceRow:
    return InstanceRow(
        study_id=study_id,
        sop_instance_uid=one.header.sop_instance_uid,
        series_instance_uid=one.header.series_instance_uid,
        sha256=one.file.sha256,
        byte_count=one.file.byte_count,
        received_at=now,
    )
