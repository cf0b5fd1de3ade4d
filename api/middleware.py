"""What every request goes through: an ID, a time, a log line, headers of safety.

Written against ASGI itself, so that streams pass through without being collected.
"""

import asyncio
import re
import time
from http import HTTPStatus
from typing import Final
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics
from preread.logs import get_logger

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_REFUSED_FROM: Final = 400
_DRAIN_BYTES: Final = 64 * 1024 * 1024
_DRAIN_S: Final = 5.0
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_DULL: Final = frozenset({"/health/live", "/health/ready", "/metrics", "none"})
_SMALL_BYTES: Final = 64 * 1024

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_NO_STORE: Final = "no-store"
_ASK_AGAIN: Final = "no-cache"

_log = get_logger(__name__)


class Observed:
    """Gives each request an ID, and writes down how it went, by route and never by ID."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = Headers(scope=scope).get("x-request-id", "")
        request_id = wanted if _REQUEST_ID.fullmatch(wanted) else uuid4().hex
        own = {**SECURITY_HEADERS, "X-Request-ID": request_id}
        # The handler of unexpected errors answers outside of this middleware and takes them.
        scope.setdefault("state", {})["answer_headers"] = {**own, "Cache-Control": _NO_STORE}
        public = scope["path"].startswith("/static/")
        status = 500
        streams = False

        async def send_with_headers(message: Message) -> None:
            nonlocal status, streams
            if message["type"] == "http.response.start":
                status = int(message["status"])
                headers = MutableHeaders(scope=message)
                for name, text in own.items():
                    headers.setdefault(name, text)
                headers.setdefault("Cache-Control", _ASK_AGAIN if public else _NO_STORE)
                streams = headers.get("content-type", "").startswith("text/event-stream")
            await send(message)

        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_headers)
            finally:
                self._write_down(scope, status, time.perf_counter() - began, streams=streams)

    def _write_down(self, scope: Scope, status: int, seconds: float, *, streams: bool) -> None:
        route = getattr(scope.get("route"), "path", "none")
        # Callers can make up methods; each one would be a time series of its own.
        method = scope["method"] if scope["method"] in _METHODS else "other"
        if not streams:
            labels = (method, route, str(status))
            self._metrics.request_seconds.labels(*labels).observe(seconds)
        # Probes and styles come all the time and say nothing while they succeed.
        dull = route in _DULL and status < _REFUSED_FROM
        (_log.debug if dull else _log.info)(
            "request",
            method=method,
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 1),
        )


class Drained:
    """Lets a sender finish before it is refused.

    A client that still writes when the connection is closed sees a reset and not the answer
    that says why. So, within bounds, the rest of the body is read and thrown away first.
    Who asked «Expect: 100-continue» has not begun to write and is answered at once.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        has_body = "content-length" in headers or "transfer-encoding" in headers
        if scope["type"] != "http" or not has_body:
            await self._app(scope, receive, send)
            return
        begun = "100-continue" not in headers.get("expect", "").lower()
        whole = False

        async def receive_and_watch() -> Message:
            nonlocal begun, whole
            begun = True
            message = await receive()
            whole = whole or not message.get("more_body", False)
            return message

        async def send_when_read(message: Message) -> None:
            refused = message["type"] == "http.response.start" and (
                message["status"] >= _REFUSED_FROM
            )
            if refused and begun and not whole:
                await _drain(receive_and_watch)
            await send(message)

        await self._app(scope, receive_and_watch, send_when_read)


class SmallBodies:
    """Refuses large bodies wherever none is expected; uploads count their own bytes.

    A JSON body is read whole before anybody looks at the key, so it must be small.
    """

    def __init__(self, app: ASGIApp, *, uploads: re.Pattern[str] | None) -> None:
        self._app = app
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        is_upload = self._uploads is not None and self._uploads.fullmatch(scope.get("path", ""))
        if scope["type"] != "http" or is_upload:
            await self._app(scope, receive, send)
            return
        left = _SMALL_BYTES

        async def receive_little() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self._app(scope, receive_little, send)


async def _drain(receive: Receive) -> None:
    left = _DRAIN_BYTES
    try:
        async with asyncio.timeout(_DRAIN_S):
            while left > 0:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
                left -= len(message.get("body", b""))
    except TimeoutError:
        return
