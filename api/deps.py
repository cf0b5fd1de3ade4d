"""What endpoints may ask for; the only ``Depends`` of the web process."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Protocol, TypedDict
from uuid import UUID

from fastapi import Depends, Path, Request

from api import auth
from api.live import Live
from api.metrics import Metrics
from preread.errors import NotAllowed, NotAuthenticated, StudyNotFound
from preread.keys import Caller, Role
from preread.resources import Resources


class State(TypedDict):
    """What the lifespan hands to every request."""

    resources: Resources
    live: Live
    metrics: Metrics


class _HasState(Protocol):
    resources: Resources
    live: Live
    metrics: Metrics


def _state(request: Request) -> _HasState:
    state: Any = request.state
    typed: _HasState = state
    return typed


def _resources(request: Request) -> Resources:
    return _state(request).resources


def _live(request: Request) -> Live:
    return _state(request).live


def _metrics(request: Request) -> Metrics:
    return _state(request).metrics


ResourcesDep = Annotated[Resources, Depends(_resources)]
LiveDep = Annotated[Live, Depends(_live)]
MetricsDep = Annotated[Metrics, Depends(_metrics)]


def _require(*roles: Role) -> Callable[..., Awaitable[Caller]]:
    """Return a dependency that gives the caller if the key has one of the roles."""

    async def caller(request: Request) -> Caller:
        return await auth.authenticate(request, _resources(request), roles)

    return caller


AnyCaller = Annotated[Caller, Depends(_require(*Role))]
"""Anybody with a key."""

SenderCaller = Annotated[Caller, Depends(_require(Role.SENDER, Role.COORDINATOR, Role.ADMIN))]
"""Who may send studies."""

ReaderCaller = Annotated[Caller, Depends(_require(Role.READER, Role.COORDINATOR, Role.ADMIN))]
"""Who may see pre-reads and the worklist."""


def _require_on_page(*roles: Role) -> Callable[..., Awaitable[Caller]]:
    async def caller(request: Request) -> Caller:
        try:
            return await auth.authenticate(request, _resources(request), roles)
        except NotAuthenticated as error:
            raise auth.SignInNeeded(str(error)) from error

    return caller


PageCaller = Annotated[Caller, Depends(_require_on_page(Role.READER, Role.COORDINATOR, Role.ADMIN))]
"""Who may see the page; everybody else is led to the sign-in."""

OperatorPageCaller = Annotated[Caller, Depends(_require_on_page(Role.COORDINATOR, Role.ADMIN))]
"""Who may see how the service and its readers are doing, as a page."""


async def _admin_page_caller(
    caller: Annotated[Caller, Depends(_require_on_page(Role.ADMIN))],
) -> Caller:
    return _of_all_sites(caller)


AdminPageCaller = Annotated[Caller, Depends(_admin_page_caller)]
"""An administrator of all sites."""

SiteAdminPageCaller = Annotated[Caller, Depends(_require_on_page(Role.ADMIN))]
"""An administrator, of all sites or of some."""

OperatorCaller = Annotated[Caller, Depends(_require(Role.COORDINATOR, Role.ADMIN))]
"""Who may see how the service itself is doing, and decide which study goes where."""


AdminCaller = Annotated[Caller, Depends(_require(Role.ADMIN))]
"""Who may change what a site promises."""


async def _global_admin(caller: AdminCaller) -> Caller:
    return _of_all_sites(caller)


GlobalAdminCaller = Annotated[Caller, Depends(_global_admin)]
"""An administrator of all sites: keys, and which policy ranks everybody."""


async def _global_operator(caller: OperatorCaller) -> Caller:
    return _of_all_sites(caller)


GlobalOperatorCaller = Annotated[Caller, Depends(_global_operator)]
"""A coordinator or administrator of all sites."""


async def _global_operator_on_page(caller: OperatorPageCaller) -> Caller:
    return _of_all_sites(caller)


GlobalOperatorPageCaller = Annotated[Caller, Depends(_global_operator_on_page)]
"""The same, on the page."""


def _of_all_sites(caller: Caller) -> Caller:
    if caller.sites is not None:
        message = "This concerns all sites, and the key is bound to some of them."
        raise NotAllowed(message)
    return caller


def _study_id(study_id: Annotated[str, Path()]) -> str:
    try:
        parsed = str(UUID(study_id))
    except ValueError as error:
        raise _no_study() from error
    if parsed != study_id:
        raise _no_study()
    return parsed


def _no_study() -> StudyNotFound:
    message = "There is no such study."
    return StudyNotFound(message)


StudyId = Annotated[str, Depends(_study_id)]
"""The ID of a study as it stands in the path; anything that cannot be one is not found."""
