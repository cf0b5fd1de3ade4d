"""One look at the images before anything is believed of them: head or not, flags, OOD score."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.gates import NO_SKULL_FOUND, ImageFlag, image_flags, is_unusual
from ml.intracranial import BONE_HU, Interior
from ml.novelty import Reference, ood_score
from ml.quality import measure

# A skull holds 1.0 to 1.8 litres; less than this found means that no head was.
LEAST_INTERIOR_ML: Final = 300.0
# Inside something soft «deep» is found without any bone, so that is asked for by itself. An
# adult skull has some 500 ml of it, the one infant of CT-ICH more than 100.
LEAST_BONE_ML: Final = 20.0

NO_REFERENCE: Final = "the bundle brings no reference patients to compare with"
NO_HEAD: Final = "no head was found"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the images say about themselves.

    Attributes
    ----------
    flags
        ``NO_SKULL_FOUND`` alone, or any of :class:`ml.gates.ImageFlag`.
    ood_score
        0..1, None with its reason.
    """

    flags: tuple[str, ...]
    ood_score: float | None
    ood_score_reason: str | None


def inspect_images(
    hu: NDArray[np.float32],
    interior: Interior,
    thickness_mm: NDArray[np.float64],
    reference: Reference | None,
    patient_age_years: int | None = None,
) -> Inspection:
    """Inspect one volume.

    Parameters
    ----------
    hu
        (N, size, size) float32 slabs on the model's grid, feet to head.
    interior
        Of ``hu``.
    thickness_mm
        (N,) of the slabs.
    reference
        Of the bundle, or None.
    patient_age_years
        As the headers say, or None.
    """
    if not has_skull(hu, interior, thickness_mm):
        return Inspection((NO_SKULL_FOUND,), None, NO_HEAD)
    measures = measure(hu, interior, thickness_mm)
    score = None if reference is None else round(ood_score(measures, reference), 3)
    flags = image_flags(measures, patient_age_years)
    if is_unusual(score):
        flags = (*flags, ImageFlag.UNUSUAL_IMAGES)
    return Inspection(
        tuple(flag.value for flag in flags), score, NO_REFERENCE if score is None else None
    )


def has_skull(
    hu: NDArray[np.float32], interior: Interior, thickness_mm: NDArray[np.float64]
) -> bool:
    """Whether there is bone, and room inside it."""
    interior_ml = _volume_ml(interior.inside, interior.spacing_mm, thickness_mm)
    spacing_mm = interior.spacing_mm * interior.inside.shape[-1] / hu.shape[-1]
    bone_ml = _volume_ml(hu > BONE_HU, spacing_mm, thickness_mm)
    return interior_ml >= LEAST_INTERIOR_ML and bone_ml >= LEAST_BONE_ML


def _volume_ml(
    voxels: NDArray[np.bool_], spacing_mm: float, thickness_mm: NDArray[np.float64]
) -> float:
    counts = np.count_nonzero(voxels, axis=(1, 2))
    return float(counts @ thickness_mm) * spacing_mm**2 / 1000.0
