"""The closed vocabularies of the service: hemorrhage types, places, urgencies and reasons.

Every enum is a ``StrEnum`` whose value is the text in JSON and in the database.
Codes are SNOMED CT as printed in PS3.16 of the DICOM standard (context groups 244, 7150,
7159 and the anatomic regions); where no code could be verified there is none, because a
wrong code is worse than a missing one.
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


class Region(StrEnum):
    """Where a bleed lies; side is kept apart as :class:`Laterality`."""

    FRONTAL_LOBE = "frontal_lobe"
    PARIETAL_LOBE = "parietal_lobe"
    TEMPORAL_LOBE = "temporal_lobe"
    OCCIPITAL_LOBE = "occipital_lobe"
    DEEP_HEMISPHERE = "deep_hemisphere"
    CEREBELLUM = "cerebellum"
    BRAIN_STEM = "brain_stem"
    LATERAL_VENTRICLE = "lateral_ventricle"
    THIRD_VENTRICLE = "third_ventricle"
    FOURTH_VENTRICLE = "fourth_ventricle"
    SUBARACHNOID_CONVEXITY = "subarachnoid_convexity"
    BASAL_CISTERNS = "basal_cisterns"
    FRONTAL_CONVEXITY = "frontal_convexity"
    PARIETAL_CONVEXITY = "parietal_convexity"
    TEMPORAL_CONVEXITY = "temporal_convexity"
    OCCIPITAL_CONVEXITY = "occipital_convexity"
    PARAFALCINE = "parafalcine"
    POSTERIOR_FOSSA = "posterior_fossa"


@dataclass(frozen=True, slots=True)
class RegionTerm:
    """The words and, where verified, the code of a region."""

    name: str
    code: Code | None


REGION: Final = {
    Region.FRONTAL_LOBE: RegionTerm("frontal lobe", Code("SCT", "83251001", "Frontal lobe")),
    Region.PARIETAL_LOBE: RegionTerm("parietal lobe", Code("SCT", "16630005", "Parietal lobe")),
    Region.TEMPORAL_LOBE: RegionTerm("temporal lobe", Code("SCT", "78277001", "Temporal lobe")),
    Region.OCCIPITAL_LOBE: RegionTerm("occipital lobe", Code("SCT", "31065004", "Occipital lobe")),
    Region.DEEP_HEMISPHERE: RegionTerm(
        "deep hemisphere", Code("SCT", "372073000", "Cerebral hemisphere")
    ),
    Region.CEREBELLUM: RegionTerm("cerebellum", Code("SCT", "113305005", "Cerebellum")),
    Region.BRAIN_STEM: RegionTerm("brain stem", Code("SCT", "119238007", "Brain stem")),
    Region.LATERAL_VENTRICLE: RegionTerm(
        "lateral ventricle", Code("SCT", "66720007", "Lateral ventricle")
    ),
    Region.THIRD_VENTRICLE: RegionTerm(
        "third ventricle", Code("SCT", "49841001", "Third ventricle")
    ),
    Region.FOURTH_VENTRICLE: RegionTerm(
        "fourth ventricle", Code("SCT", "35918002", "Fourth ventricle")
    ),
    Region.SUBARACHNOID_CONVEXITY: RegionTerm(
        "sulci of the convexity", Code("SCT", "35951006", "Subarachnoid space")
    ),
    Region.BASAL_CISTERNS: RegionTerm(
        "basal cisterns", Code("SCT", "35951006", "Subarachnoid space")
    ),
    Region.FRONTAL_CONVEXITY: RegionTerm("frontal convexity", None),
    Region.PARIETAL_CONVEXITY: RegionTerm("parietal convexity", None),
    Region.TEMPORAL_CONVEXITY: RegionTerm("temporal convexity", None),
    Region.OCCIPITAL_CONVEXITY: RegionTerm("occipital convexity", None),
    Region.PARAFALCINE: RegionTerm("along the falx", None),
    Region.POSTERIOR_FOSSA: RegionTerm("posterior fossa", None),
}


class ReasonCode(StrEnum):
    """Why a study has no assessment, or none yet."""

    MODALITY_NOT_CT = "MODALITY_NOT_CT"
    NOT_HEAD = "NOT_HEAD"
    LOCALIZER_ONLY = "LOCALIZER_ONLY"
    NO_ORIGINAL_SERIES = "NO_ORIGINAL_SERIES"
    TOO_FEW_SLICES = "TOO_FEW_SLICES"
    TOO_THICK = "TOO_THICK"
    NOT_AXIAL = "NOT_AXIAL"
    COVERAGE_TOO_SHORT = "COVERAGE_TOO_SHORT"
    MISSING_SLICES = "MISSING_SLICES"
    MISSING_GEOMETRY = "MISSING_GEOMETRY"
    RESCALE_MISSING = "RESCALE_MISSING"
    CONTRAST = "CONTRAST"
    CONTRAST_SUSPECTED = "CONTRAST_SUSPECTED"
    IMPLAUSIBLE_HU = "IMPLAUSIBLE_HU"
    TWO_PATIENTS = "TWO_PATIENTS"
    UNSUPPORTED_TRANSFER_SYNTAX = "UNSUPPORTED_TRANSFER_SYNTAX"
    IMAGE_SIZE_OUT_OF_RANGE = "IMAGE_SIZE_OUT_OF_RANGE"
    PIXEL_DECODE_FAILED = "PIXEL_DECODE_FAILED"
    WORKER_LOST = "WORKER_LOST"
    TIMED_OUT = "TIMED_OUT"
    INTERNAL_ERROR = "INTERNAL_ERROR"


REASON_TEXT: Final = {
    ReasonCode.MODALITY_NOT_CT: "The study holds no CT images.",
    ReasonCode.NOT_HEAD: "The images do not show a head.",
    ReasonCode.LOCALIZER_ONLY: "Only localizer images were received.",
    ReasonCode.NO_ORIGINAL_SERIES: "Only derived images were received, no original axial series.",
    ReasonCode.TOO_FEW_SLICES: "The series has too few slices for an assessment.",
    ReasonCode.TOO_THICK: "The slices are too thick for an assessment.",
    ReasonCode.NOT_AXIAL: "No axial series was received.",
    ReasonCode.COVERAGE_TOO_SHORT: "The series covers too little of the head.",
    ReasonCode.MISSING_SLICES: "Slices are missing within the series.",
    ReasonCode.MISSING_GEOMETRY: "Position, orientation or pixel spacing of the slices is missing.",
    ReasonCode.RESCALE_MISSING: "Rescale slope and intercept are missing, so HU are unknown.",
    ReasonCode.CONTRAST: "A contrast agent was given.",
    ReasonCode.CONTRAST_SUSPECTED: "The vessels are as bright as with a contrast agent.",
    ReasonCode.IMPLAUSIBLE_HU: "The gray levels inside the skull are not those of brain in HU.",
    ReasonCode.TWO_PATIENTS: "The images carry more than one patient ID.",
    ReasonCode.UNSUPPORTED_TRANSFER_SYNTAX: "The transfer syntax of the images is not supported.",
    ReasonCode.IMAGE_SIZE_OUT_OF_RANGE: "The image matrix is outside the accepted sizes.",
    ReasonCode.PIXEL_DECODE_FAILED: "The pixel data could not be decoded.",
    ReasonCode.WORKER_LOST: "The worker stopped while it was reading the study.",
    ReasonCode.TIMED_OUT: "The pre-read took longer than its time limit.",
    ReasonCode.INTERNAL_ERROR: "The pre-read failed inside the software.",
}
