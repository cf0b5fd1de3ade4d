"""The page of API keys, for administrators: who may call, and no longer."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from api.deps import AdminPageCaller, ResourcesDep
from api.filters import words_in
from api.keys import KeyId, KeyRequest, get_keys, post_key, revoke_one_key
from api.templating import render
from preread.errors import InvalidRequest
from preread.keys import Caller, Role
from preread.resources import Resources
from preread.sites import known_sites

router = APIRouter(prefix="/keys", include_in_schema=False)

_MOST_WORDS = 5000


@router.get("")
def show_keys(caller: AdminPageCaller, request: Request, resources: ResourcesDep) -> Response:
    """List the keys of all sites, never a secret."""
    return render(request, "keys.html", _context(resources, caller))


@router.post("")
def make_key(
    caller: AdminPageCaller,
    request: Request,
    resources: ResourcesDep,
    role: Annotated[Role, Form()],
    label: Annotated[str, Form()],
    sites: Annotated[str, Form(max_length=_MOST_WORDS)] = "",
    licenses: Annotated[str, Form(max_length=_MOST_WORDS)] = "",
    days: Annotated[int | None, Form(ge=1, le=3650)] = None,
) -> Response:
    """Make a key and show it, this once."""
    said = {
        "role": role,
        "label": label.strip(),
        "sites": words_in(sites) or None,
        "licenses": words_in(licenses.upper()),
        "valid_days": days,
    }
    answer = Response()
    try:
        made = post_key(caller, KeyRequest.model_validate(said), resources, answer)
    except (InvalidRequest, ValidationError) as error:
        context = _context(resources, caller) | {"message": _words(error)}
        return render(request, "keys.html", context, HTTPStatus.UNPROCESSABLE_ENTITY)
    page = render(request, "keys.html", _context(resources, caller) | {"made": made})
    page.headers["Cache-Control"] = answer.headers["Cache-Control"]
    return page


@router.post("/{key_id}/revoke")
def end_key(caller: AdminPageCaller, key_id: KeyId, resources: ResourcesDep) -> Response:
    """Make a key useless from now on."""
    revoke_one_key(caller, key_id, resources)
    return RedirectResponse("/keys", HTTPStatus.SEE_OTHER)


def _words(error: InvalidRequest | ValidationError) -> str:
    if isinstance(error, InvalidRequest):
        return str(error)
    wrong = sorted({str(one["loc"][0]) for one in error.errors(include_input=False)})
    return (
        f"Not accepted: {', '.join(wrong)}. A site is a plain word, a license is of capital "
        "letters, digits and dashes, as US-TX."
    )


def _context(resources: Resources, caller: Caller) -> dict[str, Any]:
    return {
        "caller": caller,
        "here": "/keys",
        "keys": get_keys(caller, resources).keys,
        "sites": [one.site for one in known_sites(resources, caller.sites)],
        "now": resources.clock(),
        "roles": tuple(Role),
        "made": None,
        "message": None,
    }
