"""Files on disk, named by the SHA-256 of their bytes, durable before anybody hears of them.

A file is written to ``incoming/``, synced, renamed to ``blobs/ab/<sha256>`` and the folder is
synced (PS3.10 says nothing of this; POSIX does). Whatever is in ``incoming/`` after a crash
was never acknowledged. Names come from digests only, never from what a sender wrote.
"""

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final
from uuid import uuid4

from preread.errors import StorageFull

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_SYNC_THREADS: Final = 8


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file that was received whole but is not durable yet.

    Attributes
    ----------
    path
        In ``incoming/``.
    sha256, byte_count
        Of the whole file.
    """

    path: Path
    sha256: str
    byte_count: int


class IncomingWriter:
    """Takes the bytes of one file as they come and hashes them on the way."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("xb", buffering=256 * 1024)
        self._digest = hashlib.sha256()
        self.byte_count = 0

    def write(self, chunk: bytes | memoryview) -> None:
        """Append a chunk.

        Raises
        ------
        StorageFull
            If the disk has no room.
        """
        with _room():
            self._file.write(chunk)
        self._digest.update(chunk)
        self.byte_count += len(chunk)

    def close(self) -> Incoming:
        """Return the whole file."""
        with _room():
            self._file.close()
        return Incoming(self._path, self._digest.hexdigest(), self.byte_count)

    def discard(self) -> None:
        """Forget the file."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)


class Store:
    """The folder of all received files and rendered images."""

    def __init__(self, folder: Path) -> None:
        self._incoming = folder / "incoming"
        self._blobs = folder / "blobs"
        self._incoming.mkdir(parents=True, exist_ok=True)
        self._blobs.mkdir(parents=True, exist_ok=True)

    def incoming(self) -> IncomingWriter:
        """Return a writer for a new file.

        Raises
        ------
        StorageFull
            If the disk has no room.
        """
        with _room():
            return IncomingWriter(self._incoming / f"{uuid4().hex}.part")

    def keep(self, files: Sequence[Incoming]) -> None:
        """Make files durable under their digests; when this returns they survive a crash.

        Raises
        ------
        StorageFull
            If the disk has no room.
        """
        if not files:
            return
        with _room():
            # Syncs of several files share one journal commit when they wait together.
            with ThreadPoolExecutor(min(_SYNC_THREADS, len(files))) as pool:
                list(pool.map(_sync_file, {file.path for file in files}))
            folders = set()
            for file in files:
                target = self._path(file.sha256)
                target.parent.mkdir(exist_ok=True)
                if file.path.exists():
                    file.path.rename(target)
                folders.add(target.parent)
            for folder in (*folders, self._blobs):
                _sync_folder(folder)

    def keep_bytes(self, content: bytes) -> str:
        """Make bytes durable and return the digest under which they lie."""
        writer = self.incoming()
        writer.write(content)
        file = writer.close()
        self.keep([file])
        return file.sha256

    def open(self, sha256: str) -> BinaryIO:
        """Open a stored file for reading."""
        return self._path(sha256).open("rb")

    def path(self, sha256: str) -> Path:
        """Return where a stored file lies."""
        return self._path(sha256)

    def writable(self) -> bool:
        """Tell whether a file can be made and removed."""
        try:
            self.incoming().discard()
        except (OSError, StorageFull):
            return False
        return True

    def discard(self, files: Sequence[Incoming]) -> None:
        """Remove files that were received and not kept."""
        for file in files:
            file.path.unlink(missing_ok=True)

    def sweep(self, *, older_than_s: float, now_s: float) -> int:
        """Remove what a crash left in ``incoming/``; return how many files."""
        swept = 0
        for path in self._incoming.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if now_s - path.stat().st_mtime > older_than_s:
                    path.unlink()
                    swept += 1
        return swept

    def _path(self, sha256: str) -> Path:
        if len(sha256) != hashlib.sha256().digest_size * 2 or not sha256.isalnum():
            message = "a stored file is named by a SHA-256"
            raise ValueError(message)
        return self._blobs / sha256[:2] / sha256


@contextlib.contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            message = "The disk of the service is full."
            raise StorageFull(message) from error
        raise


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(path: Path) -> None:
    _sync_file(path)
