"""The real API as a process of its own, with a key, and one connection to it."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from benchmarks.processes import Child, answers, free_port, python, running, variables
from preread.keys import Role, create_key
from preread.resources import open_resources
from preread.settings import Settings

SITE: Final = "bench"
_START_LIMIT_S: Final = 60.0
_ANSWER_LIMIT_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - JSON
        """Return the body, if the request succeeded.

        Raises
        ------
        RuntimeError
            If it did not.
        """
        if self.status >= HTTPStatus.BAD_REQUEST:
            message = f"a request of the benchmark was refused: {self.status} {self.body[:500]!r}"
            raise RuntimeError(message)
        return json.loads(self.body)


class Connection:
    """One kept connection; the plainest client there is, since it shares the cores."""

    def __init__(self, port: int, key: str | None = None) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_LIMIT_S)
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}"}

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for something."""
        self._http.request("GET", path, headers={**self._headers, **(headers or {})})
        return self._answer()

    def post(self, path: str, content_type: str, body: bytes) -> Answer:
        """Send a body that lies in memory."""
        headers = {**self._headers, "Content-Type": content_type}
        self._http.request("POST", path, body=body, headers=headers)
        return self._answer()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _answer(self) -> Answer:
        response = self._http.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())


@dataclass(frozen=True, slots=True)
class Service:
    """A running API."""

    settings: Settings
    child: Child
    key: str

    def connect(self) -> Connection:
        """Return a new connection that may do everything."""
        return Connection(self.settings.bind_port, self.key)


@contextmanager
def running_api(folder: Path, database_url: str) -> Iterator[Service]:
    """Run the API on a migrated database, without Redis, which an upload does not wait for."""
    settings = Settings(
        database_url=SecretStr(database_url),
        redis_url=SecretStr(f"unix://{folder}/none.sock"),
        store_dir=folder / "store",
        bind_port=free_port(),
    )
    with open_resources(settings) as resources:
        key = create_key(resources, Role.ADMIN, label="benchmark")
    log = folder / "api.log"
    with running(python("api"), log, variables(settings)) as child:
        child.wait_until(lambda: answers(settings.bind_port), _START_LIMIT_S)
        yield Service(settings, child, key)
