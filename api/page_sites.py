"""The pages of sites, for administrators: what is said of them, and the targets they promise.

They ask the functions of the API, so what the API refuses the page does not do either.
"""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from api.deps import LiveDep, ResourcesDep, SiteAdminPageCaller
from api.filters import SITE_PATTERN
from api.live import Live
from api.sites import SiteRequest, TargetMinutes, get_sites, get_targets, put_site, put_targets
from api.templating import render
from api.webhook_lines import MOST_MESSAGES, TYPE_WORD, lines_of
from preread.errors import InvalidRequest, NotAllowed
from preread.keys import Caller
from preread.policy import LONGEST_TARGET_MIN, SHORTEST_TARGET_MIN
from preread.resources import Resources
from preread.sites import MOST_TITLE, MOST_VIEWER_URL

router = APIRouter(prefix="/sites", include_in_schema=False)

Site = Annotated[str, Path(pattern=SITE_PATTERN)]


@router.get("")
def show_sites(
    caller: SiteAdminPageCaller, request: Request, resources: ResourcesDep, live: LiveDep
) -> Response:
    """List the sites that the key covers, and where results go."""
    return render(request, "sites.html", sites_context(resources, caller, live))


@router.post("")
def add_site(
    caller: SiteAdminPageCaller,
    request: Request,
    resources: ResourcesDep,
    live: LiveDep,
    site: Annotated[str, Form(max_length=63)],
    title: Annotated[str, Form(max_length=MOST_TITLE)] = "",
) -> Response:
    """Describe a site that nobody described yet, and open it; what was said of one stays."""
    known = {one.site for one in get_sites(caller, resources).sites if one.changed_at is not None}
    try:
        if site not in known:
            put_site(caller, site, SiteRequest(title=title.strip()), resources)
    except (InvalidRequest, ValidationError) as error:
        context = sites_context(resources, caller, live) | {"message": refused_words(error)}
        return render(request, "sites.html", context, HTTPStatus.UNPROCESSABLE_ENTITY)
    return RedirectResponse(f"/sites/{site}", HTTPStatus.SEE_OTHER)


@router.get("/{site}")
def show_site(
    caller: SiteAdminPageCaller, site: Site, request: Request, resources: ResourcesDep
) -> Response:
    """Show one site with forms for what is said of it."""
    return render(request, "site.html", _one(resources, caller, site))


@router.post("/{site}")
def describe(
    caller: SiteAdminPageCaller,
    site: Site,
    request: Request,
    resources: ResourcesDep,
    title: Annotated[str, Form(max_length=MOST_TITLE)] = "",
    viewer_url: Annotated[str, Form(max_length=MOST_VIEWER_URL)] = "",
    license: Annotated[str, Form(max_length=16)] = "",  # noqa: A002 - as the API says it
) -> Response:
    """Say what a site is called, where its viewer is, and which license its readers need."""
    said = {
        "title": title.strip(),
        "viewer_url": viewer_url.strip(),
        "license": license.strip().upper() or None,
    }
    try:
        put_site(caller, site, SiteRequest.model_validate(said), resources)
    except (InvalidRequest, ValidationError) as error:
        context = _one(resources, caller, site) | {"message": refused_words(error)}
        return render(request, "site.html", context, HTTPStatus.UNPROCESSABLE_ENTITY)
    return RedirectResponse(f"/sites/{site}", HTTPStatus.SEE_OTHER)


@router.post("/{site}/targets")
def promise(
    caller: SiteAdminPageCaller,
    site: Site,
    request: Request,
    resources: ResourcesDep,
    stat: Annotated[int, Form()],
    er: Annotated[int, Form()],
    inpatient: Annotated[int, Form()],
    routine: Annotated[int, Form()],
) -> Response:
    """Set the target times of a site, for studies that are complete from now on."""
    said = {"STAT": stat, "ER": er, "INPATIENT": inpatient, "ROUTINE": routine}
    try:
        put_targets(caller, site, TargetMinutes.model_validate(said), resources)
    except ValidationError as error:
        context = _one(resources, caller, site) | {"message": refused_words(error)}
        return render(request, "site.html", context, HTTPStatus.UNPROCESSABLE_ENTITY)
    return RedirectResponse(f"/sites/{site}", HTTPStatus.SEE_OTHER)


def refused_words(error: InvalidRequest | NotAllowed | ValidationError) -> str:
    """Return what is wrong with a form in words, without what was filled in."""
    if not isinstance(error, ValidationError):
        return str(error)
    wrong = sorted({str(one["loc"][0]) for one in error.errors(include_input=False)})
    return f"Not accepted: {', '.join(wrong)}."


def sites_context(resources: Resources, caller: Caller, live: Live) -> dict[str, Any]:
    """Return what the list of sites and destinations shows."""
    known = get_sites(caller, resources).sites
    targets = {one.site: get_targets(caller, one.site, resources).current for one in known}
    return {
        "caller": caller,
        "here": "/sites",
        "sites": known,
        "targets": targets,
        "listener_count": live.listener_count,
        "webhooks": lines_of(resources, caller),
        "type_words": TYPE_WORD,
        "most": MOST_MESSAGES,
        "needs_https": not resources.settings.webhook_allow_http,
        "needs_public": not resources.settings.webhook_allow_private,
        "refused": None,
        "message": None,
    }


def _one(resources: Resources, caller: Caller, site: str) -> dict[str, Any]:
    targets = get_targets(caller, site, resources)  # refuses a site that is not the caller's
    with resources.reading() as work:
        info = work.sites.get(site)
    return {
        "caller": caller,
        "here": "/sites",
        "site": info,
        "targets": targets,
        "shortest": SHORTEST_TARGET_MIN,
        "longest": LONGEST_TARGET_MIN,
        "settings_viewer": resources.settings.viewer_url,
        "message": None,
    }
