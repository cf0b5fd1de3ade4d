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


class Compartment(StrEnum):
    """The four spaces inside the skull that a bleed can fill."""

    PARENCHYMAL = "parenchymal"
    VENTRICULAR = "ventricular"
    SUBARACHNOID = "subarachnoid"
    EXTRA_AXIAL = "extra_axial"


COMPARTMENTS_OF_TYPE: Final = {
    HemorrhageType.IPH: frozenset({Compartment.PARENCHYMAL}),
    HemorrhageType.SDH: frozenset({Compartment.EXTRA_AXIAL}),
    HemorrhageType.IVH: frozenset({Compartment.VENTRICULAR}),
    HemorrhageType.SAH: frozenset({Compartment.SUBARACHNOID}),
    HemorrhageType.EDH: frozenset({Compartment.EXTRA_AXIAL}),
}
"""Where each type can lie; elsewhere the type or the place is wrong."""


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


@dataclass(frozen=True, slots=True)
class RegionTerm:
    """The words of a region, what it lies in and, where verified, its code.

    Attributes
    ----------
    name
        As a radiologist says it after the side.
    compartment
        The space that it is part of.
    code
        The narrowest verified concept that holds the region; its own meaning may be wider than
        ``name``. None where there is no such concept.
    coarse
        The group that it belongs to where lobes are counted; None if it is one of its own.
    """

    name: str
    compartment: Compartment
    code: Code | None = None
    coarse: Region | None = None


_BRAIN: Final = Compartment.PARENCHYMAL
_VENTRICLES: Final = Compartment.VENTRICULAR
_SUBARACHNOID: Final = Compartment.SUBARACHNOID
_EXTRA: Final = Compartment.EXTRA_AXIAL
_CEREBELLUM: Final = Code("SCT", "113305005", "Cerebellum")
_BRAIN_STEM: Final = Code("SCT", "119238007", "Brain stem")
_LATERAL: Final = Code("SCT", "66720007", "Lateral ventricle")
_SPACE: Final = Code("SCT", "35951006", "Subarachnoid space")
_MAGNA: Final = Code("SCT", "54165005", "Cisterna Magna")
_ANTERIOR_HORN: Final = Code("SCT", "30399003", "Anterior Horn Lateral Ventricle")
_POSTERIOR_HORN: Final = Code("SCT", "52943005", "Posterior Horn Lateral Ventricle")
_INFERIOR_HORN: Final = Code("SCT", "53118009", "Inferior Horn of Lateral Ventricle")

