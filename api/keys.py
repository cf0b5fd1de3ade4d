"""API keys: who may call, for which sites, in which role, with which licenses."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response, status
from pydantic import Field

from api.bodies import AnswerBody, RequestBody
from api.contract import problems
from api.deps import GlobalAdminCaller, ResourcesDep
from api.filters import LICENSE_PATTERN, SITE_PATTERN
from preread.keys import KeySummary, Role, create_key, id_of_key, list_keys, revoke_key, summary_of
from preread.site_names import MOST_LICENSES, MOST_SITES

router = APIRouter(prefix="/v1/keys", tags=["administration"])

KeyId = Annotated[str, Path(pattern=r"^[0-9a-f]{8}$")]


class KeyRequest(RequestBody):
    """A key to be made; without ``sites`` it is good for all of them."""

    role: Role
    label: Annotated[
        str,
        Field(
            pattern=r"^[^\x00-\x1f\x7f]{1,64}$", description="Whose it is, as everybody sees it."
        ),
    ]
    sites: Annotated[
        tuple[Annotated[str, Field(pattern=SITE_PATTERN)], ...] | None,
        Field(min_length=1, max_length=MOST_SITES, description="null is all sites."),
    ] = None
    licenses: Annotated[
        tuple[Annotated[str, Field(pattern=LICENSE_PATTERN)], ...],
        Field(
            max_length=MOST_LICENSES,
            description="What its reader may read: sites that ask for another license are passed "
            "over by `next`, and their studies cannot be claimed.",
        ),
    ] = ()
    valid_days: Annotated[int | None, Field(ge=1, le=3650)] = None


class KeyView(AnswerBody):
    """A key as it may be listed, never its secret; ``sites`` null is all sites."""

    key_id: str
    label: str
    role: Role
    sites: tuple[str, ...] | None
    licenses: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class KeyMade(AnswerBody):
    """A new key; ``secret`` is the key itself and cannot be asked for again."""

    key: KeyView
    secret: str


class KeysAnswer(AnswerBody):
    """All keys, oldest first, also those that are over."""

    keys: tuple[KeyView, ...]


@router.get("", responses=problems(401, 403, 503))
def get_keys(caller: GlobalAdminCaller, resources: ResourcesDep) -> KeysAnswer:
    """Return all keys without their secrets."""
    del caller
    return KeysAnswer(keys=tuple(map(_view, list_keys(resources))))


@router.post(
    "", status_code=status.HTTP_201_CREATED, responses=problems(400, 401, 403, 413, 422, 503)
)
def post_key(
    caller: GlobalAdminCaller, body: KeyRequest, resources: ResourcesDep, response: Response
) -> KeyMade:
    """Make a key. Its secret is in this answer and nowhere else."""
    del caller
    secret = create_key(
        resources,
        body.role,
        label=body.label,
        sites=body.sites,
        licenses=body.licenses,
        valid_days=body.valid_days,
    )
    response.headers["Cache-Control"] = "no-store"
    return KeyMade(key=_view(summary_of(resources, id_of_key(secret))), secret=secret)


@router.post("/{key_id}/revoke", responses=problems(401, 403, 404, 422, 503))
def revoke_one_key(caller: GlobalAdminCaller, key_id: KeyId, resources: ResourcesDep) -> KeyView:
    """Make a key useless from now on, with every sign-in that was made with it."""
    del caller
    revoke_key(resources, key_id)
    return _view(summary_of(resources, key_id))


def _view(key: KeySummary) -> KeyView:
    return KeyView(
        key_id=key.key_id,
        label=key.label,
        role=key.role,
        sites=None if key.sites is None else tuple(sorted(key.sites)),
        licenses=tuple(sorted(key.licenses)),
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
    )
