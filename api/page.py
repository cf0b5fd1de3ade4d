"""The worklist page for people: the list and the study beside it, live, without a build step.

The server ranks and words everything; the browser only shows it. An event makes the browser
ask for its own list again, with its own filters, and morph what it has into the answer, so
that focus and selection stay.
"""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from api.deps import PageCaller, ResourcesDep, StudyId
from api.detail import StudyPane, study_pane
from api.listing import Listing, PageFilters, listing, read_filters, shown_list
from api.templating import is_fragment, render
from preread.keys import Caller
from preread.resources import Resources

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/")
def show_worklist(caller: PageCaller, request: Request, resources: ResourcesDep) -> Response:
    """Show the worklist; for htmx only the list itself."""
    filters = read_filters(request.query_params)
    listed = listing(resources, caller, filters)
    if not is_fragment(request):
        return _whole_page(request, resources, caller, filters, listed)
    answer = render(request, "_refreshed.html", _context(resources, caller, filters, listed))
    if request.headers.get("hx-source") == "form#filters":
        answer.headers["HX-Push-Url"] = filters.url("/")
    return answer


@router.get("/studies/{study_id}")
def show_study(
    caller: PageCaller, study_id: StudyId, request: Request, resources: ResourcesDep
) -> Response:
    """Show a study beside the worklist; for htmx only the study."""
    filters = read_filters(request.query_params)
    pane = study_pane(resources, caller, study_id, filters)
    if is_fragment(request):
        context = {"detail": pane, "filters": filters, "caller": caller}
        return render(request, "_study.html", context)
    listed = listing(resources, caller, filters)
    return _whole_page(request, resources, caller, filters, listed, pane)


def _context(
    resources: Resources, caller: Caller, filters: PageFilters, listed: Listing
) -> dict[str, Any]:
    return {"listed": listed, "filters": filters, "caller": caller, "now": resources.clock()}


def _whole_page(
    request: Request,
    resources: Resources,
    caller: Caller,
    filters: PageFilters,
    listed: Listing,
    pane: StudyPane | None = None,
) -> Response:
    context = _context(resources, caller, filters, listed)
    shown = {"here": "/", "detail": pane, "shown_list": shown_list(filters)}
    return render(request, "page.html", context | shown)
