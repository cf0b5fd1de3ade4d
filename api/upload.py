"""Takes the body of an upload to disk while it comes; nothing is ever whole in memory."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Final, Self

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool

from api.errors import RequestTimeout, UnsupportedMediaType
from api.multipart import MultipartReader
from preread import archive
from preread.errors import DicomTooLarge, InvalidRequest, UnsafeArchive, UploadTooLarge
from preread.settings import Settings
from preread.store import Incoming, IncomingWriter, Store

MULTIPART: Final = "multipart/form-data"
ZIP: Final = ("application/zip", "application/x-zip-compressed")
DICOM: Final = "application/dicom"
RELATED: Final = "multipart/related"

_IDLE_S: Final = 60.0
_BLOCK: Final = 512 * 1024
_PREAMBLE: Final = 128
_MAGIC: Final = b"DICM"
_ZIP_MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06")


class Intake:
    """The files of one upload on their way into the store.

    Used as a context manager: what :func:`preread.receive.receive` did not take over by the
    end is removed.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._arrived: list[Incoming | InvalidRequest] = []
        self._archives: set[Incoming] = set()
        self._unpacked: list[Incoming] = []
        self._unpacked_bytes = 0
        self._writer: IncomingWriter | None = None
        self._head = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.discard()
        arrived = [file for file in self._arrived if isinstance(file, Incoming)]
        self._store.discard([*arrived, *self._unpacked])

    def begin(self) -> None:
        """Begin the next file.

        Raises
        ------
        UploadTooLarge
            If there are too many.
        StorageFull
            If the disk has no room.
        """
        self._check_count(len(self._arrived) + 1)
        self._writer = self._store.incoming()
        self._head = b""

    def write(self, chunk: bytes) -> None:
        """Append to the present file; one that is too large is dropped and said so later.

        Raises
        ------
        StorageFull
            If the disk has no room.
        """
        if self._writer is None:
            return
        wanted = _PREAMBLE + len(_MAGIC) - len(self._head)
        if wanted > 0:
            self._head += chunk[:wanted]
        self._writer.write(chunk)
        if self._writer.byte_count > self._settings.max_instance_bytes and not self._is_zip():
            self._writer.discard()
            self._writer = None

    def end(self) -> None:
        """End the present file."""
        if self._writer is None:
            self._arrived.append(DicomTooLarge("The file is larger than one instance may be."))
            return
        file = self._writer.close()
        self._writer = None
        self._arrived.append(file)
        if self._is_zip():
            self._archives.add(file)

    def files(self) -> list[Incoming | InvalidRequest]:
        """Return all files in the order sent, those of archives in the archive's order.

        An archive that cannot be read stands there as its error when other files came with
        it, so that those are not lost.

        Raises
        ------
        UnsafeArchive
            If the only file sent is an archive that is damaged, encrypted or inflates too far.
        UploadTooLarge
            If all files together are more, or larger, than an upload may be.
        """
        files: list[Incoming | InvalidRequest] = []
        for arrived in self._arrived:
            if not isinstance(arrived, Incoming) or arrived not in self._archives:
                files.append(arrived)
                continue
            try:
                for entry in self._unpack(arrived):
                    files.append(entry)
                    self._check_count(len(files))
            except UnsafeArchive as error:
                if len(self._arrived) == 1:
                    raise
                files.append(error)
        return files

    def _unpack(self, packed: Incoming) -> Iterator[Incoming | InvalidRequest]:
        for entry in archive.unpack(packed.path, self._store, self._settings):
            if isinstance(entry, Incoming):
                self._unpacked.append(entry)  # before any check, so that it is removed
                self._unpacked_bytes += entry.byte_count
                if self._unpacked_bytes > self._settings.max_upload_bytes:
                    raise _too_large(self._settings)
            yield entry

    def _is_zip(self) -> bool:
        # A DICOM file may begin with anything, a ZIP's first bytes included (PS3.10 7.1).
        dicom = self._head[_PREAMBLE:] == _MAGIC
        return self._head.startswith(_ZIP_MAGIC) and not dicom

    def _check_count(self, count: int) -> None:
        if count > self._settings.max_instances:
            message = f"The upload holds more than {self._settings.max_instances} files."
            raise UploadTooLarge(message)


