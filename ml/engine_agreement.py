"""Whether two ways to compute the same networks say the same of a study.

An engine is a runtime with a number format: torch in bfloat16, ONNX in int8. What counts is
what a reader of the pre-read would see, so whole assessments are compared: the level, the
calibrated probability of every slice, the outline.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.assessment import Assessment
from ml.bundle import Bundle
from ml.field import field_of, read_field
from ml.inspection import inspect_images
from ml.model_slices import interior_of, to_model
from ml.pipeline import assess
from ml.prediction import Predictor
from preread.dicom.volume import Volume, to_radiological
from preread.terms import Level

# As far as bfloat16, which ships, moves a slice but for those at the edge of the cascade. Two levels of the
# shipped rules begin 0.08 apart, so a study in between may change its level: that is compared by itself.
MOST_SLICE_DIFFERENCE: Final = 0.10
# Two outlines with this Dice differ in volume by a fifth at most, and far less than the
# networks' outlines differ from those of a reader (the model card says by how much).
LEAST_DICE: Final = 0.90
# Less than this outlined by both is no bleed that a Dice could be asked of: one voxel of a
# slice of 5 mm is 0.001 ml, and lesions below the manifest's least volume are dropped anyway.
LEAST_OUTLINE_ML: Final = 2.0


@dataclass(frozen=True, slots=True)
class EngineAgreement:
    """How far one engine's assessment of a study lies from the reference's.

    Attributes
    ----------
    slice_difference
        Greatest difference of any calibrated slice probability, of a type or of any.
    dice
        Of the outlines; None where neither holds ``LEAST_OUTLINE_ML``.
    reference_level, level
        Of the study.
    """

    slice_difference: float
    dice: float | None
    reference_level: Level
    level: Level

    @property
    def agrees(self) -> bool:
        """Whether all of it is within the tolerance.

        Examples
        --------
        >>> EngineAgreement(0.02, None, Level.NONE, Level.NONE).agrees
        True
        >>> EngineAgreement(0.02, 0.99, Level.SUSPECTED, Level.INDETERMINATE).agrees
        False
        """
        return self.is_near and self.level is self.reference_level

    @property
    def is_near(self) -> bool:
        """Whether slices and outline are; a study at the edge of a level may still change it."""
        return self.slice_difference <= MOST_SLICE_DIFFERENCE and (
            self.dice is None or self.dice >= LEAST_DICE
        )


def compare_engines(
    volume: Volume, bundle: Bundle, reference: Predictor, others: Mapping[str, Predictor]
) -> dict[str, EngineAgreement]:
    """Assess one study with every engine.

    Parameters
    ----------
    volume
        Any orientation.
    bundle
        Whose networks all of them compute.
    reference
        What the others are measured against: torch in float32.
    others
        Engines by name.
    """
    source = to_radiological(volume)
    slices = to_model(source, bundle.manifest)
    interior = interior_of(slices.hu, bundle.manifest.network.spacing_mm)
    field = field_of(interior, bundle.manifest.network, bundle.manifest.field)
    inspection = inspect_images(slices.hu, interior, slices.thickness_mm, bundle.manifest.reference)

    def read(predictor: Predictor) -> Assessment:
        prediction = read_field(predictor, slices.hu, field)
        return assess(source, slices, interior, prediction, bundle.manifest, inspection=inspection)

    wanted = read(reference)
    return {
        name: agreement_of(wanted, read(other), source.voxel_ml) for name, other in others.items()
    }


def agreement_of(
    reference: Assessment, other: Assessment, voxel_ml: NDArray[np.float64]
) -> EngineAgreement:
    """Compare two assessments of one volume; ``voxel_ml`` is (S,) per slice."""
    far = max(
        float(np.abs(reference.slice_any - other.slice_any).max()),
        float(np.abs(reference.slice_probabilities - other.slice_probabilities).max()),
    )
    sizes = [_outlined_ml(one.mask, voxel_ml) for one in (reference, other)]
    shared_ml = _outlined_ml(reference.mask & other.mask, voxel_ml)
    dice = 2 * shared_ml / sum(sizes) if max(sizes) >= LEAST_OUTLINE_ML else None
    return EngineAgreement(far, dice, reference.level, other.level)


def _outlined_ml(mask: NDArray[np.bool_], voxel_ml: NDArray[np.float64]) -> float:
    return float(mask.sum(axis=(1, 2)) @ voxel_ml)
