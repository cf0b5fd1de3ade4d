"""Posts one message: to a checked address, without redirects, within a time that includes all.

httpcore is used without httpx around it, as it lets us open the connection ourselves: the
address that was looked at is the one that is connected to, so a name that changes between
look and connection gains nothing. The host's name still goes into TLS and the Host header.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import httpcore

from preread.webhooks.addresses import is_public
from preread.webhooks.attempts import DeliveryFailure, Outcome, outcome_of_status

_MOST_ANSWER_BYTES: Final = 4096
_HEADERS: Final = (
    ("Content-Type", "application/json"),
    ("User-Agent", "PreRead-Webhooks"),
    ("Connection", "close"),
)


class Poster(Protocol):
    """Sends one signed body."""

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Return what came of it; a receiver that misbehaves raises nothing."""


class _AddressRefused(Exception):
    """The name leads to an address that is not public."""


@dataclass(frozen=True, slots=True)
class HttpPoster:
    """Sends over the network.

    Attributes
    ----------
    timeout_s
        For everything together: name, connection, TLS, sending and the answer.
    allow_private
        Whether addresses that are not public are connected to.
    """

    timeout_s: float
    allow_private: bool

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Post a body and return what came of it."""
        backend = _CheckedBackend(time.monotonic() + self.timeout_s, self.allow_private)
        try:
            with httpcore.ConnectionPool(
                ssl_context=ssl.create_default_context(), network_backend=backend
            ) as pool:
                sent = [*_HEADERS, *headers.items()]
                with pool.stream("POST", url, headers=sent, content=body) as answer:
                    _drain(answer.iter_stream())
                    return outcome_of_status(answer.status)
        except _AddressRefused:
            return Outcome(DeliveryFailure.ADDRESS_REFUSED)
        except socket.gaierror:
            return Outcome(DeliveryFailure.NAME_NOT_RESOLVED)
        except httpcore.TimeoutException:
            return Outcome(DeliveryFailure.TIMED_OUT)
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol):
            return Outcome(DeliveryFailure.PROTOCOL_ERROR)
        except (httpcore.NetworkError, OSError):
            return Outcome(DeliveryFailure.CONNECTION_FAILED)


def _drain(chunks: Iterable[bytes]) -> None:
    """Read the beginning of an answer, so that a receiver does not see its connection reset."""
    seen = 0
    for chunk in chunks:
        seen += len(chunk)
        if seen >= _MOST_ANSWER_BYTES:
            return


class _CheckedBackend(httpcore.NetworkBackend):
    """Connects to the addresses of a name, in the order given, if all of them may be reached."""

    def __init__(self, deadline: float, allow_private: bool) -> None:  # noqa: FBT001 - private
        self._deadline = deadline
        self._allow_private = allow_private
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Return a stream that knows when its time is over."""
        del timeout
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = tuple(dict.fromkeys(str(one[4][0]) for one in found))
        if not self._allow_private and not all(
            is_public(ipaddress.ip_address(address.partition("%")[0])) for address in addresses
        ):
            raise _AddressRefused
        error: Exception | None = None
        for address in addresses:
            try:
                stream = self._plain.connect_tcp(
                    address, port, _left(self._deadline), local_address, socket_options
                )
            except httpcore.ConnectError as refused:
                error = refused
            else:
                return _TimedStream(stream, self._deadline)
        raise error or httpcore.ConnectError("no address")


class _TimedStream(httpcore.NetworkStream):
    """A stream whose every step has only what is left of the time for all."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read some bytes."""
        del timeout
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all bytes."""
        del timeout
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        """Close."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Return the same connection, encrypted, with the same end."""
        del timeout
        inner = self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline))
        return _TimedStream(inner, self._deadline)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's own signature
        """Return what httpcore wants to know of the connection."""
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    """Return the seconds that are left.

    Raises
    ------
    httpcore.ReadTimeout
        If there are none.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time for the whole message is over")
    return left
