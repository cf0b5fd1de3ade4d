"""What a sender has on disk, as uploads: one per study, streamed, with no file name sent.

File names are left out on purpose: people put patients' names into them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from preread.dicom.header import read_header
from preread.errors import UnreadableDicom

_CHUNK: Final = 256 * 1024
_NOT_DICOM: Final = frozenset({"DICOMDIR"})
_ZIP_MAGIC: Final = b"PK\x03\x04"

Progress = Callable[[int, int], None]
"""Called with the bytes sent so far and the bytes in all."""


@dataclass(frozen=True, slots=True)
class Upload:
    """The files that go into one request.

    Attributes
    ----------
    files
        Of one study, or one archive.
    is_archive
        Whether it is a ZIP.
    """

    files: tuple[Path, ...]
    is_archive: bool = False

    @property
    def byte_count(self) -> int:
        """The bytes of all files."""
        return sum(path.stat().st_size for path in self.files)


@dataclass(frozen=True, slots=True)
class Body:
    """A request body that is read from disk while it is sent.

    It can be sent again, as a retry has to.
    """

    upload: Upload
    boundary: str
    progress: Progress | None

    @property
    def content_type(self) -> str:
        """The Content-Type header."""
        if self.upload.is_archive:
            return "application/zip"
        return f"multipart/form-data; boundary={self.boundary}"

    @property
    def byte_count(self) -> int:
        """The Content-Length header."""
        if self.upload.is_archive:
            return self.upload.byte_count
        frames = sum(len(self._head(number)) + 2 for number in range(len(self.upload.files)))
        return self.upload.byte_count + frames + len(self._tail())

    def __iter__(self) -> Iterator[bytes]:
        sent = 0
        total = self.byte_count
        for chunk in self._chunks():
            yield chunk
            sent += len(chunk)
            if self.progress is not None:
                self.progress(sent, total)

    def _chunks(self) -> Iterator[bytes]:
        for number, path in enumerate(self.upload.files):
            if not self.upload.is_archive:
                yield self._head(number)
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
            if not self.upload.is_archive:
                yield b"\r\n"
        if not self.upload.is_archive:
            yield self._tail()

    def _head(self, number: int) -> bytes:
        return (
            f"--{self.boundary}\r\n"
            f'Content-Disposition: form-data; name="files"; filename="{number + 1}.dcm"\r\n'
            "Content-Type: application/dicom\r\n\r\n"
        ).encode()

    def _tail(self) -> bytes:
        return f"--{self.boundary}--\r\n".encode()


def body_of(upload: Upload, progress: Progress | None = None) -> Body:
    """Return the body of a request."""
    return Body(upload, uuid4().hex, progress)


def plan_uploads(paths: Iterable[Path]) -> tuple[Upload, ...]:
    """Return one upload per study and one per ZIP, in the order in which they were found.

    Files that are no readable DICOM go with the first study, so that the service says what
    is wrong with them.

    Parameters
    ----------
    paths
        Files, folders (searched to the bottom) and ZIPs.
    """
    archives: list[Upload] = []
    unreadable: list[Path] = []
    studies: defaultdict[str, list[Path]] = defaultdict(list)
    for path in _files(paths):
        if _is_archive(path):
            archives.append(Upload((path,), is_archive=True))
            continue
        study_uid = _study_uid(path)
        if study_uid is None:
            unreadable.append(path)
        else:
            studies[study_uid].append(path)
    groups: list[Sequence[Path]] = list(studies.values())
    if unreadable:
        groups = [[*groups[0], *unreadable], *groups[1:]] if groups else [unreadable]
    return (*(Upload(tuple(group)) for group in groups), *archives)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for found in sorted(path.rglob("*")):
            hidden = any(part.startswith(".") for part in found.relative_to(path).parts)
            if found.is_file() and not hidden and found.name not in _NOT_DICOM:
                yield found


def _is_archive(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC


def _study_uid(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            return read_header(stream).study_instance_uid
    except UnreadableDicom:
        return None
