"""DICOMweb's store transaction (STOW-RS, PS3.18 10.5): what PACS and routers can send by themselves."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse
from pydicom.dataset import Dataset
from starlette.concurrency import run_in_threadpool

from api.auth import one_site_for
from api.contract import STOW_ANSWERS, STOW_BODY, problems
from api.deps import MetricsDep, ResourcesDep, SenderCaller
from api.filters import SITE_PATTERN, UID_PATTERN
from api.upload import Intake, take_related
from preread.dicom.header import InstanceHeader, read_header
from preread.errors import InstanceConflict, InvalidRequest, NothingStored
from preread.keys import Caller
from preread.receive import header_limits, receive
from preread.resources import Resources
from preread.store import Incoming
from preread.submission import FileStatus, Submission
from preread.terms import OrderClass

router = APIRouter(prefix="/dicom-web/studies", tags=["studies"])

_JSON: Final = "application/dicom+json"
_STORED: Final = frozenset({FileStatus.STORED, FileStatus.DUPLICATE})
_NOT_UNDERSTOOD: Final = 0xC000  # reasons of PS3.18 table I.2-2
_ANOTHER_STUDY: Final = 0xA900
_OTHER_BYTES: Final = 0x0111  # duplicate SOP instance, PS3.7 C.5.5


class _AnotherStudy(InvalidRequest):
    """The instance is not of the study that the path names."""


@router.post(
    "",
    openapi_extra={"requestBody": STOW_BODY},
    responses={**STOW_ANSWERS, **problems(400, 401, 403, 408, 413, 415, 422, 503, 507)},
)
async def store_instances(
    caller: SenderCaller,
    request: Request,
    resources: ResourcesDep,
    metrics: MetricsDep,
    *,
    site: Annotated[str | None, Query(pattern=SITE_PATTERN)] = None,
    order_class: Annotated[OrderClass | None, Query()] = None,
) -> JSONResponse:
    """Store instances as DICOMweb says; the studies are complete after the quiet period.

    The site is that of the key, or named in the query. What was stored before counts as stored.
    """
    submission = _submission(caller, site, order_class)
    return await _take(request, resources, metrics, submission, None)


@router.post(
    "/{study_instance_uid}",
    openapi_extra={"requestBody": STOW_BODY},
    responses={**STOW_ANSWERS, **problems(400, 401, 403, 408, 413, 415, 422, 503, 507)},
)
async def store_instances_of_study(
    caller: SenderCaller,
    request: Request,
    resources: ResourcesDep,
    metrics: MetricsDep,
    study_instance_uid: Annotated[str, Path(pattern=UID_PATTERN)],
    *,
    site: Annotated[str | None, Query(pattern=SITE_PATTERN)] = None,
    order_class: Annotated[OrderClass | None, Query()] = None,
) -> JSONResponse:
    """Store instances of one study; those of another one are refused."""
    submission = _submission(caller, site, order_class)
    return await _take(request, resources, metrics, submission, study_instance_uid)


def _submission(caller: Caller, site: str | None, order_class: OrderClass | None) -> Submission:
    return Submission(
        site=one_site_for(caller, site),
        order_class=order_class,
        accession_number=None,
        complete=False,
        actor=caller.key_id,
        idempotency_key=None,
    )


async def _take(
    request: Request,
    resources: Resources,
    metrics: MetricsDep,
    submission: Submission,
    study_uid: str | None,
) -> JSONResponse:
    with Intake(resources.store, resources.settings) as intake:
        await take_related(request, intake, resources.settings)
        files = await run_in_threadpool(intake.files)
        status, answer = await run_in_threadpool(_store, resources, files, submission, study_uid)
    metrics.uploaded_files.inc(len(files))
    return JSONResponse(answer.to_json_dict(), status, media_type=_JSON)


def _store(
    resources: Resources,
    files: Sequence[Incoming | InvalidRequest],
    submission: Submission,
    study_uid: str | None,
) -> tuple[HTTPStatus, Dataset]:
    """Store what can be stored, and say which instances those are."""
    headers = [_header(resources, file) for file in files]
    wanted = [
        _AnotherStudy() if header and study_uid not in {None, header.study_instance_uid} else file
        for file, header in zip(files, headers, strict=True)
    ]
    stored: set[int] = set()
    try:
        outcomes = receive(resources, wanted, submission).files
        stored = {one.number for one in outcomes if one.status in _STORED}
    except (NothingStored, InstanceConflict):
        pass  # the answer says it of each instance
    reasons = [_reason(file, header) for file, header in zip(wanted, headers, strict=True)]
    answer = _answer(headers, reasons, stored)
    if len(stored) == len(files):
        return HTTPStatus.OK, answer
    return HTTPStatus.ACCEPTED if stored else HTTPStatus.CONFLICT, answer


def _header(resources: Resources, file: Incoming | InvalidRequest) -> InstanceHeader | None:
    if isinstance(file, InvalidRequest):
        return None
    try:
        with file.path.open("rb") as stream:
            return read_header(stream, header_limits(resources.settings))
    except InvalidRequest:
        return None


def _reason(file: Incoming | InvalidRequest, header: InstanceHeader | None) -> int:
    """Return why an instance was not stored, if it was not."""
    if isinstance(file, _AnotherStudy):
        return _ANOTHER_STUDY
    return _NOT_UNDERSTOOD if header is None else _OTHER_BYTES


def _answer(
    headers: Sequence[InstanceHeader | None], reasons: Sequence[int], stored: set[int]
) -> Dataset:
    """Return the store instances response module (PS3.18 I.1), without URLs to retrieve from."""
    done: list[Dataset] = []
    failed: list[Dataset] = []
    unnamed: list[Dataset] = []
    for number, (header, reason) in enumerate(zip(headers, reasons, strict=True), start=1):
        item = Dataset()
        if header is not None:
            item.ReferencedSOPClassUID = header.sop_class_uid
            item.ReferencedSOPInstanceUID = header.sop_instance_uid
        if number in stored:
            item.RetrieveURL = ""
            done.append(item)
            continue
        item.FailureReason = reason
        (unnamed if header is None else failed).append(item)
    answer = Dataset()
    answer.RetrieveURL = ""
    for keyword, items in (
        ("ReferencedSOPSequence", done),
        ("FailedSOPSequence", failed),
        ("OtherFailuresSequence", unnamed),
    ):
        if items:
            setattr(answer, keyword, items)
    return answer
