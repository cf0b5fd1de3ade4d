"""A bounded walk over the elements of one DICOM file: no recursion, no trust in claimed lengths.

It runs before any other parser sees the bytes. Lengths are compared with what the file has
before anything is read or allocated, sequences of undefined length are followed with an own
stack, and elements, items, depth, inflated bytes and kept values are all limited.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from dataclasses import dataclass, field
from typing import BinaryIO, Final, NamedTuple

from preread.errors import (
    DicomMalformed,
    DicomTooComplex,
    DicomTooLarge,
    DicomTruncated,
    NotDicom,
)

UNDEFINED: Final = 0xFFFFFFFF
PIXEL_DATA: Final = (0x7FE0, 0x0010)
_PIXELS: Final = frozenset({PIXEL_DATA, (0x7FE0, 0x0008), (0x7FE0, 0x0009)})  # float, double float
_ITEM, _ITEM_END, _SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
_SHORT_VRS: Final = frozenset(  # 16-bit length, PS3.5 7.1.2
    b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split()
)
_DEFLATED: Final = "1.2.840.10008.1.2.1.99"
_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
_IMPLICIT: Final = frozenset({"1.2.840.10008.1.2", "1.2.840.113619.5.2"})  # the second: GE private
_CHUNK: Final = 1 << 16
_FUNCTIONAL_GROUPS: Final = 0x5200  # read later by the volume reader, so counted here
_MAX_FRAGMENTS: Final = 100_000


@dataclass(frozen=True, slots=True)
class HeaderLimits:
    """What a header may cost.

    Attributes
    ----------
    max_inflated_bytes
        Of a deflated data set.
    max_depth
        Nested sequences.
    max_elements, max_items
        In the whole file, nested ones included.
    max_value_bytes
        Of a single value that is kept.
    """

    max_inflated_bytes: int = 128 << 20
    max_depth: int = 16
    max_elements: int = 20_000
    max_items: int = 5_000
    max_value_bytes: int = 16 << 10


@dataclass(frozen=True)
class Elements:
    """What the walk kept of a file.

    Attributes
    ----------
    transfer_syntax_uid
        (0002,0010), or what the encoding shows when the meta information is missing.
    big_endian
        Whether numbers in values are big endian.
    values
        Raw bytes of the wanted elements of the top level, by (group, element).
    pixel_bytes
        Length of native pixel data, or of all fragments; None without pixel data.
    encapsulated
        Whether the pixel data is a closed sequence of fragments.
    """

    transfer_syntax_uid: str
    big_endian: bool
    values: dict[tuple[int, int], bytes]
    pixel_bytes: int | None
    encapsulated: bool


class _Head(NamedTuple):
    tag: tuple[int, int]
    vr: bytes | None
    length: int


def read_elements(
    stream: BinaryIO, wanted: frozenset[tuple[int, int]], limits: HeaderLimits
) -> Elements:
    """Walk one DICOM file up to the end of its pixel data.

    Parameters
    ----------
    stream
        A seekable file, from its beginning.
    wanted
        (group, element) of the elements of the top level to keep.
    limits
        What the walk may cost.

    Raises
    ------
    NotDicom
        If it is neither a DICOM file (PS3.10) nor clearly a bare data set.
    DicomTruncated
        If it ends before the data set does.
    DicomMalformed
        If it breaks the encoding rules of PS3.5.
    DicomTooComplex
        If it exceeds the limits for elements, items, depth or values.
    DicomTooLarge
        If it inflates to more than the limit.
    """
    start, syntax = _open(stream, limits)
    if syntax == _DEFLATED:
        stream.seek(start)
        stream, start = _inflate(stream, limits.max_inflated_bytes), 0
    order = ">" if syntax == _BIG_ENDIAN else "<"
    walk = _Walk(stream, limits, wanted, order=order, explicit=syntax not in _IMPLICIT)
    walk.run(start)
    return Elements(
        transfer_syntax_uid=syntax,
        big_endian=syntax == _BIG_ENDIAN,
        values=walk.values,
        pixel_bytes=walk.pixel_bytes,
        encapsulated=walk.encapsulated,
    )


def _open(stream: BinaryIO, limits: HeaderLimits) -> tuple[int, str]:
    """Return where the data set begins and its transfer syntax."""
    stream.seek(0)
    opening = stream.read(140)
    if opening[128:132] == b"DICM":
        return _read_meta(stream, 132, limits)
    if opening[:6] == b"\x02\x00\x00\x00UL":
        return _read_meta(stream, 0, limits)  # meta information without a preamble
    if opening[:2] == b"\x08\x00" and opening[2:3] in b"\x00\x05\x08\x16" and opening[3:4] == b"\0":
        if opening[4:6] in {b"UL", b"CS", b"UI"}:
            return 0, "1.2.840.10008.1.2.1"
        if struct.unpack_from("<I", opening + bytes(8), 4)[0] <= 64:  # noqa: PLR2004 - a short CS or UI
            return 0, "1.2.840.10008.1.2"
    raise NotDicom("the file is no DICOM file (PS3.10)")


def _read_meta(stream: BinaryIO, start: int, limits: HeaderLimits) -> tuple[int, str]:
    """Read the file meta information element by element; its group length is not trusted."""
    syntax_tag = (0x0002, 0x0010)
    walk = _Walk(stream, limits, frozenset({syntax_tag}), order="<", explicit=True)
    end = walk.run_group(start, 0x0002)
    syntax = walk.values.get(syntax_tag, b"").rstrip(b"\0 ").decode("ascii", "replace")
    if syntax:
        return end, syntax
    stream.seek(end)
    vr = stream.read(6)[4:6]
    return end, "1.2.840.10008.1.2.1" if vr.isalpha() and vr.isupper() else "1.2.840.10008.1.2"


def _inflate(stream: BinaryIO, max_bytes: int) -> BinaryIO:
    """Inflate the rest of the stream (PS3.5 A.5), never to more than ``max_bytes``."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = io.BytesIO()
    try:
        while not inflater.eof and (chunk := stream.read(_CHUNK)):
            while chunk:
                inflated.write(inflater.decompress(chunk, _CHUNK * 16))
                chunk = inflater.unconsumed_tail
                if inflated.tell() > max_bytes:
                    raise DicomTooLarge("the deflated data set inflates beyond the limit")
    except zlib.error:
        raise DicomMalformed("the deflated data set cannot be inflated") from None
    if not inflater.eof:
        raise DicomTruncated("the deflated data set ends early")
    inflated.seek(0)
    return inflated