# fmt: off
REGION: Final = {
    Region.FRONTAL_LOBE: RegionTerm("frontal lobe", _BRAIN, Code("SCT", "83251001", "Frontal lobe")),
    Region.PARIETAL_LOBE: RegionTerm("parietal lobe", _BRAIN, Code("SCT", "16630005", "Parietal lobe")),
    Region.TEMPORAL_LOBE: RegionTerm("temporal lobe", _BRAIN, Code("SCT", "78277001", "Temporal lobe")),
    Region.OCCIPITAL_LOBE: RegionTerm("occipital lobe", _BRAIN, Code("SCT", "31065004", "Occipital lobe")),
    Region.INSULA: RegionTerm("insula", _BRAIN, Code("SCT", "36169008", "Insula")),
    Region.CAUDATE: RegionTerm("caudate nucleus", _BRAIN, Code("SCT", "11000004", "Caudate Nucleus"), Region.DEEP_HEMISPHERE),
    Region.PUTAMEN: RegionTerm("putamen", _BRAIN, Code("SCT", "89278009", "Putamen"), Region.DEEP_HEMISPHERE),
    Region.PALLIDUM: RegionTerm("globus pallidus", _BRAIN, Code("SCT", "14738005", "Globus Pallidus"), Region.DEEP_HEMISPHERE),
    Region.THALAMUS: RegionTerm("thalamus", _BRAIN, Code("SCT", "42695009", "Thalamus"), Region.DEEP_HEMISPHERE),
    Region.INTERNAL_CAPSULE: RegionTerm("internal capsule", _BRAIN, Code("SCT", "85637007", "internal capsule"), Region.DEEP_HEMISPHERE),
    Region.CORPUS_CALLOSUM: RegionTerm("corpus callosum", _BRAIN, Code("SCT", "88442005", "Corpus callosum"), Region.DEEP_HEMISPHERE),
    Region.CEREBELLAR_HEMISPHERE: RegionTerm("cerebellar hemisphere", _BRAIN, _CEREBELLUM, Region.CEREBELLUM),
    Region.VERMIS: RegionTerm("cerebellar vermis", _BRAIN, _CEREBELLUM, Region.CEREBELLUM),
    Region.MIDBRAIN: RegionTerm("midbrain", _BRAIN, Code("SCT", "61962009", "Midbrain"), Region.BRAIN_STEM),
    Region.PONS: RegionTerm("pons", _BRAIN, _BRAIN_STEM, Region.BRAIN_STEM),
    Region.MEDULLA: RegionTerm("medulla oblongata", _BRAIN, _BRAIN_STEM, Region.BRAIN_STEM),
    Region.FRONTAL_HORN: RegionTerm("frontal horn of the lateral ventricle", _VENTRICLES, _ANTERIOR_HORN, Region.LATERAL_VENTRICLE),
    Region.VENTRICULAR_BODY: RegionTerm("body of the lateral ventricle", _VENTRICLES, _LATERAL, Region.LATERAL_VENTRICLE),
    Region.ATRIUM: RegionTerm("atrium of the lateral ventricle", _VENTRICLES, _LATERAL, Region.LATERAL_VENTRICLE),
    Region.OCCIPITAL_HORN: RegionTerm("occipital horn of the lateral ventricle", _VENTRICLES, _POSTERIOR_HORN, Region.LATERAL_VENTRICLE),
    Region.TEMPORAL_HORN: RegionTerm("temporal horn of the lateral ventricle", _VENTRICLES, _INFERIOR_HORN, Region.LATERAL_VENTRICLE),
    Region.THIRD_VENTRICLE: RegionTerm("third ventricle", _VENTRICLES, Code("SCT", "49841001", "Third ventricle")),
    Region.FOURTH_VENTRICLE: RegionTerm("fourth ventricle", _VENTRICLES, Code("SCT", "35918002", "Fourth ventricle")),
    Region.FRONTAL_SULCI: RegionTerm("frontal sulci", _SUBARACHNOID, _SPACE),
    Region.PARIETAL_SULCI: RegionTerm("parietal sulci", _SUBARACHNOID, _SPACE),
    Region.TEMPORAL_SULCI: RegionTerm("temporal sulci", _SUBARACHNOID, _SPACE),
    Region.OCCIPITAL_SULCI: RegionTerm("occipital sulci", _SUBARACHNOID, _SPACE),
    Region.SYLVIAN_FISSURE: RegionTerm("Sylvian fissure", _SUBARACHNOID, _SPACE),
    Region.INTERHEMISPHERIC_FISSURE: RegionTerm("interhemispheric fissure", _SUBARACHNOID, _SPACE),
    Region.SUPRASELLAR_CISTERN: RegionTerm("suprasellar cistern", _SUBARACHNOID, _SPACE, Region.BASAL_CISTERNS),
    Region.AMBIENT_CISTERN: RegionTerm("ambient cistern", _SUBARACHNOID, _SPACE, Region.BASAL_CISTERNS),
    Region.QUADRIGEMINAL_CISTERN: RegionTerm("quadrigeminal cistern", _SUBARACHNOID, _SPACE, Region.BASAL_CISTERNS),
    Region.PREPONTINE_CISTERN: RegionTerm("prepontine cistern", _SUBARACHNOID, _SPACE, Region.BASAL_CISTERNS),
    Region.CISTERNA_MAGNA: RegionTerm("cisterna magna", _SUBARACHNOID, _MAGNA, Region.BASAL_CISTERNS),
    Region.FRONTAL_CONVEXITY: RegionTerm("frontal convexity", _EXTRA),
    Region.PARIETAL_CONVEXITY: RegionTerm("parietal convexity", _EXTRA),
    Region.TEMPORAL_CONVEXITY: RegionTerm("temporal convexity", _EXTRA),
    Region.OCCIPITAL_CONVEXITY: RegionTerm("occipital convexity", _EXTRA),
    Region.PARAFALCINE: RegionTerm("parafalcine space", _EXTRA),
    Region.TENTORIAL: RegionTerm("tentorium", _EXTRA),
    Region.ANTERIOR_FOSSA: RegionTerm("anterior cranial fossa", _EXTRA, coarse=Region.FRONTAL_CONVEXITY),
    Region.MIDDLE_FOSSA: RegionTerm("middle cranial fossa", _EXTRA, coarse=Region.TEMPORAL_CONVEXITY),
    Region.POSTERIOR_FOSSA: RegionTerm("posterior fossa", _EXTRA),
    Region.DEEP_HEMISPHERE: RegionTerm("deep hemisphere", _BRAIN, Code("SCT", "372073000", "Cerebral hemisphere")),
    Region.CEREBELLUM: RegionTerm("cerebellum", _BRAIN, _CEREBELLUM),
    Region.BRAIN_STEM: RegionTerm("brain stem", _BRAIN, _BRAIN_STEM),
    Region.LATERAL_VENTRICLE: RegionTerm("lateral ventricle", _VENTRICLES, _LATERAL),
    Region.SUBARACHNOID_CONVEXITY: RegionTerm("sulci of the convexity", _SUBARACHNOID, _SPACE),
    Region.BASAL_CISTERNS: RegionTerm("basal cisterns", _SUBARACHNOID, _SPACE),
}
# fmt: on

COARSE_REGIONS: Final = (
    Region.DEEP_HEMISPHERE,
    Region.CEREBELLUM,
    Region.BRAIN_STEM,
    Region.LATERAL_VENTRICLE,
    Region.SUBARACHNOID_CONVEXITY,
    Region.BASAL_CISTERNS,
)
"""Groups, and words of older pre-reads; no place is read as one of them."""

FINE_REGIONS: Final = tuple(region for region in Region if region not in COARSE_REGIONS)
"""What places are named by."""


def regions_of(compartment: Compartment) -> tuple[Region, ...]:
    """Return the fine regions of a compartment, in the order of :class:`Region`."""
    return tuple(region for region in FINE_REGIONS if REGION[region].compartment is compartment)


def coarse_region(region: Region) -> Region:
    """Return the group of a region where lobes are counted; itself if it is in none.

    Examples
    --------
    >>> coarse_region(Region.PUTAMEN).value, coarse_region(Region.FRONTAL_LOBE).value
    ('deep_hemisphere', 'frontal_lobe')
    """
    return REGION[region].coarse or region


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
