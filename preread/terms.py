"""The closed vocabularies of the service: hemorrhage types, places, levels and urgencies.

Every enum is a ``StrEnum`` whose value is the text in JSON and in the database. What a region is
called and coded as stands in ``preread.regions``; why a study has no assessment, in
``preread.reasons``.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept: coding scheme designator, code value, code meaning (PS3.3 8.8)."""

    scheme: str
    value: str
    meaning: str


class HemorrhageType(StrEnum):
    """The five types of intracranial hemorrhage, in the order of the networks' outputs."""

    IPH = "IPH"
    SDH = "SDH"
    IVH = "IVH"
    SAH = "SAH"
    EDH = "EDH"


KINDS: Final = tuple(HemorrhageType)
"""Index k of every array axis K is the type ``KINDS[k]``."""

TYPE_NAME: Final = {
    HemorrhageType.IPH: "intraparenchymal hemorrhage",
    HemorrhageType.SDH: "subdural hemorrhage",
    HemorrhageType.IVH: "intraventricular hemorrhage",
    HemorrhageType.SAH: "subarachnoid hemorrhage",
    HemorrhageType.EDH: "epidural hemorrhage",
}

HEMORRHAGE: Final = Code("SCT", "50960005", "Hemorrhage")
"""The finding code of all five types; the place tells them apart (PS3.16 CID 7159)."""


class Laterality(StrEnum):
    """Side of the patient, not of the picture."""

    LEFT = "L"
    RIGHT = "R"
    BILATERAL = "B"
    MIDLINE = "M"


LATERALITY_NAME: Final = {
    Laterality.LEFT: "left",
    Laterality.RIGHT: "right",
    Laterality.BILATERAL: "bilateral",
    Laterality.MIDLINE: "midline",
}


class OrderClass(StrEnum):
    """How urgently the referring site asked for the read."""

    STAT = "STAT"
    ER = "ER"
    INPATIENT = "INPATIENT"
    ROUTINE = "ROUTINE"


class Level(StrEnum):
    """What the pre-read says about hemorrhage, as the ranking policy uses it."""

    CRITICAL = "critical"
    SUSPECTED = "suspected"
    INDETERMINATE = "indeterminate"
    NONE = "none"
    NOT_ASSESSED = "not_assessed"


FLAGGED: Final = (Level.CRITICAL, Level.SUSPECTED)
"""The levels that say «a bleed is suspected»."""


class Compartment(StrEnum):
    """The four spaces inside the skull that a bleed can fill."""

    PARENCHYMAL = "parenchymal"
    VENTRICULAR = "ventricular"
    SUBARACHNOID = "subarachnoid"
    EXTRA_AXIAL = "extra_axial"


class Region(StrEnum):
    """Where a bleed lies; side is kept apart as :class:`Laterality`."""

    FRONTAL_LOBE = "frontal_lobe"
    PARIETAL_LOBE = "parietal_lobe"
    TEMPORAL_LOBE = "temporal_lobe"
    OCCIPITAL_LOBE = "occipital_lobe"
    INSULA = "insula"
    CAUDATE = "caudate"
    PUTAMEN = "putamen"
    PALLIDUM = "pallidum"
    THALAMUS = "thalamus"
    INTERNAL_CAPSULE = "internal_capsule"
    CORPUS_CALLOSUM = "corpus_callosum"
    CEREBELLAR_HEMISPHERE = "cerebellar_hemisphere"
    VERMIS = "vermis"
    MIDBRAIN = "midbrain"
    PONS = "pons"
    MEDULLA = "medulla"
    FRONTAL_HORN = "frontal_horn"
    VENTRICULAR_BODY = "ventricular_body"
    ATRIUM = "atrium"
    OCCIPITAL_HORN = "occipital_horn"
    TEMPORAL_HORN = "temporal_horn"
    THIRD_VENTRICLE = "third_ventricle"
    FOURTH_VENTRICLE = "fourth_ventricle"
    FRONTAL_SULCI = "frontal_sulci"
    PARIETAL_SULCI = "parietal_sulci"
    TEMPORAL_SULCI = "temporal_sulci"
    OCCIPITAL_SULCI = "occipital_sulci"
    SYLVIAN_FISSURE = "sylvian_fissure"
    INTERHEMISPHERIC_FISSURE = "interhemispheric_fissure"
    SUPRASELLAR_CISTERN = "suprasellar_cistern"
    AMBIENT_CISTERN = "ambient_cistern"
    QUADRIGEMINAL_CISTERN = "quadrigeminal_cistern"
    PREPONTINE_CISTERN = "prepontine_cistern"
    CISTERNA_MAGNA = "cisterna_magna"
    FRONTAL_CONVEXITY = "frontal_convexity"
    PARIETAL_CONVEXITY = "parietal_convexity"
    TEMPORAL_CONVEXITY = "temporal_convexity"
    OCCIPITAL_CONVEXITY = "occipital_convexity"
    PARAFALCINE = "parafalcine"
    TENTORIAL = "tentorial"
    ANTERIOR_FOSSA = "anterior_fossa"
    MIDDLE_FOSSA = "middle_fossa"
    POSTERIOR_FOSSA = "posterior_fossa"
    # Coarse: groups of the above. Pre-reads written before the regions became fine carry them.
    DEEP_HEMISPHERE = "deep_hemisphere"
    CEREBELLUM = "cerebellum"
    BRAIN_STEM = "brain_stem"
    LATERAL_VENTRICLE = "lateral_ventricle"
    SUBARACHNOID_CONVEXITY = "subarachnoid_convexity"
    BASAL_CISTERNS = "basal_cisterns"
