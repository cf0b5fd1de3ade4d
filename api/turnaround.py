"""Turnaround times: what they add up to, and the ledger itself as a file."""

from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.bodies import AnswerBody
from api.contract import problems
from api.deps import OperatorCaller, ResourcesDep
from api.errors import FieldRefused
from api.periods import Period
from preread.db.ledger import LedgerQuery
from preread.keys import Caller
from preread.ledger import LedgerGroup, LedgerLine, add_up, by_hour_of_week, by_site_and_order
from preread.ledger_files import as_csv, as_parquet
from preread.resources import Resources

router = APIRouter(prefix="/v1/turnaround", tags=["measuring"])

_CSV: Final = "text/csv"
_PARQUET: Final = "application/vnd.apache.parquet"
_FILES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {
            _CSV: {"schema": {"type": "string"}},
            _PARQUET: {"schema": {"type": "string", "format": "binary"}},
        }
    }
}


class TableFormat(StrEnum):
    """What the answer is."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


class TurnaroundQuery(Period):
    """Which final reports, added up or as a file."""

    timezone: Annotated[
        str, Field(max_length=64, description="IANA zone of the hours of the week.")
    ] = "UTC"
    format: Annotated[
        TableFormat | None,
        Field(description="csv and parquet give one line per report; wins over Accept."),
    ] = None


class TurnaroundAnswer(AnswerBody):
    """Turnaround times of a period: all together, by site and order class, by hour of the week.

    Intervals are seconds; time on hold is in none of them. ``overdue`` counts studies whose first
    report came after their due time.
    """

    since: datetime
    until: datetime
    timezone: str
    total: LedgerGroup
    groups: tuple[LedgerGroup, ...]
    hours: tuple[LedgerGroup, ...]


@router.get(
    "",
    response_model=TurnaroundAnswer,
    responses={**_FILES, **problems(401, 403, 422, 501, 503)},
)
def get_turnaround(
    caller: OperatorCaller,
    request: Request,
    resources: ResourcesDep,
    wanted: Annotated[TurnaroundQuery, Query()],
) -> TurnaroundAnswer | Response:
    """Return turnaround times, counted up to the first final report of each study."""
    kind = wanted.format or _accepted(request)
    if kind is TableFormat.JSON:
        return turnaround_of(caller, resources, wanted)
    _zone(wanted.timezone)
    return _file(_lines(resources, wanted.query(caller, resources)), kind)


def turnaround_of(
    caller: Caller, resources: Resources, wanted: TurnaroundQuery
) -> TurnaroundAnswer:
    """Add up what a caller wants to know.

    Raises
    ------
    FieldRefused
        If the time zone is not known, or the period makes no sense.
    """
    zone = _zone(wanted.timezone)
    query = wanted.query(caller, resources)
    lines = _lines(resources, query)
    return TurnaroundAnswer(
        since=query.since,
        until=query.until,
        timezone=wanted.timezone,
        total=add_up(lines),
        groups=tuple(by_site_and_order(lines)),
        hours=tuple(by_hour_of_week(lines, zone)),
    )


def _lines(resources: Resources, query: LedgerQuery) -> list[LedgerLine]:
    with resources.reading() as work:
        return [closed.line for closed in work.ledger.closed(query)]


def is_zone(name: str) -> bool:
    """Whether a time zone is known here.

    Examples
    --------
    >>> is_zone("UTC"), is_zone("Mars/Olympus")
    (True, False)
    """
    try:
        _zone(name)
    except FieldRefused:
        return False
    return True


def _zone(name: str) -> tzinfo:
    if name == "UTC":  # also where no time zone data are installed
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = "The time zone is not known here."
        raise FieldRefused("query.timezone", "timezone", message) from error


def _accepted(request: Request) -> TableFormat:
    accepted = request.headers.get("accept", "")
    if _PARQUET in accepted:
        return TableFormat.PARQUET
    return TableFormat.CSV if _CSV in accepted else TableFormat.JSON


def _file(lines: list[LedgerLine], kind: TableFormat) -> Response:
    as_bytes, media_type = (as_csv, _CSV) if kind is TableFormat.CSV else (as_parquet, _PARQUET)
    headers = {
        "Content-Disposition": f'attachment; filename="turnaround.{kind.value}"',
        "Vary": "Accept",
    }
    return Response(as_bytes(lines), media_type=media_type, headers=headers)
