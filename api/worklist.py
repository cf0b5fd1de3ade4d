"""The worklist: a page of it, and a stream of what happens to it."""

import hashlib
from dataclasses import asdict
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.responses import StreamingResponse

from api.auth import site_for
from api.breakers import breaker_notice
from api.contract import EVENT_STREAM, NOT_MODIFIED, problems
from api.deps import LiveDep, ReaderCaller, ResourcesDep
from api.filters import SITE_PATTERN, Filters, encode_cursor
from api.list_bodies import Counts, WorklistAnswer, WorklistRow
from api.pre_reads import matches
from api.views import study_view
from preread import __version__
from preread.db.tally import WorklistCounts
from preread.db.worklist import WorklistPage
from preread.keys import Caller
from preread.notice import NOTICE
from preread.resources import Resources
from preread.settings import Settings

router = APIRouter(prefix="/v1/worklist", tags=["worklist"])

_LARGEST_SEQ: Final = 2**63 - 1


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


@router.get(
    "",
    response_model=WorklistAnswer,
    responses={**NOT_MODIFIED, **problems(401, 403, 422, 503)},
)
def get_worklist(
    caller: ReaderCaller,
    request: Request,
    response: Response,
    resources: ResourcesDep,
    filters: Annotated[Filters, Query()],
) -> WorklistAnswer | Response:
    """Return a page of the worklist in reading order; every row says why it stands there.

    The order changes only on events, so the ETag is good until the next one.
    """
    query = filters.query(site_for(caller, filters.site))
    with resources.reading() as work:
        seq = work.events.last_seq()  # first, so that the page is never older than it says
        headers = {
            "ETag": _etag(seq, filters, caller, resources.settings),
            "Cache-Control": "private, no-cache",
            "Vary": "Authorization, X-API-Key, Cookie",
        }
        if matches(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        page = work.worklist.page(query)
        counts = work.worklist.counts(query.sites)
        banners = [breaker_notice(one) for one in work.breakers.tripped(query.sites)]
    answer = _answer(resources, caller, page, counts, seq).model_copy(
        update={"notices": tuple(banners)}
    )
    if answer.next_cursor is not None:
        following = filters.url("/v1/worklist", cursor=answer.next_cursor)
        headers["Link"] = f'<{following}>; rel="next"'
    response.headers.update(headers)
    return answer


@router.get(
    "/events",
    response_class=EventStream,
    responses={**EVENT_STREAM, **problems(401, 403, 422, 503)},
)
async def follow_worklist(
    caller: ReaderCaller,
    resources: ResourcesDep,
    live: LiveDep,
    *,
    site: Annotated[str | None, Query(pattern=SITE_PATTERN)] = None,
    after: Annotated[
        int | None, Query(ge=0, le=_LARGEST_SEQ, description="Begin behind this event.")
    ] = None,
    last_event_id: Annotated[
        str | None,
        Header(pattern=r"^[0-9]{1,18}$", description="As browsers send it; wins over `after`."),
    ] = None,
) -> EventStream:
    """Follow what happens to the studies, as server-sent events named `worklist`.

    The ID of an event is its number. With neither `after` nor Last-Event-ID, begins now.
    """
    stream = live.stream(
        resources,
        sites=site_for(caller, site),
        after=after if last_event_id is None else int(last_event_id),
    )
    return EventStream(stream, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


def _etag(seq: int, filters: Filters, caller: Caller, settings: Settings) -> str:
    parts = (
        __version__,
        settings.mode.value,
        caller.key_id,
        None if caller.sites is None else sorted(caller.sites),
        caller.role.value,
        seq,
        filters.model_dump_json(),
    )
    return f'W/"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'


def _answer(
    resources: Resources, caller: Caller, page: WorklistPage, counts: WorklistCounts, seq: int
) -> WorklistAnswer:
    mode = resources.settings.mode
    return WorklistAnswer(
        studies=tuple(
            WorklistRow(position=position, study=study_view(study, caller, mode))
            for position, study in enumerate(page.studies, start=1)
        ),
        next_cursor=None if page.next_cursor is None else encode_cursor(page.next_cursor),
        counts=Counts(**asdict(counts)),
        event_seq=seq,
        notices=(),
        mode=mode,
        notice=NOTICE,
    )
