"""What the models say about one volume, before the worker writes it down as a pre-read."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from preread.terms import HemorrhageType, Laterality, Level, Region


@dataclass(frozen=True, slots=True)
class Place:
    """One region of a finding.

    Attributes
    ----------
    region, laterality
        Where, of the patient.
    share_of_volume
        0..1 of the finding's volume.
    """

    region: Region
    laterality: Laterality
    share_of_volume: float


@dataclass(frozen=True, slots=True)
class SliceSpan:
    """Slices of the volume, feet to head, from 0; ``peak`` shows most of it."""

    first: int
    last: int
    peak: int


@dataclass(frozen=True, slots=True)
class Density:
    """HU inside the outline: mean and 95th percentile."""

    mean_hu: float
    p95_hu: float


@dataclass(frozen=True, slots=True)
class LesionReading:
    """One connected bleed.

    Attributes
    ----------
    kinds
        At least one, the most probable first.
    kind_shares
        For each of ``kinds`` its share of the volume; they sum to 1.
    volume_ml, density, slices, laterality, places
        Measured on the source's grid.
    """

    kinds: tuple[HemorrhageType, ...]
    kind_shares: tuple[float, ...]
    volume_ml: float
    density: Density
    slices: SliceSpan
    laterality: Laterality
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class FindingReading:
    """One type of hemorrhage with all its places.

    Attributes
    ----------
    probability, threshold
        Of this type in the study.
    volume_ml, density, slices
        None where no outline carries the type; then ``volume_ml_reason`` says why.
    max_thickness_mm
        Square to the inner table; None with its reason for all but SDH and EDH of the
        convexity (:mod:`ml.thickness`).
    lesion_indices
        Into ``Assessment.lesions``.
    """

    kind: HemorrhageType
    probability: float
    threshold: float
    volume_ml: float | None
    volume_ml_reason: str | None
    max_thickness_mm: float | None
    max_thickness_mm_reason: str | None
    density: Density | None
    density_reason: str | None
    places: tuple[Place, ...]
    places_reason: str | None
    slices: SliceSpan | None
    lesion_indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KindProbability:
    """Probability of one type over the study, present or not."""

    kind: HemorrhageType
    probability: float
    threshold: float
    present: bool


@dataclass(frozen=True, slots=True)
class KeySlice:
    """A slice worth looking at first.

    Attributes
    ----------
    slice
        Index into the volume.
    kinds
        The findings that it shows; empty if none has an outline there.
    has_outline
        Whether the mask holds blood on it.
    """

    slice: int
    kinds: tuple[HemorrhageType, ...]
    has_outline: bool


@dataclass(frozen=True, slots=True)
class StageTiming:
    """Milliseconds of wall clock."""

    prepare_ms: float
    predict_ms: float
    measure_ms: float


@dataclass(frozen=True)
class Assessment:
    """Everything that the models say about one volume.

    Attributes
    ----------
    level
        critical, suspected, indeterminate or none.
    lifted_by
        Codes for which the level is indeterminate though the networks said none; then there
        are no findings. Mostly empty.
    probability
        Of any intracranial hemorrhage in the study, 0..1.
    calibrated
        Whether ``probability`` went through the bundle's calibration.
    threshold, operating_point_id
        The operating point of «suspected».
    interval95
        Low and high of ``probability`` as the networks of an ensemble differ; None with its
        reason where one network read.
    ood_score
        How far the images lie from those of the training patients, 0..1; None with its
        reason where there is nothing to compare.
    kinds
        One per type, in the order of ``KINDS``.
    findings
        Any number; empty at level none.
    lesions
        Any number, greatest first.
    total_volume_ml
        Of all lesions; None with its reason where nothing was outlined though the level is
        above none.
    midline_shift_mm, midline_shift_toward
        At least 0, and the patient's side to which the midline moved; None with its reason
        where it cannot be seen (:mod:`ml.midline`).
    slice_any, slice_probabilities
        (S,) and (S, K) float32 on the volume's slices, calibrated.
    mask, mask_kinds
        (S, R, C) bool and uint8 on the grid of ``to_radiological(volume)``: the lesions'
        voxels, and of each 1 + the index in ``KINDS`` of its type, 0 outside.
    key_slices
        At most five, most telling first.
    warnings
        Codes: DEMONSTRATOR, LOCATION_LOW_CONFIDENCE, NO_SKULL_FOUND and those of
        :class:`ml.gates.ImageFlag`.
    timing
        By stage.
    """

    level: Level
    lifted_by: tuple[str, ...]
    probability: float
    calibrated: bool
    threshold: float
    operating_point_id: str
    interval95: tuple[float, float] | None
    interval95_reason: str | None
    ood_score: float | None
    ood_score_reason: str | None
    kinds: tuple[KindProbability, ...]
    findings: tuple[FindingReading, ...]
    lesions: tuple[LesionReading, ...]
    total_volume_ml: float | None
    total_volume_ml_reason: str | None
    midline_shift_mm: float | None
    midline_shift_mm_reason: str | None
    midline_shift_toward: Laterality | None
    slice_any: NDArray[np.float32]
    slice_probabilities: NDArray[np.float32]
    mask: NDArray[np.bool_]
    mask_kinds: NDArray[np.uint8]
    key_slices: tuple[KeySlice, ...]
    warnings: tuple[str, ...]
    timing: StageTiming
