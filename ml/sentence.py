"""The one sentence of a pre-read, from a template: hedged, at most 300 characters.

«Suspected acute right frontoparietal subdural hematoma, 43 ml, 9 mm thick; acute left thalamic
intraparenchymal hemorrhage, 12 ml, with intraventricular extension, 4 ml; midline shift 6 mm to
the left.»

The most urgent finding comes first. Where the sentence would be too long, the last findings
lose their details first, and only then is a type no longer named but counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from ml.assessment import Assessment, FindingReading
from ml.place_words import side_words, words_of
from preread.phrases import LEAST_TOLD_SHIFT_MM, hedge, shift_phrase, volume_text
from preread.terms import HemorrhageType, Level

LONGEST: Final = 300
# Brain is at 25 to 40 HU. What is denser than this in the mean is clotted blood of some days at
# most; what is not may be older, or not clotted, so then nothing is said of its age.
ACUTE_HU: Final = 50.0
# From these sizes on the guidelines for surgery of traumatic lesions (Bullock, Neurosurgery 2006)
# speak of evacuation: epidural 30 ml, subdural 10 mm; in the brain 20 to 50 ml.
URGENT_ML: Final = 30.0
URGENT_THICKNESS_MM: Final = 10.0

NOUN: Final = {
    HemorrhageType.IPH: "intraparenchymal hemorrhage",
    HemorrhageType.SDH: "subdural hematoma",
    HemorrhageType.IVH: "intraventricular hemorrhage",
    HemorrhageType.SAH: "subarachnoid hemorrhage",
    HemorrhageType.EDH: "epidural hematoma",
}
_MASSES: Final = (HemorrhageType.EDH, HemorrhageType.SDH, HemorrhageType.IPH)
_ORDER: Final = (*_MASSES, HemorrhageType.SAH, HemorrhageType.IVH)


class Detail(IntEnum):
    """How much a finding's phrase tells."""

    TYPE = 0
    SIDE = 1
    FULL = 2


@dataclass(frozen=True, slots=True)
class _Told:
    """A finding, and the ventricular blood that is told with it, if any."""

    finding: FindingReading
    extension: FindingReading | None


def summary(assessment: Assessment, flag_text: Mapping[str, str]) -> str:
    """Return the sentence that stands on the worklist.

    Parameters
    ----------
    assessment
        Of the study.
    flag_text
        A sentence for each flag by which a level can be lifted.
    """
    if assessment.level is Level.NONE:
        return "Nothing flagged by the software; bleeding is not ruled out."
    if assessment.lifted_by:
        why = flag_text[assessment.lifted_by[0]]
        return f"Indeterminate: nothing was flagged, but {why[0].lower()}{why[1:]}"
    first = hedge(assessment.level)
    if not assessment.findings:
        return f"{first} intracranial hemorrhage, type and place not determined."
    return _fitted(first, _told(assessment.findings), _shift(assessment))


def _fitted(first: str, told: Sequence[_Told], shift: str) -> str:
    """Return the sentence with as much detail as fits, the most urgent finding's kept longest."""
    details = [Detail.FULL] * len(told)
    for detail in (Detail.SIDE, Detail.TYPE):
        for last in range(len(told) - 1, -1, -1):
            sentence = _sentence(first, told, details, shift)
            if len(sentence) <= LONGEST:
                return sentence
            details[last] = detail
    kept = len(told)
    while True:
        rest = sum(1 if one.extension is None else 2 for one in told[kept:])
        more = f"; and {rest} more" if rest else ""
        sentence = _sentence(first, told[:kept], details, f"{more}{shift}")
        if len(sentence) <= LONGEST or kept == 1:
            return sentence
        kept -= 1


def _sentence(first: str, told: Sequence[_Told], details: Sequence[Detail], end: str) -> str:
    phrases = [finding_phrase(one, detail) for one, detail in zip(told, details, strict=False)]
    return f"{first} {'; '.join(phrases)}{end}."


def finding_phrase(told: _Told, detail: Detail) -> str:
    """Return the words for one finding."""
    finding = told.finding
    before, after = "", ""
    if detail is Detail.FULL:
        before, after = words_of(finding.kind, finding.places)
    elif detail is Detail.SIDE:
        before = side_words(finding.places)
    full = detail is Detail.FULL
    parts = (
        "multifocal" if full and _is_multifocal(finding) else "",
        "acute" if full and is_dense(finding) else "",
        before,
        NOUN[finding.kind],
        after,
    )
    phrase = ", ".join([" ".join(part for part in parts if part), *_sizes(finding)])
    if told.extension is None:
        return phrase
    return ", ".join([f"{phrase}, with intraventricular extension", *_sizes(told.extension)])


def is_dense(finding: FindingReading) -> bool:
    """Whether a collection is as dense as fresh, clotted blood."""
    density = finding.density
    return finding.kind in _MASSES and density is not None and density.mean_hu >= ACUTE_HU


def urgency(finding: FindingReading) -> tuple[bool, float, int]:
    """Return a key that sorts the most urgent finding first: large masses, then by volume."""
    volume_ml = finding.volume_ml or 0.0
    large = finding.kind in _MASSES and volume_ml >= URGENT_ML
    if finding.kind is HemorrhageType.SDH:
        large = large or (finding.max_thickness_mm or 0.0) >= URGENT_THICKNESS_MM
    return not large, -volume_ml, _ORDER.index(finding.kind)


def _is_multifocal(finding: FindingReading) -> bool:
    """Whether the bleed has several centers; films outside the brain always fall apart."""
    return finding.kind is HemorrhageType.IPH and len(finding.lesion_indices) > 1


def _told(findings: Sequence[FindingReading]) -> list[_Told]:
    """Order the findings; blood in the ventricles that hangs together with one in the brain joins it."""
    ordered = sorted(findings, key=urgency)
    brain = next((one for one in ordered if one.kind is HemorrhageType.IPH), None)
    extension = None
    if brain is not None:
        extension = next((one for one in ordered if _hangs_together(one, brain)), None)
    return [
        _Told(one, extension if one is brain else None) for one in ordered if one is not extension
    ]


def _hangs_together(ventricular: FindingReading, brain: FindingReading) -> bool:
    shared = set(ventricular.lesion_indices) & set(brain.lesion_indices)
    return ventricular.kind is HemorrhageType.IVH and bool(shared)


def _sizes(finding: FindingReading) -> list[str]:
    sizes = [] if finding.volume_ml is None else [volume_text(finding.volume_ml)]
    if finding.max_thickness_mm is not None:
        sizes.append(f"{max(1.0, finding.max_thickness_mm):.0f} mm thick")
    return sizes


def _shift(assessment: Assessment) -> str:
    shift_mm = assessment.midline_shift_mm
    if shift_mm is None or shift_mm < LEAST_TOLD_SHIFT_MM:
        return ""
    return f"; {shift_phrase(shift_mm, assessment.midline_shift_toward)}"
