"""Text for a terminal: tables, a progress bar, a pre-read as a person reads it."""

import sys
import textwrap
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from preread.answers import RemoteStudy
from preread.findings import Finding, PreRead
from preread.phrases import midline_text
from preread.regions import names_with_side

_WIDTH: Final = 100
_BAR: Final = 30
_MIB: Final = 1024 * 1024
_LABEL: Final = 12


def say(text: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows in columns as wide as they need.

    Examples
    --------
    >>> print(table(("a", "b"), [("1", "22"), ("333", "4")]))
    a    b
    1    22
    333  4
    """
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = []
    for row in (head, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def worklist_table(studies: Sequence[RemoteStudy], before: Sequence[str] = ()) -> str:
    """Return the worklist, first to be read on top.

    Parameters
    ----------
    studies
        In reading order.
    before
        The study IDs in an earlier order, to show where each study was.
    """
    head = ["#", "accession", "site", "order", "due (UTC)", "pre-read"]
    rows = [_row(position, study) for position, study in enumerate(studies, start=1)]
    if before:
        head.insert(1, "was")
        for row, study in zip(rows, studies, strict=True):
            known = study.study_id in before
            row.insert(1, str(before.index(study.study_id) + 1) if known else "")
    return table(head, rows)


def pre_read_text(document: PreRead) -> str:
    """Return a pre-read in words."""
    stated = document.assessment.any_hemorrhage
    certainty = (
        document.assessment.any_hemorrhage_reason or ""
        if stated is None
        else f"probability of hemorrhage {stated.probability:.2f}, threshold {stated.threshold:.2f}"
    )
    parts = [
        _labeled("study", _study_line(document)),
        _labeled("level", f"{document.assessment.level.value} ({certainty})"),
        _labeled("summary", document.text.summary),
        *(_labeled(finding.finding_id, _finding_line(finding)) for finding in document.findings),
        _labeled("midline", midline_text(document.measurements)),
        _labeled("images", _input_line(document)),
        _labeled("model", _model_line(document)),
        _labeled("time", f"{document.timing_ms.total / 1000:.1f} s on {_device(document)}"),
        *(_labeled("limitation", sentence) for sentence in document.text.limitations),
        _labeled("notice", document.notice),
    ]
    return "\n".join(parts)


def progress_bar(title: str) -> Callable[[int, int], None]:
    """Return what an upload reports to: a bar on a terminal, nothing elsewhere."""

    def show(sent: int, total: int) -> None:
        if not sys.stdout.isatty():
            return
        done = _BAR * sent // max(total, 1)
        bar = f"{'█' * done}{'░' * (_BAR - done)}"
        end = "\n" if sent >= total else ""
        sys.stdout.write(f"\r{title} {bar} {sent / _MIB:.1f} of {total / _MIB:.1f} MiB{end}")
        sys.stdout.flush()

    return show


def _row(position: int, study: RemoteStudy) -> list[str]:
    return [
        str(position),
        study.accession_number or study.study_id[:8],
        study.site,
        study.order_class.value,
        _clock(study.due_at),
        _told(study),
    ]


def _told(study: RemoteStudy) -> str:
    if study.ai_state == "failed":
        return f"failed: {study.ai_reason_text}"
    if study.summary is None:
        return study.ai_state
    level = "" if study.level is None else f"{study.level.value}: "
    return textwrap.shorten(f"{level}{study.summary}", 90, placeholder=" …")


def _clock(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%d %b %H:%M}"


def _labeled(label: str, text: str) -> str:
    lines = textwrap.wrap(text, _WIDTH - _LABEL) or [""]
    first, *rest = lines
    return "\n".join([f"{label:<{_LABEL}}{first}", *(" " * _LABEL + line for line in rest)])


def _study_line(document: PreRead) -> str:
    study = document.study
    kind = "synthetic, " if study.synthetic else ""
    name = study.accession_number or study.study_id
    return (
        f"{name} ({kind}site {study.site}, {study.order_class.value}), revision {document.revision}"
    )


def _finding_line(finding: Finding) -> str:
    volume = "volume unknown" if finding.volume_ml is None else f"{finding.volume_ml:.1f} ml"
    places = "; ".join(
        names_with_side([where.region], where.laterality) for where in finding.locations
    )
    words = [finding.name, f"probability {finding.probability:.2f}", volume]
    if finding.max_thickness_mm is not None:
        words.append(f"{finding.max_thickness_mm:.0f} mm thick")
    return ", ".join([*words, places or finding.locations_reason or "place unknown"])


def _input_line(document: PreRead) -> str:
    read = document.input
    if read.slice_count is None or read.coverage_mm is None or read.gantry_tilt_deg is None:
        reasons = ", ".join(reason.value for reason in document.eligibility.reasons)
        return f"not read: {reasons}"
    tilt = f", gantry tilted {read.gantry_tilt_deg:.1f} degrees" if read.gantry_tilt_deg else ""
    flags = f"; {', '.join(read.flags)}" if read.flags else ""
    return f"{read.slice_count} slices over {read.coverage_mm:.0f} mm{tilt}{flags}"


def _model_line(document: PreRead) -> str:
    model = document.model
    if model is None:
        return f"none: {document.model_reason}"
    kind = ", a demonstrator" if model.demonstrator else ""
    return f"{model.name} {model.version}{kind}, trained on {model.trained_on}"


def _device(document: PreRead) -> str:
    return "no device" if document.model is None else document.model.device
