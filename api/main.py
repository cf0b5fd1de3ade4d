"""Puts the web process together."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from api import (
    admin,
    alerts,
    boards,
    breakers,
    claims,
    contract,
    coordination,
    errors,
    feedback,
    keys,
    oidc,
    page,
    page_feedback,
    page_policies,
    page_sites,
    page_steering,
    page_steps,
    page_webhooks,
    policies,
    pre_reads,
    quality,
    retry,
    segmentation,
    service,
    sign_in,
    sites,
    slices,
    stow,
    studies,
    turnaround,
    webhooks,
    worklist,
)
from api.auth import SignInNeeded
from api.deps import State
from api.housekeeping import running
from api.live import Live
from api.metrics import Metrics
from api.middleware import Drained, Observed, SmallBodies
from preread import __version__
from preread.resources import Resources, open_resources
from preread.settings import Settings

UPLOADS: Final = re.compile(r"/v1/studies|/dicom-web/studies(/[0-9.]+)?")

_DESCRIPTION: Final = """\
Takes head CTs, pre-reads them for intracranial hemorrhage and re-ranks the reading worklist.
Research software, not a medical device. Errors are problem+json (RFC 9457); times are RFC 3339
in UTC; lists are paged with an opaque cursor."""

OpenResources = Callable[[Settings], AbstractContextManager[Resources]]


def create_app(settings: Settings, open_resources: OpenResources = open_resources) -> FastAPI:
    """Return the web application.

    Parameters
    ----------
    settings
        As read by the entry point.
    open_resources
        Opens what the process holds while it runs; tests hand over their own.
    """
    live = Live()
    metrics = Metrics()
    app = FastAPI(
        title="PreRead",
        version=__version__,
        summary="Pre-reads of head CTs and the worklist that they re-rank",
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=_lifespan(settings, open_resources, live, metrics),
        openapi_url=None,  # served by our own route, behind a key
        generate_unique_id_function=_operation_id,
        redirect_slashes=False,
        middleware=[
            Middleware(Observed, metrics=metrics),
            Middleware(Drained),
            Middleware(SmallBodies, uploads=UPLOADS),
        ],
    )
    errors.install(app)
    app.add_exception_handler(SignInNeeded, sign_in.ask_to_sign_in)
    for module in (
        *(
            studies,
            stow,
            claims,
            coordination,
            pre_reads,
            slices,
            segmentation,
            worklist,
            service,
            retry,
        ),
        *(sites, alerts, feedback, breakers, turnaround, quality, policies, keys, webhooks),
        *(sign_in, oidc, page, page_steps, page_steering, page_feedback, boards, admin),
        *(page_policies, page_sites, page_webhooks),
    ):
        app.include_router(module.router)
    folder = Path(__file__).parent / "static"
    app.mount("/static", StaticFiles(directory=folder), name="static")
    app.state.live = live  # for the server, which ends the streams before it stops
    app.openapi = lambda: _document(app)  # type: ignore[method-assign] # FastAPI's own way
    return app


def _lifespan(
    settings: Settings, open_resources: OpenResources, live: Live, metrics: Metrics
) -> Callable[[FastAPI], AbstractAsyncContextManager[State]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[State]:
        del app
        oidc.check(settings)
        with open_resources(settings) as resources:
            async with running(resources, live, metrics):
                yield {"resources": resources, "live": live, "metrics": metrics}

    return lifespan


def _operation_id(route: APIRoute) -> str:
    return route.name


def _document(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = contract.document(app)
    return app.openapi_schema
