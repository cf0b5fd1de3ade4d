"""Who calls: an API key in a header, or the session cookie of the page.

A browser sends its cookie with every request, wanted or not, so a request that changes
something and shows only a cookie must also come from our own page.
"""

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from api.errors import FieldRefused
from preread.errors import NotAllowed, NotAuthenticated
from preread.keys import Caller, Role, caller_of_key, caller_of_session
from preread.resources import Resources
from preread.scope import Sites, covers

SESSION_COOKIE: Final = "preread_session"

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_BEARER: Final = "bearer "


class SignInNeeded(NotAuthenticated):
    """Somebody without a session wants to see the page."""


async def authenticate(request: Request, resources: Resources, roles: Collection[Role]) -> Caller:
    """Return who calls.

    Raises
    ------
    NotAuthenticated
        If there is no key and no session, or the one that is there is not valid.
    NotAllowed
        If the key has none of the roles, or the request may be another page's doing.
    """
    key = _key(request)
    if key is not None:
        caller = await run_in_threadpool(caller_of_key, resources, key)
    else:
        caller = await run_in_threadpool(caller_of_session, resources, _session(request))
        if request.method not in _SAFE_METHODS:
            refuse_other_pages(request)
    if caller.role not in roles:
        message = f"A key with the role {caller.role.value} does not cover this."
        raise NotAllowed(message)
    return caller


def refuse_other_pages(request: Request) -> None:
    """Refuse a request that a page of another origin may have made.

    Browsers leave Sec-Fetch-Site out where they do not trust the transport, as with plain
    HTTP in a local network; Origin is there for every POST.

    Raises
    ------
    NotAllowed
        If it does not come from our own page.
    """
    site = request.headers.get("sec-fetch-site")
    if site is None:
        origin = urlsplit(request.headers.get("origin", "")).netloc
        same = bool(origin) and origin == request.headers.get("host")
    else:
        same = site == "same-origin"
    if not same:
        message = "A request with a session cookie must come from the page itself."
        raise NotAllowed(message)


def site_for(caller: Caller, wanted: str | None) -> Sites:
    """Return the sites that a request is limited to: the one that is asked for, or all it may see.

    Raises
    ------
    NotAllowed
        If the key is bound to other sites than the one that is asked for.
    """
    if wanted is None:
        return caller.sites
    if covers(caller.sites, wanted):
        return frozenset({wanted})
    message = "The key is bound to another site."
    raise NotAllowed(message)


def one_site_for(caller: Caller, wanted: str | None) -> str:
    """Return the one site that a request is for: the one that is asked for, or the key's only one.

    Raises
    ------
    NotAllowed
        If the key is bound to other sites than the one that is asked for.
    FieldRefused
        If none is asked for and the key is not bound to one alone.
    """
    sites = site_for(caller, wanted)
    if sites is None or len(sites) != 1:
        message = "The key is not bound to one site, so the request must name one."
        raise FieldRefused("query.site", "missing", message)
    (site,) = sites
    return site


def _key(request: Request) -> str | None:
    authorization = request.headers.get("authorization", "")
    if authorization.lower().startswith(_BEARER):
        return authorization[len(_BEARER) :].strip()
    return request.headers.get("x-api-key")


def _session(request: Request) -> str:
    token = request.cookies.get(SESSION_COOKIE)
    if not token:
        message = "The API key or the session is missing or not valid."
        raise NotAuthenticated(message)
    return token
