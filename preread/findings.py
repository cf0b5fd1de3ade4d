"""The pre-read: what the software says about one revision of one study, as JSON.

Schema version 1.2. Rules of the document:

* a number that nobody computed is null, and a field ``…_reason`` beside it says why; it is
  never 0;
* ``not_assessed`` is not ``none``, and ``none`` is not «normal»;
* there is no upper limit on findings, nor on the places of a finding;
* adding a field raises the second number of ``schema_version``, removing or renaming one the
  first; what an earlier 1.x wrote is still read.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from preread.reasons import ReasonCode
from preread.terms import HemorrhageType, Laterality, Level, OrderClass, Region

SCHEMA_VERSION: Final = "1.2"

Probability = float


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Mode(StrEnum):
    """Whether places and outlines may be shown (research) or not (triage only)."""

    TRIAGE_ONLY = "triage_only"
    RESEARCH_PREREAD = "research_preread"


class PreReadStatus(StrEnum):
    """Whether this pre-read is the present one of its study."""

    PRELIMINARY = "preliminary"
    SUPERSEDED = "superseded"


class CodedTerm(_Value):
    """A coded concept (PS3.3 8.8)."""

    scheme: str
    value: str
    meaning: str


class StudyReference(_Value):
    """Which study was read; never a name, birth date or patient ID."""

    study_id: str
    study_instance_uid: str
    accession_number: str | None
    site: str
    order_class: OrderClass
    modality: str | None
    body_part: str | None
    patient_age_years: int | None
    acquired_at: datetime | None
    completed_at: datetime
    synthetic: bool


class SeriesInput(_Value):
    """One series of the study and whether it was read."""

    series_instance_uid: str
    instance_count: int
    selected: bool
    reason: str | None
    slice_thickness_mm: float | None
    pixel_spacing_mm: tuple[float, float] | None
    kernel: str | None
    contrast_agent: bool | None


class SliceRecordFile(_Value):
    """Where all slices are shown, and the digest of what is kept of their outlines."""

    sha256: str
    url: str


class InputSummary(_Value):
    """What the assessment is made from.

    ``slice_record`` is there since schema 1.2 wherever the slices could be read, also if they
    were not assessed.
    """

    series: tuple[SeriesInput, ...]
    slice_count: int | None
    gantry_tilt_deg: float | None
    coverage_mm: float | None
    flags: tuple[str, ...]
    slice_record: SliceRecordFile | None = None


class Eligibility(_Value):
    """Whether the study could be assessed at all."""

    eligible: bool
    reasons: tuple[ReasonCode, ...]


class AnyHemorrhage(_Value):
    """Probability that the study shows any intracranial hemorrhage."""

    probability: Probability = Field(ge=0, le=1)
    calibrated: bool
    threshold: Probability = Field(ge=0, le=1)
    operating_point_id: str
    interval95: tuple[Probability, Probability] | None
    interval95_reason: str | None
    ood_score: float | None
    ood_score_reason: str | None


class Assessment(_Value):
    """The one statement that the ranking uses."""

    level: Level
    any_hemorrhage: AnyHemorrhage | None
    any_hemorrhage_reason: str | None


class Location(_Value):
    """One place of a finding.

    ``probability`` is that of at least a tenth of the finding lying in the region, should its type
    be right, calibrated on patients that the network had not seen; null where nothing calibrated
    stands behind the place.
    """

    region: Region
    name: str
    code: CodedTerm | None
    laterality: Laterality
    share_of_volume: float | None = Field(ge=0, le=1)
    probability: Probability | None


class SliceRange(_Value):
    """Slices of the selected series, feet to head, counted from 0; by SOP Instance UID."""

    first: int
    last: int
    peak: int
    peak_sop_instance_uid: str


class Density(_Value):
    """Hounsfield units inside the outline."""

    mean: float
    p95: float


class Finding(_Value):
    """One type of hemorrhage with all its places."""

    finding_id: str
    type: HemorrhageType
    name: str
    code: CodedTerm
    probability: Probability = Field(ge=0, le=1)
    threshold: Probability = Field(ge=0, le=1)
    volume_ml: float | None
    volume_ml_reason: str | None
    max_thickness_mm: float | None
    max_thickness_mm_reason: str | None
    density_hu: Density | None
    density_hu_reason: str | None
    locations: tuple[Location, ...]
    locations_reason: str | None
    slices: SliceRange | None
    lesion_count: int


class TypeProbability(_Value):
    """Probability of one type over the whole study, present or not."""

    type: HemorrhageType
    probability: Probability = Field(ge=0, le=1)
    threshold: Probability = Field(ge=0, le=1)
    present: bool


class Measurements(_Value):
    """Numbers of the whole head.

    ``midline_shift_mm`` is never negative; ``midline_shift_toward`` is the patient's side to
    which the midline moved, L or R, since schema 1.1, and null where the shift is null or
    rounds to nothing.
    """

    total_volume_ml: float | None
    total_volume_ml_reason: str | None
    midline_shift_mm: float | None
    midline_shift_mm_reason: str | None
    midline_shift_toward: Laterality | None = None
    ventricles_involved: bool | None
    ventricles_involved_reason: str | None


class KeyImage(_Value):
    """One slice worth looking at first."""

    number: int
    sop_instance_uid: str
    instance_number: int | None
    slice: int
    window_center_hu: float
    window_width_hu: float
    finding_ids: tuple[str, ...]
    url: str
    has_overlay: bool


class Text(_Value):
    """Words for people."""

    summary: str = Field(max_length=300)
    limitations: tuple[str, ...]


class TriageEffect(_Value):
    """What the pre-read did to the place of the study."""

    target_min: int
    head_start_min: int
    policy_version: str
    applied: bool
    suppressed_by: str | None


class Model(_Value):
    """Provenance: which network, weights and device gave the answer."""

    name: str
    version: str
    weights_sha256: str
    code_version: str
    calibration_id: str | None
    device: str
    precision: str
    deterministic: bool
    demonstrator: bool
    trained_on: str


class Timing(_Value):
    """Milliseconds of each stage."""

    queue: int
    load: int
    classify_and_segment: int
    measure: int
    total: int


class PreRead(_Value):
    """The whole document.

    ``digest`` is the SHA-256 of what the worker wrote, without identifiers and times; it stays
    when the document is shown with less in it (:func:`for_mode`) or as superseded.
    """

    schema_version: Literal["1.0", "1.1", "1.2"]
    pre_read_id: str
    revision: int
    supersedes: str | None
    status: PreReadStatus
    created_at: datetime
    mode: Mode
    study: StudyReference
    input: InputSummary
    eligibility: Eligibility
    assessment: Assessment
    type_probabilities: tuple[TypeProbability, ...]
    findings: tuple[Finding, ...]
    measurements: Measurements
    key_images: tuple[KeyImage, ...]
    text: Text
    triage_effect: TriageEffect
    model: Model | None
    model_reason: str | None
    timing_ms: Timing
    digest: str
    notice: str
