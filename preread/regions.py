"""What each region of the head is called, lies in and is coded as.

Codes are SNOMED CT as printed in PS3.16 of the DICOM standard (context groups 244, 7150,
7159 and the anatomic regions); where no code could be verified there is none, because a
wrong code is worse than a missing one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from preread.terms import (
    LATERALITY_NAME,
    Code,
    Compartment,
    HemorrhageType,
    Laterality,
    Region,
)

COMPARTMENTS_OF_TYPE: Final = {
    HemorrhageType.IPH: frozenset({Compartment.PARENCHYMAL}),
    HemorrhageType.SDH: frozenset({Compartment.EXTRA_AXIAL}),
    HemorrhageType.IVH: frozenset({Compartment.VENTRICULAR}),
    HemorrhageType.SAH: frozenset({Compartment.SUBARACHNOID}),
    HemorrhageType.EDH: frozenset({Compartment.EXTRA_AXIAL}),
}
"""Where each type can lie; elsewhere the type or the place is wrong."""


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

UNPAIRED: Final = frozenset(
    {
        Region.CORPUS_CALLOSUM,
        Region.VERMIS,
        Region.MIDBRAIN,
        Region.PONS,
        Region.MEDULLA,
        Region.BRAIN_STEM,
        Region.THIRD_VENTRICLE,
        Region.FOURTH_VENTRICLE,
        Region.INTERHEMISPHERIC_FISSURE,
        Region.SUPRASELLAR_CISTERN,
        Region.QUADRIGEMINAL_CISTERN,
        Region.PREPONTINE_CISTERN,
        Region.CISTERNA_MAGNA,
        Region.BASAL_CISTERNS,
        Region.PARAFALCINE,
        Region.POSTERIOR_FOSSA,
    }
)
"""One in the whole head, across its midline: there they need no word for the side."""

STEM: Final = frozenset({Region.MIDBRAIN, Region.PONS, Region.MEDULLA, Region.BRAIN_STEM})
"""Unpaired ones with a left and a right half that radiologists tell apart."""

ASIDE: Final = frozenset(
    {
        Region.INSULA,
        Region.PUTAMEN,
        Region.PALLIDUM,
        Region.INTERNAL_CAPSULE,
        Region.ATRIUM,
        Region.OCCIPITAL_HORN,
        Region.TEMPORAL_HORN,
        Region.SYLVIAN_FISSURE,
        Region.AMBIENT_CISTERN,
        Region.TEMPORAL_CONVEXITY,
    }
)
"""On either side, and nowhere at the midline."""


def regions_of(compartment: Compartment) -> tuple[Region, ...]:
    """Return the fine regions of a compartment, in the order of :class:`Region`."""
    return tuple(region for region in FINE_REGIONS if REGION[region].compartment is compartment)


_OF_VENTRICLE: Final = " of the lateral ventricle"


def names_with_side(regions: Sequence[Region], side: Laterality) -> str:
    """Return the words for regions of one side.

    The side is that of the ventricle, not of its part: a «left atrium» is in the heart.

    Examples
    --------
    >>> names_with_side([Region.FRONTAL_LOBE, Region.INSULA], Laterality.LEFT)
    'left frontal lobe, insula'
    >>> names_with_side([Region.ATRIUM], Laterality.LEFT)
    'atrium of the left lateral ventricle'
    >>> names_with_side([Region.ATRIUM, Region.TEMPORAL_HORN], Laterality.BILATERAL)
    'atrium, temporal horn of both lateral ventricles'
    """
    names = [REGION[region].name for region in regions]
    parts = [name.removesuffix(_OF_VENTRICLE) for name in names if name.endswith(_OF_VENTRICLE)]
    others = [name for name in names if not name.endswith(_OF_VENTRICLE)]
    said = [f"{LATERALITY_NAME[side]} {', '.join(others)}"] if others else []
    if parts:
        both = side is Laterality.BILATERAL
        whose = (
            "both lateral ventricles" if both else f"the {LATERALITY_NAME[side]} lateral ventricle"
        )
        said.append(f"{', '.join(parts)} of {whose}")
    return "; ".join(said)


def coarse_region(region: Region) -> Region:
    """Return the group of a region where lobes are counted; itself if it is in none.

    Examples
    --------
    >>> coarse_region(Region.PUTAMEN).value, coarse_region(Region.FRONTAL_LOBE).value
    ('deep_hemisphere', 'frontal_lobe')
    """
    return REGION[region].coarse or region
