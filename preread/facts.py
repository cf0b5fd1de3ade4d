"""What a study is, as far as the headers of its instances tell: its image instances tell first.

A study may begin with a dose report, a presentation state or a scanned form, and its accession
number may stand in some files only. What is filed under the first instance must not hide the
study from whoever reads CTs or looks for its order.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from preread.dicom.header import InstanceHeader
from preread.terms import OrderClass

_T = TypeVar("_T")

_CT: Final = "CT"
_MAX_MODALITY: Final = 16  # a code string, PS3.5 6.2
_MAX_BODY_PART: Final = 64
_MAX_ACCESSION: Final = 64  # a short string has 16; senders may say up to 64
_ORDER_OF_PRIORITY: Final = {
    "STAT": OrderClass.STAT,
    "HIGH": OrderClass.ER,
    "MEDIUM": OrderClass.INPATIENT,
    "ROUTINE": OrderClass.ROUTINE,
    "LOW": OrderClass.ROUTINE,
}
"""Requested Procedure Priority (0040,1003) has five terms (PS3.3 C.4.11), we have four."""
_NO_IMAGES: Final = frozenset(
    {"ANN", "ASMT", "AU", "DOC", "ECG", "EPS", "HD", "KO", "OT", "PLAN", "PR", "REG"}
) | frozenset({"RESP", "RTDOSE", "RTPLAN", "RTRECORD", "RTSTRUCT", "SEG", "SMR", "SR"})
"""Modalities (PS3.3 C.7.3.1.1.1) of what goes with the images, not of the images themselves."""


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """What headers tell of their study; None where none of them does.

    Attributes
    ----------
    modality
        CT as soon as one instance is CT, else that of other images, else that of the rest.
    order_class
        The most urgent that an instance names.
    """

    modality: str | None
    body_part: str | None
    accession_number: str | None
    order_class: OrderClass | None
    patient_age_years: int | None
    acquired_at: datetime | None
    scanner: str | None
    synthetic: bool


def facts_of(headers: Sequence[InstanceHeader]) -> StudyFacts:
    """Return what the headers of a study's instances tell of it.

    Parameters
    ----------
    headers
        In the order received; of those that tell equally much, the first counts.
    """
    ordered = sorted(headers, key=lambda header: -telling(header.modality))

    def first(read: Callable[[InstanceHeader], _T | None]) -> _T | None:
        return _first(map(read, ordered))

    return StudyFacts(
        modality=_cut(first(lambda header: header.modality), _MAX_MODALITY),
        body_part=_cut(first(lambda header: header.body_part), _MAX_BODY_PART),
        accession_number=first(_accession_number),
        order_class=_most_urgent(header.requested_priority for header in ordered),
        patient_age_years=first(lambda header: header.patient_age_years),
        acquired_at=first(lambda header: header.acquired_at),
        scanner=first(lambda header: header.scanner),
        synthetic=any(header.synthetic for header in ordered),
    )


def shows_images(modality: str | None) -> bool:
    """Whether instances of a modality are images to be read, as far as that is known.

    Examples
    --------
    >>> shows_images("CT"), shows_images(None), shows_images("KO")
    (True, True, False)
    """
    return modality not in _NO_IMAGES


def telling(modality: str | None) -> int:
    """Return how much instances of a modality tell of their study.

    Examples
    --------
    >>> telling("CT") > telling("MR") > telling("SR") > telling(None)
    True
    """
    if modality is None:
        return 0
    if modality == _CT:
        return 3
    return 2 if shows_images(modality) else 1


def _first(values: Iterable[_T | None]) -> _T | None:
    return next((value for value in values if value is not None), None)


def _cut(text: str | None, most: int) -> str | None:
    return None if text is None else text[:most]


def _accession_number(header: InstanceHeader) -> str | None:
    """Return the number unless it is too long for one: a part of it may be another order's."""
    number = header.accession_number
    return number if number is not None and len(number) <= _MAX_ACCESSION else None


def _most_urgent(priorities: Iterable[str | None]) -> OrderClass | None:
    named = {_ORDER_OF_PRIORITY.get((priority or "").strip().upper()) for priority in priorities}
    return _first(one if one in named else None for one in OrderClass)
