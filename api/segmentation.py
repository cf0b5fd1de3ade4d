"""The outlines of a pre-read as a file that viewers and archives of DICOM open."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from pydicom.errors import InvalidDicomError

from api.contract import NOT_MODIFIED, problems
from api.deps import ReaderCaller, ResourcesDep, StudyId
from api.kept_slices import KeptSlices, kept_of
from api.pre_reads import Revision, cache_control, matches
from preread import __version__
from preread.errors import SegmentationNotFound, SliceNotFound
from preread.findings import Mode, PreRead
from preread.resources import Resources

router = APIRouter(prefix="/v1/studies", tags=["slices"])

_DICOM: Final = "application/dicom"
_FILE: Final[Mapping[int | str, dict[str, Any]]] = {
    200: {"content": {_DICOM: {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get(
    "/{study_id}/segmentation",
    response_class=Response,
    responses={**_FILE, **NOT_MODIFIED, **problems(401, 403, 404, 422, 503)},
)
def get_segmentation(
    request: Request,
    caller: ReaderCaller,
    study_id: StudyId,
    resources: ResourcesDep,
    revision: Revision = None,
) -> Response:
    """Return the outlines as a DICOM segmentation, a binary segment for each finding.

    It belongs to the study of the images and has their patient; the same pre-read gives the same
    object. The 404 says if nothing was outlined, or the images cannot be had any more.
    """
    if resources.settings.mode is Mode.TRIAGE_ONLY:
        message = "Outlines are not shown in triage-only mode."
        raise SegmentationNotFound(message)
    kept = kept_of(resources, caller, study_id, revision)
    etag = f'"{kept.document["pre_read_id"]}-segmentation-{__version__}"'
    headers = {"ETag": etag, "Cache-Control": cache_control(revision)}
    if matches(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(_file(resources, kept), media_type=_DICOM, headers=headers)


def _file(resources: Resources, kept: KeptSlices) -> bytes:
    # Late: it takes a second to load, and most processes never need it.
    from preread.dicom import segmentation  # noqa: PLC0415

    shown = dict.fromkeys(one.sha256 for one in segmentation.shown_slices(kept.record))
    sources = []
    for digest in shown:
        try:
            with resources.store.open(digest) as stream:
                sources.append(segmentation.read_source(stream))
        except (FileNotFoundError, InvalidDicomError) as error:
            message = "The file of a slice is gone from the store or damaged there."
            raise SliceNotFound(message) from error
    document = PreRead.model_validate(kept.document)
    return segmentation.make_segmentation(document, kept.record, sources)
