"""Request bodies that lie ready in memory, so that the sender costs next to nothing."""

import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_BOUNDARY: Final = "preread-benchmark-boundary"


@dataclass(frozen=True, slots=True)
class Body:
    """One upload.

    Attributes
    ----------
    digests
        SHA-256 of the files in it, sorted.
    """

    content_type: str
    content: bytes
    digests: tuple[str, ...]


def multipart(files: Sequence[bytes]) -> Body:
    """Return files as multipart/form-data, one part each (RFC 7578)."""
    head = (
        f"--{_BOUNDARY}\r\n"
        'Content-Disposition: form-data; name="files"; filename="1.dcm"\r\n'
        "Content-Type: application/dicom\r\n\r\n"
    ).encode()
    parts = [part for file in files for part in (head, file, b"\r\n")]
    content = b"".join([*parts, f"--{_BOUNDARY}--\r\n".encode()])
    return Body(f"multipart/form-data; boundary={_BOUNDARY}", content, _digests(files))


def stored_zip(files: Sequence[bytes]) -> Body:
    """Return files as one ZIP that packs nothing."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for number, file in enumerate(files):
            archive.writestr(f"{number}.dcm", file)
    return Body("application/zip", stream.getvalue(), _digests(files))


def _digests(files: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(sorted(hashlib.sha256(file).hexdigest() for file in files))
