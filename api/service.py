"""How the service is: alive, ready, measured, of which version; and what problems mean."""

from http import HTTPStatus
from typing import Final

import sqlalchemy.exc
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from api.bodies import AnswerBody
from api.contract import problems
from api.deps import AnyCaller, LiveDep, MetricsDep, OperatorCaller, ResourcesDep
from api.errors import problem
from api.problems import MEANING, PATH
from preread import __version__
from preread.db.migrate import at_head
from preread.errors import NotAllowed, NotFound
from preread.findings import SCHEMA_VERSION, Mode
from preread.notice import NOTICE
from preread.resources import Resources

router = APIRouter(tags=["service"])

_GOOD: Final = "ok"
_METRICS_TYPE: Final = "text/plain; version=1.0.0; charset=utf-8"


class Health(AnswerBody):
    """How the process is."""

    status: str


class Readiness(AnswerBody):
    """What the process needs, and how each of it is."""

    status: str
    checks: dict[str, str]


class Version(AnswerBody):
    """Which software this is."""

    version: str
    pre_read_schema_version: str
    policy_version: str
    mode: Mode
    notice: str


@router.get("/health/live")
async def get_liveness() -> Health:
    """Return at once, whatever else is broken; a process that cannot should be restarted."""
    return Health(status=_GOOD)


@router.get("/health/ready", response_model=Readiness, responses=problems(503))
def get_readiness(resources: ResourcesDep) -> Readiness | Response:
    """Tell whether requests can be served.

    Redis down is «degraded» and still ready: uploads succeed and pre-reads come later.
    """
    checks = {"database": _database(resources), "store": _store(resources)}
    if any(state != _GOOD for state in checks.values()):
        return problem(
            "unavailable", "The service cannot take requests.", {"Retry-After": "2"}, checks=checks
        )
    checks["redis"] = _GOOD if resources.doorbell.waiting() is not None else "unreachable"
    degraded = checks["redis"] != _GOOD
    return Readiness(status="degraded" if degraded else _GOOD, checks=checks)


@router.get("/version", responses=problems(401, 503))
def get_version(caller: AnyCaller, resources: ResourcesDep) -> Version:
    """Return the versions of the software, the pre-read schema and the ranking policy."""
    del caller
    with resources.reading() as work:
        policy = work.policies.policy(work.policies.active_number())
    return Version(
        version=__version__,
        pre_read_schema_version=SCHEMA_VERSION,
        policy_version=policy.version,
        mode=resources.settings.mode,
        notice=NOTICE,
    )


@router.get("/metrics", response_class=PlainTextResponse, responses=problems(401, 403, 503))
def get_metrics(
    caller: OperatorCaller, resources: ResourcesDep, metrics: MetricsDep, live: LiveDep
) -> Response:
    """Return the metrics in Prometheus' format, for keys that are bound to no site."""
    if caller.sites is not None:
        message = "The metrics are those of all sites, and the key is bound to one."
        raise NotAllowed(message)
    return Response(metrics.render(resources, live.listener_count), media_type=_METRICS_TYPE)


@router.get(PATH + "{code}", include_in_schema=False)
async def get_problem_meaning(code: str) -> PlainTextResponse:
    """Say what a problem type means."""
    meaning = MEANING.get(code)
    if meaning is None:
        message = "There is no such problem type."
        raise NotFound(message)
    text = f"{meaning.title} ({meaning.status.value} {meaning.status.phrase})\n\n"
    return PlainTextResponse(f"{text}{meaning.explanation}\n")


@router.get("/openapi.json", include_in_schema=False)
async def get_openapi_document(caller: AnyCaller, request: Request) -> JSONResponse:
    """Return the contract."""
    del caller
    return JSONResponse(request.app.openapi(), HTTPStatus.OK)


def _database(resources: Resources) -> str:
    try:
        return _GOOD if at_head(resources.database) else "not migrated"
    except sqlalchemy.exc.SQLAlchemyError:
        return "unreachable"


def _store(resources: Resources) -> str:
    return _GOOD if resources.store.writable() else "not writable"
