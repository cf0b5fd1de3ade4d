"""Reads a ZIP of DICOM files without trusting it.

Sizes are checked against the directory first and counted again while inflating; names are
never used as paths, only to skip what is no file; nested archives are not opened.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from preread.errors import DicomTooLarge, UnsafeArchive, UploadTooLarge
from preread.settings import Settings
from preread.store import Incoming, Store

_CHUNK: Final = 256 * 1024
_ENCRYPTED: Final = 0x1
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SLACK: Final = 1024 * 1024
_DIRECTORY_BYTES: Final = 1024  # of one file in the archive's directory: 46, its name and extras
_SKIPPED: Final = ("__MACOSX/", ".DS_Store", "DICOMDIR")


def unpack(path: Path, store: Store, settings: Settings) -> Iterator[Incoming | DicomTooLarge]:
    """Yield each file of an archive as it lies in the store's incoming folder.

    An entry that is too large is yielded as its error, so that the other files are not lost.

    Raises
    ------
    UnsafeArchive
        If the archive is damaged, encrypted, holds too many entries or inflates too far.
    UploadTooLarge
        If all entries together are larger than an upload may be.
    """
    try:
        with (
            _BoundedReads(path, settings.max_instances * _DIRECTORY_BYTES + _SLACK) as file,
            zipfile.ZipFile(file) as archive,
        ):
            entries = _entries(archive, settings)
            for entry in entries:
                yield _unpack_entry(archive, entry, store, settings)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        message = "The archive is damaged or uses a method that is not supported."
        raise UnsafeArchive(message) from error


class _BoundedReads(io.FileIO):
    """A file that refuses to be read in pieces larger than a limit.

    ``zipfile`` reads the directory at once and makes an object of each entry before anybody
    can count them: from a large upload with nothing but a directory that is all memory.
    """

    def __init__(self, path: Path, limit: int) -> None:
        super().__init__(path)
        self._limit = limit

    def read(self, size: int | None = -1) -> bytes:
        """Read up to ``size`` bytes; without a size ``zipfile`` reads only the last bytes."""
        if size is not None and size > self._limit:
            message = "The directory of the archive is larger than its files could make it."
            raise UnsafeArchive(message)
        return super().read(size) or b""


def _entries(archive: zipfile.ZipFile, settings: Settings) -> list[zipfile.ZipInfo]:
    entries = [
        entry
        for entry in archive.infolist()
        if not entry.is_dir()
        and not entry.filename.startswith(_SKIPPED[0])
        and entry.filename.rsplit("/", 1)[-1] not in _SKIPPED
    ]
    if len(entries) > settings.max_instances:
        message = f"The archive holds more than {settings.max_instances} files."
        raise UnsafeArchive(message)
    if any(entry.compress_type not in _METHODS for entry in entries):
        message = "The archive is packed in a way other than stored or deflated."
        raise UnsafeArchive(message)
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        message = "The archive is encrypted."
        raise UnsafeArchive(message)
    if sum(entry.file_size for entry in entries) > settings.max_upload_bytes:
        message = f"The archive inflates to more than {settings.max_upload_bytes} bytes."
        raise UploadTooLarge(message)
    for entry in entries:
        if entry.file_size > entry.compress_size * settings.max_archive_ratio + _SLACK:
            message = "An entry of the archive inflates too far."
            raise UnsafeArchive(message)
    return entries


def _unpack_entry(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, store: Store, settings: Settings
) -> Incoming | DicomTooLarge:
    if entry.file_size > settings.max_instance_bytes:
        return DicomTooLarge("The file is larger than one instance may be.")
    writer = store.incoming()
    complete = False
    try:
        with archive.open(entry) as source:
            while chunk := source.read(_CHUNK):
                if writer.byte_count + len(chunk) > entry.file_size:
                    message = "An entry of the archive is larger than its directory says."
                    raise UnsafeArchive(message)
                writer.write(chunk)
        unpacked = writer.close()
        complete = True
    finally:
        if not complete:
            writer.discard()
    return unpacked
