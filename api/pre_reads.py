"""Pre-reads and their key images."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse

from api.contract import problems
from api.deps import ReaderCaller, ResourcesDep, StudyId
from api.errors import PreReadMissing
from preread.db.tables.pre_reads import PreReadRow
from preread.db.unit_of_work import UnitOfWork
from preread.errors import KeyImageNotFound
from preread.findings import Mode, PreRead, PreReadStatus
from preread.keys import Caller
from preread.modes import for_mode
from preread.resources import Resources

router = APIRouter(prefix="/v1/studies", tags=["pre-reads"])

Revision = Annotated[
    int | None,
    Query(ge=1, le=2**31 - 1, description="Of which revision; the newest one if left out."),
]

_FOR_EVER: Final = "private, max-age=31536000, immutable"
_ASK_AGAIN: Final = "private, no-cache"


@router.get("/{study_id}/pre-read", responses=problems(401, 403, 404, 422, 503))
def get_pre_read(
    caller: ReaderCaller, study_id: StudyId, resources: ResourcesDep, revision: Revision = None
) -> PreRead:
    """Return what the software says about a study.

    While there is nothing to say, the 404 names the state and, if it failed, the reason.
    """
    with resources.reading() as work:
        row = pre_read_row(work, caller, study_id, revision)
        newest = work.studies.pre_read(study_id)
        document = PreRead.model_validate(row.document)
        superseded = newest is not None and newest.revision > row.revision
    if superseded:
        document = document.model_copy(update={"status": PreReadStatus.SUPERSEDED})
    return for_mode(document, resources.settings.mode)


@router.get(
    "/{study_id}/key-images/{number}.png",
    response_class=Response,
    responses={
        200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "The image is the one of If-None-Match."},
        **problems(401, 403, 404, 422, 503),
    },
)
def get_key_image(
    request: Request,
    caller: ReaderCaller,
    study_id: StudyId,
    number: Annotated[int, Path(ge=1, le=10_000)],
    resources: ResourcesDep,
    *,
    overlay: Annotated[bool, Query(description="With the outlines of the findings.")] = False,
    revision: Revision = None,
) -> Response:
    """Return a key image as PNG, with R and L and the notice in the picture."""
    digest = _digest(resources, caller, study_id, revision, number=number, overlay=overlay)
    headers = {
        "ETag": f'"{digest}"',
        "Cache-Control": cache_control(revision),
    }
    if matches(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    path = resources.store.path(digest)
    if not path.is_file():
        message = "The file of this key image is gone from the store."
        raise KeyImageNotFound(message)
    return FileResponse(path, media_type="image/png", headers=headers)


def matches(request: Request, etag: str) -> bool:
    """Tell whether If-None-Match names this ETag, compared weakly (RFC 9110, 8.8.3.2)."""
    wanted = request.headers.get("if-none-match")
    if wanted is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in wanted.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags


def cache_control(revision: int | None) -> str:
    """Return how long an image may be kept: that of a named revision never changes."""
    return _ASK_AGAIN if revision is None else _FOR_EVER


def pre_read_row(
    work: UnitOfWork, caller: Caller, study_id: str, revision: int | None
) -> PreReadRow:
    """Return the pre-read of a study, of its newest revision or the one asked for.

    Raises
    ------
    StudyNotFound
        If the caller has no such study.
    PreReadMissing
        If it has no such pre-read.
    """
    study = work.studies.get(study_id, sites=caller.sites)
    row = work.studies.pre_read(study_id, revision)
    if row is None:
        raise PreReadMissing(study.ai_state, study.ai_reason)
    return row


def _digest(
    resources: Resources,
    caller: Caller,
    study_id: str,
    revision: int | None,
    *,
    number: int,
    overlay: bool,
) -> str:
    if overlay and resources.settings.mode is Mode.TRIAGE_ONLY:
        message = "Outlines are not shown in triage-only mode."
        raise KeyImageNotFound(message)
    with resources.reading() as work:
        images = list(pre_read_row(work, caller, study_id, revision).key_images)
    digest = images[number - 1]["overlay" if overlay else "plain"] if number <= len(images) else ""
    if not digest:
        message = "The pre-read has no such key image."
        raise KeyImageNotFound(message)
    return digest
