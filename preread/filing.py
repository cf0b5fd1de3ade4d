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
from preread.facts import StudyFacts, facts_of, shows_images, telling
from preread.settings import Settings
from preread.store import Incoming
from preread.study import AiState, ReadState
from preread.submission import FileOutcome, FileStatus, ReceivedStudy, Submission
from preread.terms import OrderClass

_SET_ASIDE: Final = frozenset({ReadState.PRELIMINARY, ReadState.FINAL, ReadState.CANCELLED})
"""Nobody is to look at the study any more, so nobody sees what comes now unless told."""


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
    told = facts_of([one.header for one in readable])
    uid = readable[0].header.study_instance_uid
    row, created = work.studies.opened(_new_study(settings, submission, uid, told, now=now))
    known = work.studies.digests(row.id, {one.header.sop_instance_uid for one in readable})
    outcomes: list[FileOutcome] = []
    fresh: list[ReadableFile] = []
    for one in readable:
        before = known.get(one.header.sop_instance_uid)
        if before is None:
            status = FileStatus.STORED
            known[one.header.sop_instance_uid] = one.file.sha256
            fresh.append(one)
        else:
            same = before == one.file.sha256
            status = FileStatus.DUPLICATE if same else FileStatus.CONFLICT
        code = InstanceConflict.code if status is FileStatus.CONFLICT else None
        outcomes.append(FileOutcome(number=one.number, status=status, code=code, study_id=row.id))
    news = facts_of([one.header for one in fresh])
    if fresh:
        _learn(row, news, submission)
        _grow(work, row, fresh, created=created, actor=submission.actor, now=now)
    _raise_order(work, row, submission, news, now)
    if submission.complete:
        complete_study(work, row, actor=submission.actor, now=now)
    received = ReceivedStudy(
        study_id=row.id, created=created, complete=row.settled, instance_count=row.instance_count
    )
    return received, outcomes


def _grow(
    work: UnitOfWork,
    row: StudyRow,
    fresh: Sequence[ReadableFile],
    *,
    created: bool,
    actor: str,
    now: datetime,
) -> None:
    work.session.flush()
    work.studies.add_instances([_instance(row.id, one, now) for one in fresh])
    row.instance_count += len(fresh)
    row.byte_count += sum(one.file.byte_count for one in fresh)
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
    images = sum(shows_images(one.header.modality) for one in fresh)
    if images and row.read_state in _SET_ASIDE:
        work.events.append(
            EventKind.IMAGES_UNSEEN,
            study_id=row.id,
            site=row.site,
            actor=actor,
            at=now,
            detail={"new_images": images, "read_state": row.read_state},
        )
    place_study(work, row, actor=actor, cause=EventKind.STUDY_GREW.value, now=now)


def _learn(row: StudyRow, told: StudyFacts, submission: Submission) -> None:
    """Add what new instances tell of a study; images correct what a report or form told before."""
    better = telling(told.modality) > telling(row.modality)
    for name in ("modality", "body_part", "patient_age_years", "acquired_at", "scanner"):
        value = getattr(told, name)
        if value is not None and (better or getattr(row, name) is None):
            setattr(row, name, value)
    number = submission.accession_number or told.accession_number
    row.accession_number = row.accession_number or number
    row.synthetic = row.synthetic or told.synthetic


def _raise_order(
    work: UnitOfWork,
    row: StudyRow,
    submission: Submission,
    told: StudyFacts,
    now: datetime,
) -> None:
    """Make the order more urgent if a later upload or its new instances say so; never less."""
    wanted = submission.order_class or told.order_class
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
    settings: Settings, submission: Submission, uid: str, told: StudyFacts, *, now: datetime
) -> StudyRow:
    return StudyRow(
        id=str(uuid4()),
        site=submission.site,
        study_instance_uid=uid,
        accession_number=submission.accession_number or told.accession_number,
        order_class=submission.order_class or told.order_class or settings.default_order_class,
        modality=told.modality,
        body_part=told.body_part,
        patient_age_years=told.patient_age_years,
        acquired_at=told.acquired_at,
        scanner=told.scanner,
        synthetic=told.synthetic,
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
