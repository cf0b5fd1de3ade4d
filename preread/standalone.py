"""The whole service on one machine: Redis, migrations, API and worker, and one folder.

The folder holds everything that lasts: database, received files, logs, and while the service
runs a file that tells local programs its address and a key.
"""

import fcntl
import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import redis
from pydantic import SecretStr

from preread.client import PreReadClient
from preread.db.migrate import upgrade
from preread.embedded_redis import EmbeddedRedis
from preread.errors import SettingsInvalid
from preread.findings import PreRead
from preread.keeper import Keeper, Program
from preread.keys import Role, create_key, list_keys, revoke_key
from preread.resources import Resources, open_resources
from preread.settings import PREFIX, Settings

ROOT: Final = Path(__file__).parents[1]
DEFAULT_FOLDER: Final = ROOT / "var"
WORKER: Final = (sys.executable, "-m", "worker")

_ADDRESS_FILE: Final = "service.json"
_KEY_LABEL: Final = "local service"
_START_LIMIT_S: Final = 90.0
_REDIS_LIMIT_S: Final = 10.0
_DEATHS_LIMIT: Final = 3
_POLL_S: Final = 0.05
_LOOK_S: Final = 3.0
_GAVE_UP: Final = 1  # exit status of ``python -m worker`` when no child becomes ready
_WORKER_GRACE_S: Final = 25.0
_API_GRACE_S: Final = 10.0
_REDIS_GRACE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service is and a key that may do everything there."""

    url: str
    key: str

    @property
    def page_url(self) -> str:
        """The page for a browser; what follows ``#`` stays in the browser."""
        return f"{self.url}/#key={self.key}"


