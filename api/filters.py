"""What a caller may filter the worklist by, and the cursor that leads to the next page."""

import base64
import binascii
import json
from typing import Annotated, Final
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from api.errors import FieldRefused
from preread.db.worklist import Cursor, WorklistQuery
from preread.scope import Sites
from preread.site_names import LICENSE_FORMAT, SITE_FORMAT
from preread.study import AiState, ReadState
from preread.terms import HemorrhageType, Level, OrderClass

SITE_PATTERN: Final = f"^{SITE_FORMAT.pattern}$"
LICENSE_PATTERN: Final = f"^{LICENSE_FORMAT.pattern}$"
UID_PATTERN: Final = r"^[0-9.]{1,64}$"  # PS3.5 9.1, and what senders make of it
MAX_LIMIT: Final = 200

_LARGEST: Final = 2**63 - 1
_ID_LENGTH: Final = 36


class Filters(BaseModel):
    """The query of a worklist, in the API and on the page alike."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: Annotated[str | None, Field(pattern=SITE_PATTERN)] = None
    order_class: OrderClass | None = None
    ai_state: AiState | None = None
    read_state: Annotated[
        ReadState, Field(description="unread is the waiting list; the others left it.")
    ] = ReadState.UNREAD
    receiving: Annotated[
        bool, Field(description="Instead, the studies that were never complete yet.")
    ] = False
    level: Level | None = None
    flagged: Annotated[
        bool, Field(description="Only studies that a pre-read ever called critical or suspected.")
    ] = False
    finding: HemorrhageType | None = None
    accession: Annotated[
        str | None,
        Field(
            pattern=r"^[^\x00-\x1f\x7f\\]{1,64}$",
            description="Only studies whose accession number begins so, in either case.",
        ),
    ] = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 50
    cursor: Annotated[
        str | None, Field(max_length=400, description="`next_cursor` of the page before.")
    ] = None

    def query(self, sites: Sites) -> WorklistQuery:
        """Return the question to the database, limited to some sites.

        Raises
        ------
        FieldRefused
            If the cursor is none of ours.
        """
        return WorklistQuery(
            sites=sites,
            order_class=self.order_class,
            ai_state=self.ai_state,
            read_state=self.read_state,
            receiving=self.receiving,
            level=self.level,
            flagged=self.flagged,
            finding=self.finding,
            accession=self.accession,
            limit=self.limit,
            after=None if self.cursor is None else decode_cursor(self.cursor),
        )

    def url(self, path: str, **changes: object) -> str:
        """Return a path with these filters, changed, as its query."""
        said = self.model_copy(update=changes).model_dump(mode="json", exclude_defaults=True)
        pairs = {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in said.items()
        }
        return f"{path}?{urlencode(pairs)}" if pairs else path


def encode_cursor(cursor: Cursor) -> str:
    """Return a cursor as callers pass it back.

    Examples
    --------
    >>> decode_cursor(encode_cursor(Cursor(1, -5, 7, "a"))).key_ms
    -5
    """
    parts = [cursor.lane, cursor.key_ms, cursor.t0_ms, cursor.study_id]
    text = json.dumps(parts, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode_cursor(text: str) -> Cursor:
    """Return the cursor that a caller passed.

    Raises
    ------
    FieldRefused
        If it is none of ours.
    """
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise _no_cursor() from error
    match parts:
        case [int(lane), int(key_ms), int(t0_ms), str(study_id)] if (
            all(type(n) is int and abs(n) <= _LARGEST for n in (lane, key_ms, t0_ms))
            and lane in range(10)
            and len(study_id) <= _ID_LENGTH
            and study_id.isprintable()
        ):
            return Cursor(lane, key_ms, t0_ms, study_id)
    raise _no_cursor()


def _no_cursor() -> FieldRefused:
    return FieldRefused("query.cursor", "cursor", "The cursor is not one that was given out.")


def words_in(text: str) -> tuple[str, ...]:
    """Return the words of a field that a person fills in, between commas or spaces.

    Examples
    --------
    >>> words_in("north, south  east")
    ('north', 'south', 'east')
    """
    return tuple(text.replace(",", " ").split())
