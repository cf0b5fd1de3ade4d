"""All slices of a study, one at a time, with the outlines of its pre-read.

A slice is decoded only after a worker decoded the very same file for the pre-read that is
shown, in a process that may die; what no worker could read is never opened here.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath

from api.contract import NOT_MODIFIED, problems
from api.deps import ReaderCaller, ResourcesDep, StudyId
from api.kept_slices import KeptSlices, kept_of
from api.pre_reads import Revision, cache_control, matches
from api.slice_bodies import SliceFinding, SlicesAnswer, SliceView, SliceWindow
from preread import __version__
from preread.dicom.header import read_header
from preread.dicom.images import read_slices
from preread.dicom.picture import KIND_RGB, WINDOW, Outline, Plane, WindowName, draw_slice
from preread.dicom.slice_record import RecordedSlice, SliceRecord
from preread.errors import PreReadError, SliceNotFound
from preread.findings import Mode
from preread.notice import NOTICE
from preread.phrases import outline_label
from preread.receive import header_limits
from preread.resources import Resources

router = APIRouter(prefix="/v1/studies", tags=["slices"])

_PNG: Final[Mapping[int | str, dict[str, Any]]] = {
    200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("/{study_id}/slices", responses=problems(401, 403, 404, 422, 503))
def get_slices(
    response: Response,
    caller: ReaderCaller,
    study_id: StudyId,
    resources: ResourcesDep,
    revision: Revision = None,
) -> SlicesAnswer:
    """Return which slices there are, feet to head, and which findings each one shows.

    Slices are counted from 0, as in the pre-read. While there is no pre-read, the 404 names
    the state of the study.
    """
    kept = kept_of(resources, caller, study_id, revision)
    response.headers["Cache-Control"] = cache_control(None)
    return _answer(study_id, kept, resources.settings.mode)


@router.get(
    "/{study_id}/slices/{index}.png",
    response_class=Response,
    responses={**_PNG, **NOT_MODIFIED, **problems(401, 403, 404, 422, 503)},
)
def get_slice(
    request: Request,
    caller: ReaderCaller,
    study_id: StudyId,
    index: Annotated[int, InPath(ge=0, le=10_000, description="From 0, feet to head.")],
    resources: ResourcesDep,
    *,
    window: Annotated[
        WindowName,
        Query(description="Center and width in HU: brain 40/80, subdural 75/215, bone 600/2800."),
    ] = WindowName.BRAIN,
    overlay: Annotated[bool, Query(description="With the outlines of the findings.")] = False,
    revision: Revision = None,
) -> Response:
    """Return one slice as PNG, with R and L and the notice in the picture.

    The patient's right is on the left of the picture, whatever way the patient lay.
    """
    if overlay and resources.settings.mode is Mode.TRIAGE_ONLY:
        message = "Outlines are not shown in triage-only mode."
        raise SliceNotFound(message)
    kept = kept_of(resources, caller, study_id, revision)
    record = kept.record
    if index >= len(record.slices):
        message = "The pre-read has no such slice."
        raise SliceNotFound(message)
    etag = f'"{kept.sha256[:32]}-{index}-{window.value}-{int(overlay)}-{__version__}"'
    headers = {"ETag": etag, "Cache-Control": cache_control(revision)}
    if matches(request, etag):
        return Response(status_code=304, headers=headers)
    plane = _plane(resources, record, record.slices[index])
    png = draw_slice(
        plane,
        _outlines(record, index) if overlay else (),
        window=WINDOW[window],
        synthetic=record.synthetic,
    )
    return Response(png, media_type="image/png", headers=headers)


def _plane(resources: Resources, record: SliceRecord, wanted: RecordedSlice) -> Plane:
    """Decode one slice, and only that file."""
    try:
        with resources.store.open(wanted.sha256) as stream:
            header = read_header(stream, header_limits(resources.settings))
            (image,) = read_slices(stream, header, wanted.frame)
    except (FileNotFoundError, PreReadError) as error:
        message = "The file of this slice is gone from the store or damaged there."
        raise SliceNotFound(message) from error
    turn = record.turn
    spacing_mm = turn.spacing_mm(record.pixel_spacing_mm)
    return Plane(np.ascontiguousarray(turn.apply(image.hu)), spacing_mm)


def _outlines(record: SliceRecord, index: int) -> tuple[Outline, ...]:
    labels = record.turn.apply(record.outline(index))
    return tuple(
        Outline(
            mask=labels == 1 + number,
            rgb=KIND_RGB[finding.type],
            label=outline_label(finding.type, finding.volume_ml, finding.place),
        )
        for number, finding in enumerate(record.findings)
        if finding in record.findings_on(index)
    )


def _answer(study_id: str, kept: KeptSlices, mode: Mode) -> SlicesAnswer:
    record = kept.record
    shown = mode is Mode.RESEARCH_PREREAD
    url = f"/v1/studies/{study_id}/slices"
    return SlicesAnswer(
        study_id=study_id,
        revision=kept.revision,
        series_instance_uid=record.series_instance_uid,
        count=len(record.slices),
        windows=tuple(
            SliceWindow(name=name, center_hu=one.center_hu, width_hu=one.width_hu)
            for name, one in WINDOW.items()
        ),
        findings=tuple(
            SliceFinding(
                finding_id=one.finding_id,
                type=one.type,
                color=f"#{bytes(KIND_RGB[one.type]).hex()}",
            )
            for one in record.findings
            if shown
        ),
        slices=tuple(
            SliceView(
                index=index,
                position_mm=record.heights_mm[index],
                instance_number=one.instance_number,
                sop_instance_uid=one.sop_instance_uid,
                finding_ids=tuple(f.finding_id for f in record.findings_on(index) if shown),
                url=f"{url}/{index}.png?revision={kept.revision}",
            )
            for index, one in enumerate(record.slices)
        ),
        mode=mode,
        notice=NOTICE,
    )
