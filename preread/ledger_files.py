"""The ledger as a file: one line per final report, for a spreadsheet or a data frame."""

import csv
import importlib
import io
from collections.abc import Sequence
from typing import Any

from preread.errors import FormatMissing
from preread.ledger import LedgerLine
from preread.turnaround import INTERVALS


def columns_of(lines: Sequence[LedgerLine]) -> dict[str, list[Any]]:
    """Return the ledger by column; times are aware UTC, durations seconds, None is unknown."""
    said = ("study_id", "site", "order_class", "level", "received_at", "completed_at", "due_at")
    columns: dict[str, list[Any]] = {
        name: [_plain(getattr(line, name)) for line in lines]
        for name in (*said, "reported_at", "late_s", "overdue")
    }
    for name in (*INTERVALS, "total_s", "held_s"):
        columns[name] = [
            getattr(line.spent, name) if name != "read_s" or line.spent.read_known else None
            for line in lines
        ]
    return columns


def as_csv(lines: Sequence[LedgerLine]) -> bytes:
    """Return the ledger as CSV (RFC 4180, UTF-8, a line of names, unknown values empty)."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    columns = columns_of(lines)
    writer.writerow(columns)
    writer.writerows(
        [value.isoformat() if hasattr(value, "isoformat") else value for value in row]
        for row in zip(*columns.values(), strict=True)
    )
    return stream.getvalue().encode()


def as_parquet(lines: Sequence[LedgerLine]) -> bytes:
    """Return the ledger as an Apache Parquet file.

    Raises
    ------
    FormatMissing
        If pyarrow, the optional extra ``parquet``, is not installed.
    """
    try:
        arrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        message = "This installation cannot write Parquet: its optional extra is not installed."
        raise FormatMissing(message) from error
    kinds = {
        "overdue": arrow.bool_(),
        **dict.fromkeys(("study_id", "site", "order_class", "level"), arrow.string()),
        **dict.fromkeys(
            ("received_at", "completed_at", "due_at", "reported_at"), arrow.timestamp("ms", "UTC")
        ),
    }
    columns = columns_of(lines)
    schema = arrow.schema([(name, kinds.get(name, arrow.float64())) for name in columns])
    stream = io.BytesIO()
    parquet.write_table(arrow.table(columns, schema=schema), stream)
    return stream.getvalue()


def _plain(value: Any) -> Any:  # noqa: ANN401 - a cell
    return value.value if hasattr(value, "value") else value
