"""How the packaged client asks: again while the service cannot answer, and never past a refusal."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx
from httpx_sse import connect_sse

from preread.answers import ProblemError, RemoteEvent

_TRIES: Final = 6
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 15.0
_TRY_AGAIN: Final = frozenset({408, 429, 502, 503, 504})
_TIMEOUT: Final = httpx.Timeout(30.0, read=120.0)
_STREAM_TIMEOUT: Final = httpx.Timeout(30.0, read=60.0)


class Connection:
    """Requests to one service under one API key.

    Parameters
    ----------
    url, key
        Of the service, for the caller.
    transport, pause
        How requests go out (None: over the network), and how to wait.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        transport: httpx.BaseTransport | None,
        pause: Callable[[float], None],
    ) -> None:
        self._pause = pause
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=_TIMEOUT,
            transport=transport,
            trust_env=not _is_loopback(url),  # no proxy knows our own machine
        )

    def close(self) -> None:
        """Close it."""
        self._http.close()

    def request(self, method: str, path: str, **said: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        """Send a request, again if the service cannot answer now.

        Raises
        ------
        ProblemError
            If the service refuses.
        httpx.TransportError
            If it cannot be reached, after some tries.
        """
        pause_s = _FIRST_PAUSE_S
        for _ in range(_TRIES - 1):
            try:
                answer = self._http.request(method, path, **said)
            except httpx.TransportError:
                self._pause(pause_s)
            else:
                if answer.status_code not in _TRY_AGAIN:
                    return _refuse_problem(answer)
                self._pause(_retry_after_s(answer, pause_s))
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)
        return _refuse_problem(self._http.request(method, path, **said))

    def follow(self, path: str, after: int | None) -> Iterator[RemoteEvent]:
        """Yield server-sent events for ever; a lost connection is taken up behind the last one."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                for event in self._stream(path, after):
                    after = event.seq
                    pause_s = _FIRST_PAUSE_S
                    yield event
            except httpx.TransportError:
                self._pause(pause_s)
                pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)

    def _stream(self, path: str, after: int | None) -> Iterator[RemoteEvent]:
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        with connect_sse(
            self._http, "GET", path, headers=headers, timeout=_STREAM_TIMEOUT
        ) as source:
            _refuse_problem(source.response)
            for sent in source.iter_sse():
                if sent.data:
                    yield RemoteEvent.model_validate_json(sent.data)


def _is_loopback(url: str) -> bool:
    host = httpx.URL(url).host
    return host in {"localhost", "::1"} or host.startswith("127.")


def _refuse_problem(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    answer.read()
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        raise ProblemError(answer.status_code, answer.json())
    raise ProblemError(answer.status_code, {})


def _retry_after_s(answer: httpx.Response, otherwise_s: float) -> float:
    asked = answer.headers.get("retry-after", "")
    return (
        min(float(asked), _LONGEST_PAUSE_S) if asked.isascii() and asked.isdigit() else otherwise_s
    )
