"""The page of API keys, for administrators: who may call, and no longer."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from api.deps import AdminPageCaller, ResourcesDep
from api.templating import render
from preread.errors import InvalidRequest
from preread.keys import Caller, Role, create_key, list_keys, revoke_key
from preread.resources import Resources

router = APIRouter(prefix="/keys", include_in_schema=False)


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
    label: Annotated[str, Form(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")],
    site: Annotated[str, Form(max_length=63)] = "",
    days: Annotated[int | None, Form(ge=1, le=3650)] = None,
) -> Response:
    """Make a key and show it, this once."""
    try:
        key = create_key(
            resources, role, label=label.strip(), site=site.strip() or None, valid_days=days
        )
    except InvalidRequest as error:
        context = _context(resources, caller) | {"message": str(error)}
        return render(request, "keys.html", context, HTTPStatus.UNPROCESSABLE_ENTITY)
    return render(request, "keys.html", _context(resources, caller) | {"made": key})


@router.post("/{key_id}/revoke")
def end_key(caller: AdminPageCaller, key_id: str, resources: ResourcesDep) -> Response:
    """Make a key useless from now on."""
    del caller
    revoke_key(resources, key_id)
    return RedirectResponse("/keys", HTTPStatus.SEE_OTHER)


def _context(resources: Resources, caller: Caller) -> dict[str, Any]:
    return {
        "caller": caller,
        "here": "/keys",
        "keys": list_keys(resources),
        "now": resources.clock(),
        "roles": tuple(Role),
        "made": None,
        "message": None,
    }