async def take_body(request: Request, intake: Intake, settings: Settings) -> dict[str, str]:
    """Read a body to its end into an intake and return its form fields.

    Raises
    ------
    UnsupportedMediaType
        If it is neither multipart/form-data nor a ZIP nor a DICOM file.
    MultipartMalformed
        If it is damaged or ends early.
    UploadTooLarge
        If it is larger than an upload may be.
    RequestTimeout
        If it stopped coming.
    """
    content_type = request.headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    encoded = request.headers.get("content-encoding", "identity").lower() != "identity"
    if encoded or media_type not in {MULTIPART, DICOM, *ZIP}:
        message = f"Send {MULTIPART}, {ZIP[0]} or {DICOM}, without a content encoding."
        raise UnsupportedMediaType(message)
    _check_length(request, settings)
    blocks = _blocks(request, settings)
    if media_type != MULTIPART:
        intake.begin()
        async for block in blocks:
            await run_in_threadpool(intake.write, block)
        await run_in_threadpool(intake.end)
        return {}
    return await _take_parts(blocks, MultipartReader(content_type, intake))


async def take_related(request: Request, intake: Intake, settings: Settings) -> None:
    """Read a DICOMweb body, instances in multipart/related, to its end into an intake.

    Raises
    ------
    UnsupportedMediaType
        If it is something else, or its parts are metadata in XML or JSON (PS3.18 10.5.1).
    MultipartMalformed, UploadTooLarge, RequestTimeout
        As :func:`take_body`.
    """
    content_type = request.headers.get("content-type", "")
    media_type, options = parse_options_header(content_type)
    encoded = request.headers.get("content-encoding", "identity").lower() != "identity"
    root = options.get(b"type", DICOM.encode()).lower()
    if encoded or media_type != RELATED.encode() or root != DICOM.encode():
        message = f'Send {RELATED}; type="{DICOM}", without a content encoding.'
        raise UnsupportedMediaType(message)
    _check_length(request, settings)
    reader = MultipartReader(content_type, intake, related=True)
    await _take_parts(_blocks(request, settings), reader)


async def _take_parts(blocks: AsyncIterator[bytes], reader: MultipartReader) -> dict[str, str]:
    async for block in blocks:
        await run_in_threadpool(reader.feed, block)
    reader.finish()
    return reader.fields


def _check_length(request: Request, settings: Settings) -> None:
    announced = request.headers.get("content-length")
    if announced is None:
        return
    if not announced.isascii() or not announced.isdigit():
        message = "The Content-Length is not a number."
        raise InvalidRequest(message)
    # Compared by length first: a number of a thousand digits is no number to compute with.
    if len(announced) > len(str(settings.max_upload_bytes)) + 1 or (
        int(announced) > settings.max_upload_bytes
    ):
        raise _too_large(settings)


async def _blocks(request: Request, settings: Settings) -> AsyncIterator[bytes]:
    """Yield the body in blocks that are worth the way to a thread."""
    waiting: list[bytes] = []
    size = total = 0
    stream = request.stream()
    while True:
        chunk = await _next_chunk(stream)
        if chunk is None:
            break
        waiting.append(chunk)
        size += len(chunk)
        total += len(chunk)
        if total > settings.max_upload_bytes:
            raise _too_large(settings)
        if size >= _BLOCK:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


async def _next_chunk(stream: AsyncIterator[bytes]) -> bytes | None:
    try:
        async with asyncio.timeout(_IDLE_S):
            return await anext(stream, None)
    except TimeoutError as error:
        message = f"No byte of the body came for {_IDLE_S:.0f} s."
        raise RequestTimeout(message) from error


def _too_large(settings: Settings) -> UploadTooLarge:
    return UploadTooLarge(f"The upload is larger than {settings.max_upload_bytes} bytes.")
