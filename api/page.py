"""The coordinator's page: the worklist for people, live, without a build step.

The server ranks and words everything; the browser only shows it. An event makes the browser
ask for its own list again, with its own filters, and morph what it has into the answer, so
that focus and selection stay.
"""

from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import jinja2
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.templating import Jinja2Templates

from api import wording
from api.auth import SESSION_COOKIE, SignInNeeded, refuse_other_pages
from api.deps import PageCaller, ResourcesDep, StudyId
from api.detail import StudyPane, study_pane
from api.filters import Filters
from api.listing import Listing, listing, read_filters, shown_list
from preread.errors import NotAuthenticated
from preread.findings import midline_text
from preread.keys import Caller, Role, caller_of_key, sign_in, sign_out
from preread.notice import NOTICE
from preread.resources import Resources
from preread.terms import KINDS

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

_TEMPLATES: Final = Jinja2Templates(
    env=jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
)
_TEMPLATES.env.filters.update(
    {
        "type_name": wording.type_name,
        "percent": wording.percent,
        "milliliters": wording.milliliters,
        "midline": midline_text,
        "iso": wording.iso,
        "clock_time": wording.clock_time,
    }
)
_TEMPLATES.env.globals.update(
    {
        "notice": NOTICE,
        "kinds": KINDS,
        "orders": wording.ORDER_WORD,
        "states": wording.STATE_WORD,
    }
)


@router.get("/")
def show_worklist(caller: PageCaller, request: Request, resources: ResourcesDep) -> Response:
    """Show the worklist; for htmx only the list itself."""
    filters = read_filters(request.query_params)
    listed = listing(resources, caller, filters)
    if not _is_fragment(request):
        return _whole_page(request, resources, caller, filters, listed)
    answer = _render(request, "_list.html", _context(resources, filters, listed))
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
    if _is_fragment(request):
        return _render(request, "_study.html", {"detail": pane, "filters": filters})
    listed = listing(resources, caller, filters)
    return _whole_page(request, resources, caller, filters, listed, pane)


@router.get("/sign-in")
def show_sign_in(request: Request, next: str = "/") -> Response:  # noqa: A002 - a usual name
    """Ask for an API key."""
    return _render(request, "sign_in.html", {"message": None, "next": _own_path(next)})


@router.post("/sign-in")
def take_sign_in(
    request: Request,
    resources: ResourcesDep,
    key: Annotated[str, Form(max_length=200)],
    next: Annotated[str, Form(max_length=500)] = "/",  # noqa: A002
) -> Response:
    """Exchange an API key for a session cookie that scripts cannot read."""
    refuse_other_pages(request)
    message = None
    try:
        if caller_of_key(resources, key.strip()).role is Role.SENDER:
            message = "This key may send studies but not read them."
    except NotAuthenticated:
        message = "This key is not known, or no longer valid."
    if message is not None:
        context = {"message": message, "next": _own_path(next)}
        return _render(request, "sign_in.html", context, HTTPStatus.UNAUTHORIZED)
    _, token = sign_in(resources, key.strip())
    answer = RedirectResponse(_own_path(next), HTTPStatus.SEE_OTHER)
    answer.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=resources.settings.session_hours * 3600,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


@router.post("/sign-out")
def take_sign_out(request: Request, resources: ResourcesDep) -> Response:
    """End the session."""
    refuse_other_pages(request)
    token = request.cookies.get(SESSION_COOKIE)
    if token is not None:
        sign_out(resources, token)
    answer = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


async def ask_to_sign_in(request: Request, error: Exception) -> Response:
    """Lead to the sign-in page, and back afterwards."""
    if not isinstance(error, SignInNeeded):
        raise error
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if _is_fragment(request):
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": "/sign-in"})
    query = "" if here == "/" else f"?{urlencode({'next': here})}"
    return RedirectResponse(f"/sign-in{query}", HTTPStatus.SEE_OTHER)


def _own_path(target: str) -> str:
    """Return a path of this page; anything else, another host above all, becomes the list."""
    plain = target.startswith("/") and not target.startswith("//") and "\\" not in target
    return target if plain and target.isprintable() else "/"


def _is_fragment(request: Request) -> bool:
    headers = request.headers
    return "hx-request" in headers and "hx-history-restore-request" not in headers


def _context(resources: Resources, filters: Filters, listed: Listing) -> dict[str, Any]:
    return {"listed": listed, "filters": filters, "now": resources.clock()}


def _whole_page(
    request: Request,
    resources: Resources,
    caller: Caller,
    filters: Filters,
    listed: Listing,
    pane: StudyPane | None = None,
) -> Response:
    context = _context(resources, filters, listed)
    context |= {"caller": caller, "detail": pane, "shown_list": shown_list(filters)}
    return _render(request, "page.html", context)


def _render(
    request: Request, name: str, context: dict[str, Any], status: int = HTTPStatus.OK
) -> Response:
    return _TEMPLATES.TemplateResponse(request, name, context, status)
