"""Why a series cannot be read: the tests that it must pass, in order."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from preread.dicom.header import InstanceHeader
from preread.dicom.stack import QualityFlag, SliceStack, stack_slices
from preread.reasons import ReasonCode

MIN_SLICES: Final = 10
MIN_EXTENT_MM: Final = 90.0  # an adult brain is about 130 mm high
MAX_HEAD_EXTENT_MM: Final = 350.0
MAX_HEAD_VIEW_MM: Final = 350.0  # a body needs more
MAX_THICKNESS_MM: Final = 10.0
MAX_AXIAL_DEG: Final = 35.0  # of the normal from the long axis; gantries tilt up to 30
MATRIX_RANGE: Final = (64, 2048)

ENHANCED_CT: Final = frozenset({"1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2"})
CT_CLASSES: Final = frozenset({"1.2.840.10008.5.1.4.1.1.2"}) | ENHANCED_CT
LOSSY_SYNTAXES: Final = frozenset(
    f"1.2.840.10008.1.2.4.{number}" for number in ("50", "51", "81", "91")
)
READABLE_SYNTAXES: Final = (
    frozenset(f"1.2.840.10008.1.2{tail}" for tail in ("", ".1", ".1.99", ".2", ".5"))
    | frozenset(f"1.2.840.10008.1.2.4.{number}" for number in (57, 70, 80, 90))
    | LOSSY_SYNTAXES
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


@dataclass(frozen=True)
class Candidate:
    """One series while it is judged; ``images`` without localizers and reformats."""

    headers: tuple[InstanceHeader, ...]
    images: tuple[InstanceHeader, ...]
    stack: SliceStack | None

    @property
    def first(self) -> InstanceHeader:
        """The header that speaks for the series."""
        return (self.images or self.headers)[0]

    @property
    def enhanced(self) -> bool:
        """Whether it is a multi-frame image, whose geometry the header does not show."""
        return self.first.sop_class_uid in ENHANCED_CT

    @property
    def slices(self) -> int:
        """Number of distinct slices."""
        if self.enhanced:
            return sum(header.frames for header in self.images)
        return len(self.stack.order) if self.stack else len(self.images)

    @property
    def thickness_mm(self) -> float | None:
        """Median nominal thickness, or the spacing where none is given."""
        known = [h.slice_thickness_mm for h in self.images if h.slice_thickness_mm]
        return float(np.median(known)) if known else self.spacing_mm

    @property
    def spacing_mm(self) -> float | None:
        """Median distance of neighboring slices along their normal."""
        if self.stack is None or len(self.stack.order) == 1:
            return None
        return float(np.median(self.stack.spacings_mm))

    @property
    def extent_mm(self) -> float | None:
        """Length of the part of the patient that the slices cover."""
        if self.stack is None:
            return None
        distances = self.stack.distances_mm
        return float(distances[-1] - distances[0]) + (self.spacing_mm or 0.0)


def gather(headers: Sequence[InstanceHeader]) -> Candidate:
    """Sort out what of a series are slices, and put them in order from feet to head."""
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
    return Candidate(tuple(headers), images, stack)


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
    candidate = gather(headers)
    tests = TESTS[:_VOLUME_TESTS]
    return VolumeImages(
        images=candidate.images,
        reason=next((reason for reason, fails in tests if fails(candidate)), None),
        flags=candidate.stack.flags if candidate.stack else (),
    )


def names_head(header: InstanceHeader) -> bool | None:
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


def _not_ct(candidate: Candidate) -> bool:
    return all(header.modality != "CT" for header in candidate.headers)


def _localizer_only(candidate: Candidate) -> bool:
    return all(_LOCALIZER & set(header.image_type) for header in candidate.headers)


def _no_original(candidate: Candidate) -> bool:
    return not candidate.images


def _unreadable_syntax(candidate: Candidate) -> bool:
    return any(h.transfer_syntax_uid not in READABLE_SYNTAXES for h in candidate.images)


def _odd_matrix(candidate: Candidate) -> bool:
    low, high = MATRIX_RANGE
    sizes = {(header.rows or 0, header.columns or 0) for header in candidate.images}
    return len(sizes) > 1 or not all(low <= side <= high for size in sizes for side in size)


def _no_rescale(candidate: Candidate) -> bool:
    return not candidate.enhanced and not all(h.rescale_present for h in candidate.images)


def _no_geometry(candidate: Candidate) -> bool:
    if candidate.enhanced:
        return False  # kept in functional groups, which the volume reader reads
    spacings = {header.pixel_spacing_mm for header in candidate.images}
    return candidate.stack is None or None in spacings or len(spacings) > 1


def _not_axial(candidate: Candidate) -> bool:
    stack = candidate.stack
    return stack is not None and stack.axial_cosine < math.cos(math.radians(MAX_AXIAL_DEG))


def _not_head(candidate: Candidate) -> bool:
    first = candidate.first
    named = names_head(first)
    if named is not None:
        return not named
    view_mm = (first.rows or 0) * (first.pixel_spacing_mm or (0.0, 0.0))[0]
    return view_mm > MAX_HEAD_VIEW_MM or (candidate.extent_mm or 0.0) > MAX_HEAD_EXTENT_MM


def _contrast(candidate: Candidate) -> bool:
    if any(header.contrast_agent for header in candidate.images):
        return True
    text = (candidate.first.series_description or "").upper()
    return bool(_CONTRAST.search(text)) and not _NO_CONTRAST.search(text)


def _few_slices(candidate: Candidate) -> bool:
    return candidate.slices < MIN_SLICES


def _too_short(candidate: Candidate) -> bool:
    return candidate.extent_mm is not None and candidate.extent_mm < MIN_EXTENT_MM


def _has_holes(candidate: Candidate) -> bool:
    return candidate.stack is not None and candidate.stack.holes > 0


def _too_thick(candidate: Candidate) -> bool:
    return (candidate.thickness_mm or 0.0) > MAX_THICKNESS_MM


TESTS: Final[tuple[tuple[ReasonCode, Callable[[Candidate], bool]], ...]] = (
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
