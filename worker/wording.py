"""The sentences of a pre-read: hedged, short, the same for the same findings."""

from collections.abc import Sequence
from typing import Final

from ml.assessment import Assessment, FindingReading, Place
from ml.gates import ImageFlag
from preread.findings import Model, shift_phrase, volume_text
from preread.terms import LATERALITY_NAME, REGION, TYPE_NAME, Laterality, Level

_LONGEST_SUMMARY: Final = 300

_ALWAYS: Final = (
    "A study without a flag may still show hemorrhage.",
    "The model was not tried in any hospital; docs/model-card.md has its figures.",
)
_OF_FINDINGS: Final = (
    "Outlines, volumes, thicknesses and places come from the model and are not checked by anybody.",
    "The midline shift is measured against the skull's own symmetry; below 3 mm it says nothing.",
)
# In patients without any bleed the measure says up to this, as no skull is symmetric.
_LEAST_TOLD_SHIFT_MM: Final = 3.0
_DEMONSTRATOR: Final = (
    "The model is a demonstrator: it was trained on too little data to be judged."
)
_OF_FLAG: Final = {
    "GANTRY_TILT": "The gantry was tilted; the volume was measured on sheared slices.",
    "UNEVEN_SPACING": "The slices are unevenly spaced; volumes are less certain.",
    "GAPS_BETWEEN_SLICES": "There are gaps between the slices; volumes are less certain.",
    "BODY_PART_UNKNOWN": "Nothing in the headers says that these images show a head.",
    "LOSSY_COMPRESSION": "The images were compressed with loss.",
    "BONE_KERNEL": "Only a sharp reconstruction was available; it is noisier than the model expects.",
    "LOCATION_LOW_CONFIDENCE": "The head's axes were hard to find; places are less certain.",
    ImageFlag.METAL: "There is metal in the slices; streaks may hide or imitate blood.",
    ImageFlag.POSTOPERATIVE_METAL: "There is metal in or at the skull, as after surgery.",
    ImageFlag.HIGH_NOISE: "The images are so noisy that thin or small bleeds may drown.",
    ImageFlag.SHARP_KERNEL: "The images look sharply reconstructed, as for bone.",
    ImageFlag.SMALL_SKULL: "The inside of the skull is smaller than an adult's.",
    ImageFlag.PEDIATRIC: "The patient is under 18; the model is for adults.",
    ImageFlag.PEDIATRIC_SUSPECTED: "The skull is thin and soft like a small child's; the model is "
    "for adults.",
    ImageFlag.INCOMPLETE_COVERAGE: "The top or the bottom of the brain is not in the images.",
    ImageFlag.SKULL_OPEN: "The skull is widely open, as after surgery.",
    ImageFlag.UNUSUAL_IMAGES: "The images are unlike those that the model was trained on.",
    ImageFlag.NETWORKS_DISAGREE: "The networks of the model disagree about this study.",
}


def summary(assessment: Assessment | None, why_not: str | None) -> str:
    """Return the one sentence that stands on the worklist, at most 300 characters."""
    if assessment is None:
        return f"Not assessed. {why_not or ''}".strip()
    if assessment.level is Level.NONE:
        return "No hemorrhage flagged."
    if assessment.lifted_by:
        why = _OF_FLAG[assessment.lifted_by[0]]
        return f"Indeterminate: nothing was flagged, but {why[0].lower()}{why[1:]}"
    first = "Suspected" if assessment.level is not Level.INDETERMINATE else "Indeterminate for"
    if not assessment.findings:
        return f"{first} intracranial hemorrhage, type and place not determined."
    phrases = [finding_phrase(finding) for finding in assessment.findings]
    shift = _shift_words(assessment)
    for shown in range(len(phrases), 0, -1):
        hidden = len(phrases) - shown
        more = f"; {hidden} more" if hidden else ""
        sentence = f"{first} {'; '.join(phrases[:shown])}{more}{shift}."
        if len(sentence) <= _LONGEST_SUMMARY:
            return sentence
    return f"{first} intracranial hemorrhage, {len(phrases)} findings{shift}."


def _shift_words(assessment: Assessment) -> str:
    shift_mm = assessment.midline_shift_mm
    if shift_mm is None or shift_mm < _LEAST_TOLD_SHIFT_MM:
        return ""
    return f"; {shift_phrase(shift_mm, assessment.midline_shift_toward)}"


def finding_phrase(finding: FindingReading) -> str:
    """Return side, type, volume and thickness of a finding, as far as they are known."""
    side = side_of(finding.places)
    words = (
        TYPE_NAME[finding.kind]
        if side is None
        else f"{LATERALITY_NAME[side]} {TYPE_NAME[finding.kind]}"
    )
    if finding.volume_ml is not None:
        words += f", {volume_text(finding.volume_ml)}"
    if finding.max_thickness_mm is not None:
        words += f", {finding.max_thickness_mm:.0f} mm thick"
    return words


def side_of(places: Sequence[Place]) -> Laterality | None:
    """Return the side of all places together; None if there are none.

    A place at the midline does not change the side that the others have.
    """
    sides = {where.laterality for where in places}
    if not sides:
        return None
    aside = sides - {Laterality.MIDLINE}
    if not aside:
        return Laterality.MIDLINE
    return aside.pop() if len(aside) == 1 else Laterality.BILATERAL


def place_name(where: Place) -> str:
    """Return the words for one place.

    Examples
    --------
    >>> from preread.terms import Region
    >>> place_name(Place(Region.FRONTAL_LOBE, Laterality.LEFT, 1.0))
    'left frontal lobe'
    """
    return f"{LATERALITY_NAME[where.laterality]} {REGION[where.region].name}"


def limitations(level: Level, flags: Sequence[str], model: Model | None) -> tuple[str, ...]:
    """Return what a reader has to know to judge the pre-read."""
    if level is Level.NOT_ASSESSED:
        return ("Nothing was assessed; the study has to be read as if there were no pre-read.",)
    sentences = list(_ALWAYS)
    if level is not Level.NONE:
        sentences.extend(_OF_FINDINGS)
    if model is not None and model.demonstrator:
        sentences.append(_DEMONSTRATOR)
    sentences.extend(_OF_FLAG[flag] for flag in flags if flag in _OF_FLAG)
    return tuple(sentences)
