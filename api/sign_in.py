"""Signing in and out on the page: an API key against a session cookie."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.auth import SESSION_COOKIE, SignInNeeded, refuse_other_pages
from api.deps import ResourcesDep
from api.oidc import offered
from api.session_cookie import own_path, set_session
from api.templating import is_fragment, render
from preread.errors import NotAuthenticated
from preread.keys import Role, caller_of_key, sign_in, sign_out

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/sign-in")
def show_sign_in(request: Request, resources: ResourcesDep, next: str = "/") -> Response:  # noqa: A002 - a usual name
    """Ask for an API key, or lead to the identity provider where there is one."""
    context = {"message": None, "next": own_path(next), "oidc": offered(resources.settings)}
    return render(request, "sign_in.html", context)


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
        context = {
            "message": message,
            "next": own_path(next),
            "oidc": offered(resources.settings),
        }
        return render(request, "sign_in.html", context, HTTPStatus.UNAUTHORIZED)
    _, token = sign_in(resources, key.strip())
    answer = RedirectResponse(own_path(next), HTTPStatus.SEE_OTHER)
    set_session(answer, request, resources.settings, token)
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
    if is_fragment(request):
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": "/sign-in"})
    query = "" if here == "/" or request.method != "GET" else f"?{urlencode({'next': here})}"
    return RedirectResponse(f"/sign-in{query}", HTTPStatus.SEE_OTHER)
