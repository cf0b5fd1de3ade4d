"""Prints what a benchmark found, for people."""

from collections.abc import Sequence
from typing import Final

from benchmarks.figures import Figure, Report

_HEADS: Final = ("", "median", "min", "p90", "p99", "unit", "samples")
_THREE_DIGITS: Final = 100


def table(report: Report) -> str:
    """Return a report as text; of one that measured nothing, its notes."""
    lines = [f"## {report.name}"]
    if report.figures:
        lines += [f"checked first: {report.checked}", ""]
        lines += _aligned([_HEADS, *(_cells(figure) for figure in report.figures)])
    if report.ratios:
        lines.append("")
    width = max((len(ratio.name) for ratio in report.ratios), default=0)
    lines += [f"{ratio.name:<{width}}  {number(ratio.value)} ×" for ratio in report.ratios]
    lines += ["", *(f"- {note}" for note in report.notes)] if report.notes else []
    return "\n".join(lines) + "\n"


def number(value: float) -> str:
    """Return a number with three digits.

    Examples
    --------
    >>> number(1234.5), number(12.345), number(0.12345)
    ('1234', '12.3', '0.123')
    """
    return f"{value:.0f}" if abs(value) >= _THREE_DIGITS else f"{value:.3g}"


def _cells(figure: Figure) -> tuple[str, ...]:
    spread = (number(value) for value in (figure.median, figure.least, figure.p90, figure.p99))
    return (figure.name, *spread, figure.unit, str(len(figure.samples)))


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column in {0, 5} else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
