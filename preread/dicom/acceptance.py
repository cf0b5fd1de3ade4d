"""The choice of the one series of a study that is read, and the reasons against the others."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from preread.dicom.header import InstanceHeader
from preread.dicom.stack import QualityFlag, SliceStack, stack_slices
from preread.terms import ReasonCode

MIN_SLICES: Final = 10
MIN_EXTENT_MM: Final = 90.0  # an adult brain is about 130 mm high
MAX_HEAD_EXTENT_MM: Final = 350.0
MAX_HEAD_VIEW_MM: Final = 350.0  # a body needs more
MAX_THICKNESS_MM: Final = 10.0
MAX_AXIAL_DEG: Final = 35.0  # of the normal from the long axis; gantries tilt up to 30
MATRIX_RANGE: Final = (64, 2048)
MODEL_THICKNESS_MM: Final = 5.0
THIN_MM: Final = 2.5

ENHANCED_CT: Final = frozenset({"1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2"})
CT_CLASSES: Final = frozenset({"1.2.840.10008.5.1.4.1.1.2"}) | ENHANCED_CT
_LOSSY: Final = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in ("50", "51", "81", "91"))
READABLE_SYNTAXES: Final = (
    frozenset(f"1.2.840.10008.1.2{tail}" for tail in ("", ".1", ".1.99", ".2", ".5"))
    | frozenset(f"1.2.840.10008.1.2.4.{number}" for number in (57, 70, 80, 90))
    | _LOSSY
)

_LOCALIZER: Final = frozenset({"LOCALIZER", "SURVIEW", "REF_SURVIEW", "SCOUT"})
_RECONSTRUCTED: Final = frozenset(
    {"MPR", "REFORMATTED", "CSA MPR", "MIP", "MINIP", "VRT", "PROJECTION IMAGE", "SCREEN SAVE"}
)
_HEAD: Final = re.compile(
    r"HEAD|BRAIN|SKULL|CRAN|KOPF|SCH(AE|Ä)DEL|CEREBR|\bTETE\b|T[EÊ]TE\b|\bCCT\b"
)
_NOT_HEAD: Final = re.compile(
    r"SPINE|NECK|CERVIC|THORA|CHEST|LUNG|ABDO|PELV|LUMB|HEART|CARDI|LIVER|KIDNEY|"
    r"EXTREM|KNEE|SHOULDER|\bHIP\b|\bLEG\b|\bARM\b|FOOT|HAND|WRIST|ANKLE|ELBOW|AORTA|"
    r"SINUS|ORBIT|FACE|FACIAL|DENTAL|MANDIB|TEMPORAL|\bIAC\b|BODY"
)
_CONTRAST: Final = re.compile(
    r"\bCTA\b|ANGIO|PERFUSION|\bCTP\b|POST.?CONTRAST|\bWITH CONTRAST|\bC\+|\+C\b|\bKM\b|VENOGRA"
)
_NO_CONTRAST: Final = re.compile(r"WITHOUT|W/O|NON.?CONTRAST|UNENHANCED|PLAIN|NATIV|OHNE")
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


@dataclass(frozen=True)
class _Candidate:
    """One series while it is judged; ``images`` without localizers and reformats."""

    headers: tuple[InstanceHeader, ...]
    images: tuple[InstanceHeader, ...]
    stack: SliceStack | None

    @property
    def first(self) -> InstanceHeader:
        return (self.images or self.headers)[0]

    @property
    def enhanced(self) -> bool:
        return self.first.sop_class_uid in ENHANCED_CT

    @property
    def slices(self) -> int:
        if self.enhanced:
            return sum(header.frames for header in self.images)
        return len(self.stack.order) if self.stack else len(self.images)

    @property
    def thickness_mm(self) -> float | None:
        known = [h.slice_thickness_mm for h in self.images if h.slice_thickness_mm]
        return float(np.median(known)) if known else self.spacing_mm

    @property
    def spacing_mm(self) -> float | None:
        if self.stack is None or len(self.stack.order) == 1:
            return None
        return float(np.median(self.stack.spacings_mm))

    @property
    def extent_mm(self) -> float | None:
        if self.stack is None:
            return None
        distances = self.stack.distances_mm
        return float(distances[-1] - distances[0]) + (self.spacing_mm or 0.0)


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
    candidates = [_candidate(group) for _, group in sorted(by_series.items())]
    facts = sorted((_judge(candidate) for candidate in candidates), key=_number)
    if len({h.patient_digest for h in headers if h.patient_digest is not None}) > 1:
        return SeriesChoice(None, tuple(facts), (ReasonCode.TWO_PATIENTS,), ())
    readable = [series for series in facts if series.reason is None]
    if not readable:
        return SeriesChoice(None, tuple(facts), _study_reasons(facts), ())
    best = max(readable, key=_suitability)
    chosen = tuple(replace(series, selected=series is best) for series in facts)
    return SeriesChoice(best.series_instance_uid, chosen, (), best.flags)


@dataclass(frozen=True, slots=True)
class VolumeImages:
    """The images of one series that make a volume, from feet to head, or why none do."""

    images: tuple[InstanceHeader, ...]
    reason: ReasonCode | None
    flags: tuple[QualityFlag, ...]


def volume_images(headers: Sequence[InstanceHeader]) -> VolumeImages:
    """Return what of one series makes a volume, be it fit for an assessment or not.

    Parameters
    ----------
    headers
        Of the instances of one series, in any order.
    """
    candidate = _candidate(headers)
    tests = _TESTS[:_VOLUME_TESTS]
    return VolumeImages(
        images=candidate.images,
        reason=next((reason for reason, fails in tests if fails(candidate)), None),
        flags=candidate.stack.flags if candidate.stack else (),
    )


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
    return tuple(reason for reason, _ in reversed(_TESTS) if reason in found)


def _candidate(headers: Sequence[InstanceHeader]) -> _Candidate:
    images = tuple(header for header in headers if _is_image(header))
    placed = [h for h in images if h.position_mm is not None and h.orientation is not None]
    complete = bool(images) and len(placed) == len(images)
    stack = None
    if complete:
        stack = stack_slices(
            [h.position_mm for h in placed if h.position_mm is not None],
            [h.orientation for h in placed if h.orientation is not None],
            [h.slice_thickness_mm for h in placed],
            [h.instance_number or 0 for h in placed],
        )
        images = tuple(images[index] for index in stack.order)
    return _Candidate(tuple(headers), images, stack)


def _is_image(header: InstanceHeader) -> bool:
    """Whether the instance is an original or primary slice, no localizer, reformat or report."""
    kinds = set(header.image_type)
    return (
        header.sop_class_uid in CT_CLASSES
        and header.has_pixels
        and header.image_type[:2] != ("DERIVED", "SECONDARY")
        and not kinds & _LOCALIZER
        and not ("DERIVED" in kinds and kinds & _RECONSTRUCTED)
    )


def _judge(candidate: _Candidate) -> SeriesFacts:
    first = candidate.first
    reason = next((reason for reason, fails in _TESTS if fails(candidate)), None)
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


def _is_bone(candidate: _Candidate) -> bool:
    first = candidate.first
    kernel = first.kernel or ""
    if _SOFT_KERNEL.search(kernel) and not _BONE_KERNEL.search(kernel):
        return False
    return bool(_BONE_KERNEL.search(kernel) or _BONE_WORDS.search(first.series_description or ""))


def _score(candidate: _Candidate) -> float:
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


def _flags(candidate: _Candidate) -> tuple[QualityFlag, ...]:
    flags = list(candidate.stack.flags) if candidate.stack else []
    if _is_bone(candidate):
        flags.append(QualityFlag.BONE_KERNEL)
    if _names_head(candidate.first) is None:
        flags.append(QualityFlag.BODY_PART_UNKNOWN)
    if candidate.first.transfer_syntax_uid in _LOSSY:
        flags.append(QualityFlag.LOSSY_COMPRESSION)
    return tuple(flags)


def _names_head(header: InstanceHeader) -> bool | None:
    """Whether the texts name the head: the most specific text that is clear decides."""
    texts = (
        header.series_description,
        header.body_part,
        header.protocol_name,
        header.study_description,
    )
    for text in texts:
        head = bool(_HEAD.search((text or "").upper()))
        other = bool(_NOT_HEAD.search((text or "").upper()))
        if head != other:
            return head
    return None


def _not_ct(candidate: _Candidate) -> bool:
    return all(header.modality != "CT" for header in candidate.headers)


def _localizer_only(candidate: _Candidate) -> bool:
    return all(_LOCALIZER & set(header.image_type) for header in candidate.headers)


def _no_original(candidate: _Candidate) -> bool:
    return not candidate.images


def _unreadable_syntax(candidate: _Candidate) -> bool:
    return any(h.transfer_syntax_uid not in READABLE_SYNTAXES for h in candidate.images)


def _odd_matrix(candidate: _Candidate) -> bool:
    low, high = MATRIX_RANGE
    sizes = {(header.rows or 0, header.columns or 0) for header in candidate.images}
    return len(sizes) > 1 or not all(low <= side <= high for size in sizes for side in size)


def _no_rescale(candidate: _Candidate) -> bool:
    return not candidate.enhanced and not all(h.rescale_present for h in candidate.images)


def _no_geometry(candidate: _Candidate) -> bool:
    if candidate.enhanced:
        return False  # kept in functional groups, which the volume reader reads
    spacings = {header.pixel_spacing_mm for header in candidate.images}
    return candidate.stack is None or None in spacings or len(spacings) > 1


def _not_axial(candidate: _Candidate) -> bool:
    stack = candidate.stack
    return stack is not None and stack.axial_cosine < math.cos(math.radians(MAX_AXIAL_DEG))


def _not_head(candidate: _Candidate) -> bool:
    first = candidate.first
    named = _names_head(first)
    if named is not None:
        return not named
    view_mm = (first.rows or 0) * (first.pixel_spacing_mm or (0.0, 0.0))[0]
    return view_mm > MAX_HEAD_VIEW_MM or (candidate.extent_mm or 0.0) > MAX_HEAD_EXTENT_MM


def _contrast(candidate: _Candidate) -> bool:
    if any(header.contrast_agent for header in candidate.images):
        return True
    text = (candidate.first.series_description or "").upper()
    return bool(_CONTRAST.search(text)) and not _NO_CONTRAST.search(text)


def _few_slices(candidate: _Candidate) -> bool:
    return candidate.slices < MIN_SLICES


def _too_short(candidate: _Candidate) -> bool:
    return candidate.extent_mm is not None and candidate.extent_mm < MIN_EXTENT_MM


def _has_holes(candidate: _Candidate) -> bool:
    return candidate.stack is not None and candidate.stack.holes > 0


def _too_thick(candidate: _Candidate) -> bool:
    return (candidate.thickness_mm or 0.0) > MAX_THICKNESS_MM


_TESTS: Final[tuple[tuple[ReasonCode, Callable[[_Candidate], bool]], ...]] = (
    (ReasonCode.MODALITY_NOT_CT, _not_ct),
    (ReasonCode.LOCALIZER_ONLY, _localizer_only),
    (ReasonCode.NO_ORIGINAL_SERIES, _no_original),
    (ReasonCode.UNSUPPORTED_TRANSFER_SYNTAX, _unreadable_syntax),
    (ReasonCode.IMAGE_SIZE_OUT_OF_RANGE, _odd_matrix),
    (ReasonCode.RESCALE_MISSING, _no_rescale),
    (ReasonCode.MISSING_GEOMETRY, _no_geometry),
    (ReasonCode.NOT_AXIAL, _not_axial),
    (ReasonCode.NOT_HEAD, _not_head),
    (ReasonCode.CONTRAST, _contrast),
    (ReasonCode.TOO_FEW_SLICES, _few_slices),
    (ReasonCode.COVERAGE_TOO_SHORT, _too_short),
    (ReasonCode.MISSING_SLICES, _has_holes),
    (ReasonCode.TOO_THICK, _too_thick),
)
"""In the order in which a series is tested; the first that fails is its reason."""

_VOLUME_TESTS: Final = 7  # up to MISSING_GEOMETRY: without these there is no volume at all
