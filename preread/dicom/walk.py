"""A bounded walk over the elements of a data set: no recursion, no trust in claimed lengths.

Lengths are compared with what the file has before anything is read or allocated, sequences
of undefined length are followed with an own stack, and elements, items, depth and kept
values are limited.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from typing import BinaryIO, Final, NamedTuple

from preread.errors import DicomMalformed, DicomTooComplex, DicomTruncated

UNDEFINED: Final = 0xFFFFFFFF
PIXEL_DATA: Final = (0x7FE0, 0x0010)
_PIXELS: Final = frozenset({PIXEL_DATA, (0x7FE0, 0x0008), (0x7FE0, 0x0009)})  # float, double float
_ITEM, _ITEM_END, _SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
_SHORT_VRS: Final = frozenset(  # 16-bit length, PS3.5 7.1.2
    b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split()
)
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
        In the whole file, nested ones included. A frame of an Enhanced CT image has about 100
        elements and 14 items.
    max_value_bytes
        Of a single value that is kept.
    """

    max_inflated_bytes: int = 128 << 20
    max_depth: int = 16
    max_elements: int = 200_000
    max_items: int = 50_000
    max_value_bytes: int = 16 << 10


class _Head(NamedTuple):
    tag: tuple[int, int]
    vr: bytes | None
    length: int


@dataclass
class _Level:
    """One open sequence or item; ``end`` is None when its length is undefined."""

    end: int | None
    is_sequence: bool
    explicit: bool


@dataclass
class Walk:
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
