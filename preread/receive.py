"""Takes files in: durable on disk first, then one transaction, then the answer.

Order of things, so that an acknowledged study cannot be lost and an unacknowledged one
leaves nothing half done: files synced and renamed → study, instances, task and the answer to
the Idempotency-Key in one transaction → answer → doorbell.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from preread.db.unit_of_work import UnitOfWork
from preread.dicom.header import HeaderLimits, read_header
from preread.errors import (
    IdempotencyKeyReused,
    InstanceConflict,
    InvalidRequest,
    NothingStored,
)
from preread.filing import ReadableFile, file_study
from preread.resources import Resources
from preread.settings import Settings
from preread.store import Incoming
from preread.submission import FileOutcome, FileStatus, Receipt, ReceivedStudy, Submission


def receive(
    resources: Resources,
    files: Sequence[Incoming | InvalidRequest],
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


def fingerprint(files: Sequence[Incoming | InvalidRequest], submission: Submission) -> str:
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
    resources: Resources, files: Sequence[Incoming | InvalidRequest], submission: Submission
) -> Receipt | None:
    if submission.idempotency_key is None:
        return None
    with resources.reading() as work:
        return _answered(work, files, submission)


def _answered(
    work: UnitOfWork, files: Sequence[Incoming | InvalidRequest], submission: Submission
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
    files: Sequence[Incoming | InvalidRequest], limits: HeaderLimits
) -> tuple[list[ReadableFile], list[FileOutcome]]:
    readable: list[ReadableFile] = []
    refused: list[FileOutcome] = []
    for number, file in enumerate(files, start=1):
        try:
            if isinstance(file, InvalidRequest):
                raise file
            with file.path.open("rb") as stream:
                readable.append(ReadableFile(number, file, read_header(stream, limits)))
        except InvalidRequest as error:
            refused.append(
                FileOutcome(
                    number=number, status=FileStatus.REFUSED, code=error.code, study_id=None
                )
            )
    return readable, refused


def _record(
    resources: Resources,
    files: Sequence[Incoming | InvalidRequest],
    submission: Submission,
    readable: Sequence[ReadableFile],
    refused: Sequence[FileOutcome],
) -> Receipt:
    now = resources.clock()
    by_study: defaultdict[str, list[ReadableFile]] = defaultdict(list)
    for one in readable:
        by_study[one.header.study_instance_uid].append(one)
    studies: list[ReceivedStudy] = []
    outcomes = list(refused)
    with resources.unit_of_work() as work:
        for uid in sorted(by_study):  # everybody locks studies in the same order
            study, filed = file_study(work, resources.settings, submission, by_study[uid], now)
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
