"""Cuts a multipart body into its files and fields while it comes (RFC 7578; 2387 for DICOMweb).

File names are not looked at: they often carry a patient's name and never help. The parser is
python-multipart's push parser, the one under Starlette's forms, without the forms' temporary
files: what comes goes straight to where it is stored.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from api.errors import FieldRefused, MultipartMalformed

MAX_FIELD_BYTES: Final = 1024
MAX_FIELDS: Final = 16


class FileSink(Protocol):
    """Takes the files of a body one after another."""

    def begin(self) -> None:
        """Begin the next file."""
        ...

    def write(self, chunk: bytes) -> None:
        """Append to the present file."""
        ...

    def end(self) -> None:
        """End the present file."""
        ...


@dataclass(slots=True)
class _Part:
    headers: dict[bytes, bytes] = field(default_factory=dict)
    header_name: bytes = b""
    header_value: bytes = b""
    name: str = ""
    is_file: bool = False
    text: bytes = b""


class MultipartReader:
    """Feeds the files of one body to a sink and collects its fields.

    ``related`` is multipart/related, in which every part is a file and none has a name.
    """

    def __init__(self, content_type: str, sink: FileSink, *, related: bool = False) -> None:
        """Read the boundary from the header.

        Raises
        ------
        MultipartMalformed
            If there is none, or it is longer than 70 characters (RFC 2046, 5.1.1).
        """
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if not 1 <= len(boundary) <= 70:  # noqa: PLR2004 - RFC 2046
            message = "The Content-Type has no usable boundary."
            raise MultipartMalformed(message)
        self.fields: dict[str, str] = {}
        self._sink = sink
        self._related = related
        self._part = _Part()
        self._ended = False
        callbacks: dict[str, Callable[..., None]] = {
            "on_part_begin": self._on_part_begin,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }
        self._parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type] # a TypedDict

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body.

        Raises
        ------
        MultipartMalformed
            If they cannot be multipart.
        """
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            message = "The multipart body is damaged."
            raise MultipartMalformed(message) from error

    def finish(self) -> None:
        """Say that the body is over.

        Raises
        ------
        MultipartMalformed
            If its last boundary did not come.
        """
        if not self._ended:
            message = "The multipart body ended before its last boundary."
            raise MultipartMalformed(message)

    def _on_part_begin(self) -> None:
        self._part = _Part()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._part.header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._part.header_value += data[start:end]

    def _on_header_end(self) -> None:
        part = self._part
        part.headers[part.header_name.lower()] = part.header_value
        part.header_name = part.header_value = b""

    def _on_headers_finished(self) -> None:
        part = self._part
        if self._related:
            part.is_file = True
            self._sink.begin()
            return
        kind, options = parse_options_header(part.headers.get(b"content-disposition", b""))
        if kind != b"form-data":
            message = "A part has no Content-Disposition of form-data."
            raise MultipartMalformed(message)
        part.name = options.get(b"name", b"").decode("utf-8", "replace")
        content_type, _ = parse_options_header(part.headers.get(b"content-type", b"text/plain"))
        part.is_file = b"filename" in options or content_type != b"text/plain"
        if part.is_file:
            self._sink.begin()
        elif part.name in self.fields or len(self.fields) >= MAX_FIELDS:
            message = "A field was sent twice, or there are too many fields."
            raise FieldRefused("form", "too_many", message)

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._part.is_file:
            self._sink.write(data[start:end])
            return
        self._part.text += data[start:end]
        if len(self._part.text) > MAX_FIELD_BYTES:
            message = f"A field is longer than {MAX_FIELD_BYTES} bytes."
            raise FieldRefused("form", "too_long", message)

    def _on_part_end(self) -> None:
        if self._part.is_file:
            self._sink.end()
            return
        try:
            self.fields[self._part.name] = self._part.text.decode("utf-8")
        except UnicodeDecodeError as error:
            message = "A field is not UTF-8."
            raise FieldRefused("form", "encoding", message) from error

    def _on_end(self) -> None:
        self._ended = True