@dataclass
class _Level:
    """One open sequence or item; ``end`` is None when its length is undefined."""

    end: int | None
    is_sequence: bool
    explicit: bool


@dataclass
class _Walk:
    """The walk over one data set; fields count what it has cost so far."""

    stream: BinaryIO
    limits: HeaderLimits
    wanted: frozenset[tuple[int, int]]
    order: str
    explicit: bool
    values: dict[tuple[int, int], bytes] = field(default_factory=dict)
    pixel_bytes: int | None = None
    encapsulated: bool = False
    elements: int = 0
    items: int = 0
    size: int = 0
    levels: list[_Level] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.size = self.stream.seek(0, os.SEEK_END)

    def run(self, at: int) -> None:
        """Walk from ``at`` to the end of the file or of its pixel data."""
        while True:
            self._close(at)
            if at >= self.size:
                if self.levels:
                    raise DicomTruncated("a sequence is not closed")
                return
            head, value = self._read_head(at)
            if self.levels and self.levels[-1].is_sequence:
                at = self._enter_item(head, value)
            elif head.tag in {_ITEM_END, _SEQUENCE_END, _ITEM}:
                at = self._leave(head, value)
            elif head.tag in _PIXELS and not self.levels:
                self._pass_pixels(head, value)
                return
            else:
                at = self._pass(head, value)

    def run_group(self, at: int, group: int) -> int:
        """Walk while elements belong to ``group``; return where the next one begins."""
        while at < self.size:
            self.stream.seek(at)
            if self.stream.read(2) != group.to_bytes(2, "little"):
                break
            head, value = self._read_head(at)
            at = self._pass(head, value)
            if self.levels:
                raise DicomMalformed("a sequence within the file meta information")
        return at

    def _read_head(self, at: int) -> tuple[_Head, int]:
        """Read one element's tag, VR and length; return them and where the value begins."""
        self.elements += 1
        if self.elements > self.limits.max_elements:
            raise DicomTooComplex("too many elements")
        self.stream.seek(at)
        raw = self.stream.read(12)
        if len(raw) < 8:  # noqa: PLR2004 - tag and length, PS3.5 7.1
            raise DicomTruncated("the file ends within an element")
        group, element = struct.unpack_from(self.order + "HH", raw)
        explicit = self.levels[-1].explicit if self.levels else self.explicit
        if not explicit or group == 0xFFFE:  # noqa: PLR2004 - items and delimiters have no VR
            return _Head((group, element), None, self._long(raw, 4)), at + 8
        vr = raw[4:6]
        if vr in _SHORT_VRS:
            length: int = struct.unpack_from(self.order + "H", raw, 6)[0]
            return _Head((group, element), vr, length), at + 8
        if not (vr.isalpha() and vr.isupper()):
            raise DicomMalformed(f"no value representation in ({group:04X},{element:04X})")
        if len(raw) < 12:  # noqa: PLR2004 - the long form, PS3.5 7.1.2
            raise DicomTruncated("the file ends within an element")
        return _Head((group, element), vr, self._long(raw, 8)), at + 12

    def _long(self, raw: bytes, offset: int) -> int:
        number: int = struct.unpack_from(self.order + "I", raw, offset)[0]
        return number

    def _close(self, at: int) -> None:
        """Leave every sequence and item of defined length that ends here."""
        while self.levels and (end := self.levels[-1].end) is not None and at >= end:
            if at > end:
                raise DicomMalformed("an element overruns its item")
            self.levels.pop()

    def _enter_item(self, head: _Head, value: int) -> int:
        if head.tag == _SEQUENCE_END:
            self.levels.pop()
            return value
        if head.tag != _ITEM:
            raise DicomMalformed("a sequence holds something other than items")
        self.items += 1
        if self.items > self.limits.max_items:
            raise DicomTooComplex("too many items")
        self._open_level(head, value, is_sequence=False)
        return value

    def _leave(self, head: _Head, value: int) -> int:
        if head.tag != _ITEM_END or not self.levels or self.levels[-1].end is not None:
            raise DicomMalformed("a delimiter without its item")
        self.levels.pop()
        return value

    def _pass(self, head: _Head, value: int) -> int:
        """Skip an element's value, or enter it if it is a sequence that must be walked."""
        counted = head.vr == b"SQ" and head.tag[0] == _FUNCTIONAL_GROUPS
        if head.tag == PIXEL_DATA and head.length == UNDEFINED:  # of an icon
            return self._pass_fragments(value)[0]
        if head.length == UNDEFINED or counted or (self.levels and head.vr == b"SQ"):
            if head.length == UNDEFINED and head.vr not in {b"SQ", b"UN", None}:
                raise DicomMalformed("an undefined length outside of a sequence")
            self._open_level(head, value, is_sequence=True)
            return value
        end = value + head.length
        if end > self.size:
            raise DicomTruncated(f"the value of ({head.tag[0]:04X},{head.tag[1]:04X}) is cut off")
        if head.tag in self.wanted and not self.levels:
            self._keep(head, value)
        return end

    def _open_level(self, head: _Head, value: int, *, is_sequence: bool) -> None:
        depth = sum(level.is_sequence for level in self.levels)
        if is_sequence and depth >= self.limits.max_depth:
            raise DicomTooComplex("sequences are nested too deep")
        end = None if head.length == UNDEFINED else value + head.length
        if end is not None and end > self.size:
            raise DicomTruncated("a sequence or item is cut off")
        explicit = self.levels[-1].explicit if self.levels else self.explicit
        explicit = explicit and head.vr != b"UN"  # PS3.5 6.2.2: implicit within
        self.levels.append(_Level(end, is_sequence, explicit))

    def _keep(self, head: _Head, value: int) -> None:
        name = f"({head.tag[0]:04X},{head.tag[1]:04X})"
        if head.tag in self.values:
            raise DicomMalformed(f"{name} is there twice")
        if head.length > self.limits.max_value_bytes:
            raise DicomTooComplex(f"the value of {name} is too long")
        self.stream.seek(value)
        self.values[head.tag] = self.stream.read(head.length)

    def _pass_pixels(self, head: _Head, value: int) -> None:
        if head.length == UNDEFINED:
            self.encapsulated = True
            _, self.pixel_bytes = self._pass_fragments(value)
            return
        if value + head.length > self.size:
            raise DicomTruncated("the pixel data is cut off")
        self.pixel_bytes = head.length

    def _pass_fragments(self, value: int) -> tuple[int, int]:
        """Walk encapsulated pixel data (PS3.5 A.4); return where it ends and its bytes."""
        total = 0
        for _ in range(_MAX_FRAGMENTS):
            self.stream.seek(value)
            raw = self.stream.read(8)
            if len(raw) < 8:  # noqa: PLR2004 - an item's tag and length
                raise DicomTruncated("the pixel data is not closed")
            tag, length = struct.unpack(self.order + "HH", raw[:4]), self._long(raw, 4)
            if tag == _SEQUENCE_END:
                return value + 8, total
            if tag != _ITEM:
                raise DicomMalformed("the pixel data holds something other than fragments")
            value += 8 + length
            if value > self.size:
                raise DicomTruncated("a fragment of the pixel data is cut off")
            total += length
        raise DicomTooComplex("too many fragments of pixel data")
