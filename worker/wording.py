"""The sentences of a pre-read: hedged, short, the same for the same findings."""

from collections.abc import Sequence
from typing import Final

from ml import sentence
from ml.assessment import Assessment
from ml.gates import ImageFlag
from preread.findings import Model
from preread.terms import Level

_ALWAYS: Final = (
    "A study without a flag may still show hemorrhage.",
    "The model was not tried in any hospital; docs/model-card.md has its figures.",
)
_OF_FINDINGS: Final = (
    "Outlines, volumes, thicknesses and places come from the model and are not checked by anybody.",
    f"«Acute» means {sentence.ACUTE_HU:.0f} HU or more in the mean; nobody has judged the blood's age.",
    "The midline shift is measured against the skull's own symmetry; below 3 mm it says nothing.",
)
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
    "LOCATION_LOW_CONFIDENCE": "The head is unlike those that places were learned from; places are "
    "less certain.",
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
    return sentence.summary(assessment, _OF_FLAG)


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
