"""Turns every error into problem+json (RFC 9457), in one place.

No answer repeats what the caller sent: an upload may carry patient data in the oddest places.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import sqlalchemy.exc
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.problem_bodies import Problem, RefusedFile, RefusedValue
from api.problems import MEANING, PATH
from api.templating import is_fragment, render
from preread.errors import (
    ClaimNotHeld,
    Conflict,
    IllegalStep,
    InvalidRequest,
    NotFound,
    NothingStored,
    PolicyReplaced,
    PreReadError,
    PreReadNotFound,
    SameReader,
)
from preread.logs import get_logger
from preread.reasons import ReasonCode

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 2

_log = get_logger(__name__)

_SPOKEN: Final = frozenset(
    {
        "bool_parsing",
        "enum",
        "greater_than_equal",
        "int_parsing",
        "int_parsing_size",
        "less_than_equal",
        "literal_error",
        "missing",
        "string_pattern_mismatch",
        "string_too_long",
    }
)
"""Rules whose message of pydantic names the rule and never the value."""

_OF_STATUS: Final = {
    HTTPStatus.BAD_REQUEST: "invalid-request",
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "upload-too-large",
}


class UnsupportedMediaType(InvalidRequest):
    """The body has a content type that is not accepted."""

    code = "unsupported-media-type"


class MultipartMalformed(InvalidRequest):
    """The multipart body is damaged or ended early."""

    code = "multipart-malformed"


class RequestTimeout(InvalidRequest):
    """The body stopped coming."""

    code = "request-timeout"


class PreReadMissing(PreReadNotFound):
    """The study has no pre-read, and this is how far it got.

    Attributes
    ----------
    ai_state, ai_reason
        Of the study.
    """

    def __init__(self, ai_state: str, ai_reason: ReasonCode | None) -> None:
        super().__init__("The study has no such pre-read.")
        self.ai_state = ai_state
        self.ai_reason = ai_reason


class FieldRefused(InvalidRequest):
    """A value outside what FastAPI itself validates breaks its rule.

    Attributes
    ----------
    location, rule
        Where, and which rule; never the value.
    """

    code = "validation-failed"

    def __init__(self, location: str, rule: str, message: str) -> None:
        super().__init__(message)
        self.location = location
        self.rule = rule


def install(app: FastAPI) -> None:
    """Answer every error of an app as a problem."""
    app.add_exception_handler(PreReadError, _domain_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(sqlalchemy.exc.OperationalError, _unavailable)
    app.add_exception_handler(sqlalchemy.exc.TimeoutError, _unavailable)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _internal_error)


def problem(
    code: str, detail: str, headers: Mapping[str, str] | None = None, **extensions: object
) -> JSONResponse:
    """Return a problem as an answer.

    Parameters
    ----------
    code
        One of :data:`api.problems.MEANING`.
    detail
        A sentence about this occurrence, without patient data.
    headers
        More headers of the answer.
    extensions
        More members of the problem.
    """
    meaning = MEANING[code]
    body = Problem(
        type=f"{PATH}{code}",
        title=meaning.title,
        status=meaning.status.value,
        detail=detail,
        code=code,
        **extensions,
    )
    content = body.model_dump(mode="json", exclude_none=True)
    return JSONResponse(content, meaning.status.value, dict(headers or {}), MEDIA_TYPE)


def _for_person(request: Request, code: str, detail: str) -> Response | None:
    """Return a problem as a page for who opened an address of the page; None for a program.

    A script of the page asks as a program does, and shows the detail by itself.
    """
    of_page = not request.url.path.startswith(("/v1/", PATH))
    if not of_page or is_fragment(request) or "text/html" not in request.headers.get("accept", ""):
        return None
    meaning = MEANING[code]
    context = {"title": meaning.title, "detail": detail}
    return render(request, "problem.html", context, meaning.status)


async def _domain_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, PreReadError):
        raise error
    code = _code(error)
    if code == "internal-error":
        _log.error("unexpected_domain_error", exc_info=error)
        return problem(code, "The request met an error in the software.")
    told = _for_person(request, code, str(error))
    return told or problem(code, str(error), _headers(code), **_extensions(error))


def _code(error: PreReadError) -> str:
    """Return the code of an error, or that of the nearest kind that has a meaning here."""
    if error.code in MEANING:
        return error.code
    for kind, code in (
        (InvalidRequest, "invalid-request"),
        (NotFound, "not-found"),
        (Conflict, "conflict"),
    ):
        if isinstance(error, kind):
            return code
    return "internal-error"


def _headers(code: str) -> dict[str, str]:
    status = MEANING[code].status
    if status is HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": 'Bearer realm="preread"'}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        return {"Retry-After": str(RETRY_AFTER_S)}
    return {}


def _extensions(error: PreReadError) -> dict[str, Any]:
    if isinstance(error, NothingStored):
        return {"files": tuple(RefusedFile(number=n, code=code) for n, code in error.files)}
    if isinstance(error, (IllegalStep, ClaimNotHeld, SameReader)):
        return {"state": error.state, "allowed": error.allowed}
    if isinstance(error, PolicyReplaced):
        return {"active": error.active}
    if isinstance(error, PreReadMissing):
        return {"ai_state": error.ai_state, "ai_reason": error.ai_reason}
    if isinstance(error, FieldRefused):
        refused = RefusedValue(location=error.location, rule=error.rule, message=str(error))
        return {"errors": (refused,)}
    return {}


async def _validation_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    code, detail = "validation-failed", "The request does not fit the contract."
    refused = tuple(_refused(one) for one in error.errors())
    return _for_person(request, code, detail) or problem(code, detail, errors=refused)


def _refused(error: Mapping[str, Any]) -> RefusedValue:
    rule = str(error["type"])
    where = [str(part) for part in error["loc"]]
    if rule == "extra_forbidden":
        where = where[:-1]  # the last part is a name that the caller made up
    message = str(error["msg"]) if rule in _SPOKEN else "The value is not accepted."
    return RefusedValue(location=".".join(where), rule=rule, message=message)


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    code = _OF_STATUS.get(HTTPStatus(error.status_code))
    if code is None:
        code = "invalid-request" if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR else None
    code = code or "internal-error"
    detail = MEANING[code].explanation
    return _for_person(request, code, detail) or problem(code, detail, error.headers)


async def _unavailable(request: Request, error: Exception) -> Response:
    del request
    _log.error("database_unavailable", exc_info=error)
    return problem(
        "unavailable", "The database cannot be reached or is busy.", _headers("unavailable")
    )


async def _gone(request: Request, error: Exception) -> Response:
    """Nobody is there to read it, but the log should not show a failure of ours."""
    del request, error
    return problem("multipart-malformed", "The connection ended before the body did.")


async def _internal_error(request: Request, error: Exception) -> Response:
    """Answer without any text of the error; the middleware's headers are set by hand here."""
    _log.error("request_failed", exc_info=error)
    headers = dict(getattr(request.state, "answer_headers", {}))
    return problem("internal-error", MEANING["internal-error"].explanation, headers)
