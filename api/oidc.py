"""Signing in through an identity provider: authorization code with PKCE, state and nonce.

What one attempt has to remember lies in a cookie of the browser that began it, for ten minutes.
"""

import base64
import hmac
import json
from dataclasses import asdict
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.deps import ResourcesDep
from api.oidc_claims import SignInRefused, mapped_roles, person_of
from api.oidc_provider import (
    Attempt,
    authorization_url,
    claims_for,
    configured,
    installed,
    new_attempt,
)
from api.session_cookie import own_path, set_session
from api.templating import render
from preread.errors import NotAuthenticated, NotFound, PreReadError
from preread.logs import get_logger
from preread.people import sign_in_person
from preread.resources import Resources
from preread.settings import Settings

router = APIRouter(prefix="/sign-in/oidc", include_in_schema=False)
router.default_response_class = HTMLResponse

ATTEMPT_COOKIE: Final = "preread_oidc"
RETURN_PATH: Final = "/sign-in/oidc/return"
_ATTEMPT_S: Final = 600

_log = get_logger(__name__)


def offered(settings: Settings) -> bool:
    """Tell whether the sign-in page shows the button."""
    return configured(settings) and installed()


def check(settings: Settings) -> None:
    """Refuse settings that could let nobody in, and say where the extra is missing.

    Raises
    ------
    SettingsInvalid
        If the mapping of roles cannot be read.
    """
    mapped_roles(settings.oidc_roles)
    if configured(settings) and not installed():
        _log.error("oidc_extra_missing", reason="install the extra oidc, or unset the issuer")


@router.get("")
def begin_oidc(request: Request, resources: ResourcesDep, next: str = "/") -> Response:  # noqa: A002
    """Send the browser to the provider."""
    _need_offer(resources.settings)
    attempt = new_attempt(own_path(next))
    try:
        url = authorization_url(resources.settings, attempt, _return_url(request, resources))
    except SignInRefused as refused:
        return _refuse(request, refused.code, str(refused))
    answer = RedirectResponse(url, HTTPStatus.SEE_OTHER)
    answer.set_cookie(
        ATTEMPT_COOKIE,
        base64.urlsafe_b64encode(json.dumps(asdict(attempt)).encode()).decode(),
        max_age=_ATTEMPT_S,
        path=router.prefix,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",  # it has to come along when the provider sends the browser back
    )
    return answer


@router.get("/return")
def end_oidc(
    request: Request, resources: ResourcesDep, state: str = "", code: str = "", error: str = ""
) -> Response:
    """Check what the provider sent along and begin a session, as after a sign-in by key."""
    _need_offer(resources.settings)
    attempt = _attempt_of(request)
    if attempt is None or not hmac.compare_digest(attempt.state.encode(), state.encode()):
        message = "The sign-in took too long, or is another one's."
        return _refuse(request, "wrong-state", message)
    if error or not code:
        return _refuse(request, "provider-refused", "The provider did not sign you in.")
    try:
        return_url = _return_url(request, resources)
        claims = claims_for(resources.settings, attempt, code, return_url)
        token = sign_in_person(resources, person_of(resources.settings, claims))
    except SignInRefused as refused:
        return _refuse(request, refused.code, str(refused))
    except NotAuthenticated:
        return _refuse(request, "revoked", "Your access here has been revoked.")
    except PreReadError:
        return _refuse(request, "bad-site", "The site of your account is not a plain word.")
    # A page that goes on by itself, as the strict cookie of the session would be withheld from a
    # redirect in a chain that the provider's page began.
    answer = render(request, "signed_in.html", {"next": own_path(attempt.next)})
    set_session(answer, request, resources.settings, token)
    answer.delete_cookie(ATTEMPT_COOKIE, path=router.prefix)
    return answer


def _need_offer(settings: Settings) -> None:
    if not offered(settings):
        message = "There is no sign-in through a provider here."
        raise NotFound(message)


def _return_url(request: Request, resources: Resources) -> str:
    base = resources.settings.public_url or str(request.base_url)
    return base.rstrip("/") + RETURN_PATH


def _attempt_of(request: Request) -> Attempt | None:
    try:
        found = json.loads(base64.urlsafe_b64decode(request.cookies.get(ATTEMPT_COOKIE, "")))
        return Attempt(**{name: str(value) for name, value in found.items()})
    except (ValueError, TypeError, AttributeError):
        return None


def _refuse(request: Request, code: str, message: str) -> Response:
    _log.warning("oidc_refused", code=code)
    context = {"message": message, "next": "/", "oidc": True}
    answer = render(request, "sign_in.html", context, HTTPStatus.UNAUTHORIZED)
    answer.delete_cookie(ATTEMPT_COOKIE, path=router.prefix)
    return answer
