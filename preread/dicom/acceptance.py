"""The choice of the one series of a study that is read, and the reasons against the others."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from preread.dicom.eligibility import LOSSY_SYNTAXES, TESTS, Candidate, gather, names_head
from preread.dicom.header import InstanceHeader
from preread.dicom.stack import QualityFlag
from preread.reasons import ReasonCode

MODEL_THICKNESS_MM: Final = 5.0  # of the training set
THIN_MM: Final = 2.5
_BONE_KERNEL: Final = re.compile(
    r"BONE|LUNG|EDGE|DETAIL|SHARP|^Y[ABCDE]?$|^[DEL]$|^H[RC]?[5-9]\d|^J[5-9]\d|^FC[3589]\d",
    re.IGNORECASE,
)
_SOFT_KERNEL: Final = re.compile(
    r"^(H[RC]?[1-4]\d|J[34]\d|U[AB]|[AB]$|STANDARD|STD|SOFT|STND|FC[126]\d|BRAIN)", re.IGNORECASE
)
_BONE_WORDS: Final = re.compile(r"\b(BONE|OS|KNOCHEN|SHARP|LUNG)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """One series, as far as its headers tell, and whether it was chosen.

    Attributes
    ----------
    sop_instance_uids
        Of the images that make the volume; localizers and the like are left out.
    reason
        Why it cannot be read; None if it can.
    score
        How well it suits; only compared within a study.
    """

    series_instance_uid: str
    series_number: int | None
    modality: str | None
    sop_instance_uids: tuple[str, ...]
    slices: int
    thickness_mm: float | None
    spacing_mm: float | None
    extent_mm: float | None
    kernel: str | None
    selected: bool
    reason: ReasonCode | None
    score: float
    flags: tuple[QualityFlag, ...]


@dataclass(frozen=True, slots=True)
class SeriesChoice:
    """The chosen series, or the reasons why there is none.

    Attributes
    ----------
    selected
        Series Instance UID (0020,000E), or None.
    series
        All series of the study, by number.
    reasons
        Why none was chosen, that of the most suitable series first; empty if one was.
    flags
        Of the chosen series.
    """

    selected: str | None
    series: tuple[SeriesFacts, ...]
    reasons: tuple[ReasonCode, ...]
    flags: tuple[QualityFlag, ...]

    @property
    def sop_instance_uids(self) -> tuple[str, ...]:
        """The images of the chosen series; empty if none was chosen."""
        chosen = [facts for facts in self.series if facts.selected]
        return chosen[0].sop_instance_uids if chosen else ()


def choose_series(headers: Sequence[InstanceHeader]) -> SeriesChoice:
    """Choose the series of a study to read: first what rules one out, then a score.

    Parameters
    ----------
    headers
        Of all instances of the study, in any order.

    Notes
    -----
    The score only ranks: a study whose only series scores low is still read.
    """
    by_series: defaultdict[str, list[InstanceHeader]] = defaultdict(list)
    for header in headers:
        by_series[header.series_instance_uid].append(header)
    candidates = [gather(group) for _, group in sorted(by_series.items())]
    facts = sorted((_judge(candidate) for candidate in candidates), key=_number)
    if len({h.patient_digest for h in headers if h.patient_digest is not None}) > 1:
        return SeriesChoice(None, tuple(facts), (ReasonCode.TWO_PATIENTS,), ())
    readable = [series for series in facts if series.reason is None]
    if not readable:
        return SeriesChoice(None, tuple(facts), _study_reasons(facts), ())
    best = max(readable, key=_suitability)
    chosen = tuple(replace(series, selected=series is best) for series in facts)
    return SeriesChoice(best.series_instance_uid, chosen, (), best.flags)


def _number(facts: SeriesFacts) -> tuple[float, str]:
    number = math.inf if facts.series_number is None else facts.series_number
    return number, facts.series_instance_uid


def _suitability(facts: SeriesFacts) -> tuple[float, int, float, str]:
    """Rank by score; of equal ones more slices, then the earlier series."""
    number, uid = _number(facts)
    return facts.score, facts.slices, -number, uid


def _study_reasons(facts: Sequence[SeriesFacts]) -> tuple[ReasonCode, ...]:
    """Return the reasons, that of the series that passed the most tests first."""
    if not facts:
        return (ReasonCode.MODALITY_NOT_CT,)
    found = {series.reason for series in facts}
    return tuple(reason for reason, _ in reversed(TESTS) if reason in found)


def _judge(candidate: Candidate) -> SeriesFacts:
    first = candidate.first
    reason = next((reason for reason, fails in TESTS if fails(candidate)), None)
    return SeriesFacts(
        series_instance_uid=first.series_instance_uid,
        series_number=first.series_number,
        modality=first.modality,
        sop_instance_uids=tuple(header.sop_instance_uid for header in candidate.images),
        slices=candidate.slices,
        thickness_mm=candidate.thickness_mm,
        spacing_mm=candidate.spacing_mm,
        extent_mm=candidate.extent_mm,
        kernel=first.kernel,
        selected=False,
        reason=reason,
        score=_score(candidate),
        flags=_flags(candidate),
    )


def _is_bone(candidate: Candidate) -> bool:
    first = candidate.first
    kernel = first.kernel or ""
    if _SOFT_KERNEL.search(kernel) and not _BONE_KERNEL.search(kernel):
        return False
    return bool(_BONE_KERNEL.search(kernel) or _BONE_WORDS.search(first.series_description or ""))


def _score(candidate: Candidate) -> float:
    first = candidate.first
    thickness = candidate.thickness_mm or 0.0
    off = abs(thickness - MODEL_THICKNESS_MM)
    score = -2.0 * off if thickness >= THIN_MM else -10.0 - 4.0 * (THIN_MM - thickness)
    if _is_bone(candidate):
        score -= 50.0
    elif _SOFT_KERNEL.search(first.kernel or ""):
        score += 30.0
    if first.image_type[:2] == ("ORIGINAL", "PRIMARY"):
        score += 20.0
    if "AXIAL" in first.image_type:
        score += 5.0
    if candidate.stack is not None:
        score -= 5.0 * candidate.stack.holes + 3.0 * candidate.stack.duplicates
        score -= 2.0 * len(candidate.stack.flags)
    return score


def _flags(candidate: Candidate) -> tuple[QualityFlag, ...]:
    flags = list(candidate.stack.flags) if candidate.stack else []
    if _is_bone(candidate):
        flags.append(QualityFlag.BONE_KERNEL)
    if names_head(candidate.first) is None:
        flags.append(QualityFlag.BODY_PART_UNKNOWN)
    if candidate.first.transfer_syntax_uid in LOSSY_SYNTAXES:
        flags.append(QualityFlag.LOSSY_COMPRESSION)
    return tuple(flags)
