"""What the networks say of each slab and of the study, from blood only where it can be."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ml.bundle import CalibrationRule
from ml.evidence import SliceEvidence, gather_evidence, slice_odds, study_features
from ml.intracranial import Interior, possible_on
from ml.model_slices import ModelSlices
from ml.prediction import Prediction


def evidence_of(slices: ModelSlices, interior: Interior, prediction: Prediction) -> SliceEvidence:
    """Boil a prediction down to log-odds per slab, blood only where it can be."""
    return gather_evidence(
        prediction.kind_probabilities,
        prediction.mask_probabilities * possible_on(interior, prediction.mask_probabilities),
        prediction.kind_maps,
        slices.placement.grid.spacing_mm,
    )


def member_probabilities(
    slices: ModelSlices, interior: Interior, prediction: Prediction, calibration: CalibrationRule
) -> NDArray[np.float64] | None:
    """Return (M,): the study's probability by each member alone; None of one network."""
    if prediction.members is None:
        return None
    kinds, masks = prediction.members
    pixel_mm = slices.placement.grid.spacing_mm * len(slices.hu[0]) / masks.shape[-1]
    possible = possible_on(interior, masks)
    heard = [
        gather_evidence(said, drawn * possible, prediction.kind_maps, pixel_mm)
        for said, drawn in zip(kinds, masks, strict=True)
    ]
    features = [study_features(one.any_features, calibration.slice_any) for one in heard]
    return calibration.any.probabilities(np.stack(features))


def slice_probabilities(
    evidence: SliceEvidence, calibration: CalibrationRule
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return (N,) of any hemorrhage and (N, K) of the types, none above it, calibrated, per slab."""
    kinds = [
        expit(slice_odds(evidence.kind_features(kind), curve))
        for kind, curve in enumerate(calibration.slice_kinds)
    ]
    some = expit(slice_odds(evidence.any_features, calibration.slice_any))
    bounded = np.minimum(np.stack(kinds, axis=1), some[:, None])
    return some.astype(np.float32), bounded.astype(np.float32)
