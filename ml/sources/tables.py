"""Label files: CSV with a header, read strictly."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ml.labeled import ABSENT, PRESENT, UNKNOWN
from preread.errors import InvalidSource

_VALUE: Final = {"0": ABSENT, "1": PRESENT, "": UNKNOWN}


def read_rows(path: Path, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file; cells are stripped, those of a short row are empty.

    Parameters
    ----------
    path
        UTF-8, with or without a byte-order mark.
    columns
        That must be there; others may be.

    Raises
    ------
    InvalidSource
        If the file or one of the columns is missing.
    """
    if not path.is_file():
        message = f"{path.name} is missing"
        raise InvalidSource(message)
    with path.open(encoding="utf-8-sig", newline="") as lines:
        table = csv.DictReader(lines, restval="")
        missing = [column for column in columns if column not in (table.fieldnames or ())]
        if missing:
            message = f"{path.name} has no column {', '.join(missing)}"
            raise InvalidSource(message)
        for row in table:
            yield {name: cell.strip() for name, cell in row.items() if name is not None}


def label_of(cell: str, where: str) -> int:
    """Return a cell's label: 0, 1, or unknown where it is empty.

    Raises
    ------
    InvalidSource
        If it is something else.
    """
    if cell not in _VALUE:
        message = f"{where}: a label is 0, 1 or empty, not «{cell}»"
        raise InvalidSource(message)
    return _VALUE[cell]


def number_of(cell: str, where: str) -> int:
    """Return a cell's whole number.

    Raises
    ------
    InvalidSource
        If it is none, or negative.
    """
    if not cell.isdecimal():
        message = f"{where}: a whole number is wanted, not «{cell}»"
        raise InvalidSource(message)
    return int(cell)
