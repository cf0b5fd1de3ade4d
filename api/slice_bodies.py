"""The slices of a series as they are sent, with the windows and findings to show them with."""

from api.bodies import AnswerBody
from preread.dicom.picture import WindowName
from preread.findings import Mode
from preread.terms import HemorrhageType


class SliceWindow(AnswerBody):
    """A window that slices can be shown in, in HU."""

    name: WindowName
    center_hu: float
    width_hu: float


class SliceFinding(AnswerBody):
    """A finding with outlines; ``color`` is that of its outlines, #rrggbb."""

    finding_id: str
    type: HemorrhageType
    color: str


class SliceView(AnswerBody):
    """One slice.

    ``index`` counts from 0, feet to head, as everywhere in the pre-read; ``position_mm`` is
    the distance from the lowest slice; ``url`` is for ever and takes ``&window=`` and
    ``&overlay=true``.
    """

    index: int
    position_mm: float
    instance_number: int | None
    sop_instance_uid: str
    finding_ids: tuple[str, ...]
    url: str


class SlicesAnswer(AnswerBody):
    """All slices of the series that was read; findings are absent in triage-only mode."""

    study_id: str
    revision: int
    series_instance_uid: str
    count: int
    windows: tuple[SliceWindow, ...]
    findings: tuple[SliceFinding, ...]
    slices: tuple[SliceView, ...]
    mode: Mode
    notice: str
