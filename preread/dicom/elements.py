"""The elements of one DICOM file that are wanted, whatever its encoding, within limits.

This runs before any other parser sees the bytes: preamble, meta information and deflation are
dealt with here, the data set itself by :mod:`preread.dicom.walk`.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Final

from preread.dicom.walk import HeaderLimits, Walk
from preread.errors import DicomMalformed, DicomTooLarge, DicomTruncated, NotDicom

_DEFLATED: Final = "1.2.840.10008.1.2.1.99"
_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
_IMPLICIT: Final = frozenset({"1.2.840.10008.1.2", "1.2.840.113619.5.2"})  # the second: GE private
_CHUNK: Final = 1 << 16


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
    walk = Walk(stream, limits, wanted, order=order, explicit=syntax not in _IMPLICIT)
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
    walk = Walk(stream, limits, frozenset({syntax_tag}), order="<", explicit=True)
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