class Standalone:
    """A running service; made by :func:`run_standalone`.

    Attributes
    ----------
    settings
        In force, with the folder's paths and the port in them.
    address
        Where it is.
    keeper
        Its processes: ``redis`` (unless a server of its own was named), ``api``, ``worker``.
    """

    def __init__(
        self, settings: Settings, address: Address, keeper: Keeper, log_folder: Path
    ) -> None:
        self.settings = settings
        self.address = address
        self.keeper = keeper
        self._log_folder = log_folder

    def start_worker(self, command: Sequence[str] = WORKER) -> None:
        """Start the worker, which takes some seconds to load the model."""
        self._start("worker", command, _WORKER_GRACE_S)

    def wait_for_pre_read(self, client: PreReadClient, study_id: str, timeout_s: float) -> PreRead:
        """Wait as the client does, but not for a worker that cannot start.

        Raises
        ------
        SettingsInvalid
            If the worker gave up; the message names its log.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                return client.wait_for_pre_read(study_id, _LOOK_S)
            except TimeoutError:
                if self.keeper.last_exit("worker") == _GAVE_UP:
                    message = f"The worker does not start; see {self._log_folder / 'worker.log'}."
                    raise SettingsInvalid(message) from None
                if time.monotonic() > deadline:
                    raise

    def start_api(self) -> None:
        """Start the API and wait until it answers.

        Raises
        ------
        SettingsInvalid
            If it does not; the message names its log.
        """
        self._start("api", (sys.executable, "-m", "api"), _API_GRACE_S)
        deadline = time.monotonic() + _START_LIMIT_S
        while not _answers(f"{self.address.url}/health/ready"):
            died = self.keeper.early_deaths("api") >= _DEATHS_LIMIT
            if died or time.monotonic() > deadline:
                message = f"The API does not start; see {self._log_folder / 'api.log'}."
                raise SettingsInvalid(message)
            time.sleep(_POLL_S)

    def _start(self, name: str, command: Sequence[str], grace_s: float) -> None:
        log_path = self._log_folder / f"{name}.log"
        self.keeper.start(Program(name, command, environment_of(self.settings), log_path, grace_s))


@contextmanager
def run_standalone(
    settings: Settings, folder: Path = DEFAULT_FOLDER, *, port: int | None = None
) -> Iterator[Standalone]:
    """Run Redis and the API; the worker is started by the caller when it wants it.

    Parameters
    ----------
    settings
        What was set explicitly is kept: a named database, Redis or store is used instead of
        those in the folder.
    folder
        For everything that lasts.
    port
        0 takes any free one; None takes the settings'.

    Raises
    ------
    SettingsInvalid
        If a service runs in this folder already, or a part of it does not start.
    """
    folder = folder.absolute()
    logs = folder / "logs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it will hold patients' images
    logs.mkdir(exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(_alone_in(folder))
        # Its mode is 0700, and its path short enough for a Unix socket.
        private = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="preread-")))
        keeper = stack.enter_context(Keeper())
        defaults = _defaults(folder)
        if "redis_url" not in settings.model_fields_set:
            embedded = EmbeddedRedis(private / "redis.sock", folder / "redis")
            defaults["redis_url"] = _start_redis(keeper, embedded, logs / "redis.log")
        settings = _completed(settings, defaults, port)
        with open_resources(settings) as resources:
            upgrade(resources.database)
            address = Address(_url(settings), _own_key(resources))
        service = Standalone(settings, address, keeper, logs)
        service.start_api()
        stack.enter_context(_published(folder, address))
        yield service


def find_local(folder: Path = DEFAULT_FOLDER) -> Address | None:
    """Return the service that runs in a folder, if one does."""
    try:
        address = Address(**json.loads((folder / _ADDRESS_FILE).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return address if _answers(f"{address.url}/health/live") else None


def local_settings(settings: Settings, folder: Path = DEFAULT_FOLDER) -> Settings:
    """Return the settings with what a service in ``folder`` would use where nothing is set."""
    return _completed(settings, _defaults(folder.absolute()), settings.bind_port)


def _defaults(folder: Path) -> dict[str, object]:
    return {
        "database_url": f"sqlite:///{folder}/preread.sqlite",
        "store_dir": folder / "store",
    }


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder, so that two services never share it."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"A service already runs in {folder}."
            raise SettingsInvalid(message) from error
        yield


def _start_redis(keeper: Keeper, embedded: EmbeddedRedis, log_path: Path) -> str:
    """Start a Redis of our own and return its URL once it answers."""
    keeper.start(Program("redis", embedded.command(), os.environ.copy(), log_path, _REDIS_GRACE_S))
    deadline = time.monotonic() + _REDIS_LIMIT_S
    with redis.Redis.from_url(embedded.url) as client:
        while not _pings(client):
            if time.monotonic() > deadline:
                message = f"Redis does not start; see {log_path}."
                raise SettingsInvalid(message)
            time.sleep(_POLL_S)
    return embedded.url


def _pings(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def _completed(settings: Settings, defaults: Mapping[str, object], port: int | None) -> Settings:
    """Return the settings with our defaults below and the port above what was set."""
    said = {name: getattr(settings, name) for name in settings.model_fields_set}
    chosen = settings.bind_port if port is None else port
    return Settings(**{**defaults, **said, "bind_port": chosen or _free_port(settings.bind_host)})


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the environment of a child: ours, with exactly these settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    for name in settings.model_fields_set:
        value = getattr(settings, name)
        secret = value.get_secret_value() if isinstance(value, SecretStr) else value
        kept[f"{PREFIX}{name.upper()}"] = str(secret)
    paths = [str(ROOT), *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)), "PYTHONSAFEPATH": "1"}


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _url(settings: Settings) -> str:
    everywhere = settings.bind_host in {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound
    return f"http://{'127.0.0.1' if everywhere else settings.bind_host}:{settings.bind_port}"


def _own_key(resources: Resources) -> str:
    """Make a key for this run of the service; those of earlier runs end here."""
    for summary in list_keys(resources):
        if summary.label == _KEY_LABEL and summary.revoked_at is None:
            revoke_key(resources, summary.key_id)
    return create_key(resources, Role.ADMIN, label=_KEY_LABEL)


@contextmanager
def _published(folder: Path, address: Address) -> Iterator[None]:
    """Tell programs of the same user where the service is."""
    path = folder / _ADDRESS_FILE
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"url": address.url, "key": address.key}, file)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2.0, trust_env=False).is_success
    except httpx.TransportError:
        return False
