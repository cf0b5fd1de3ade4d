"""What is kept of an evaluated study: numbers without images, one line of JSON each."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from preread.terms import HemorrhageType, Level


class Basis(StrEnum):
    """What the judged network knew of the study; decides what the figures are worth."""

    OUT_OF_FOLD = "out_of_fold"
    UNSEEN = "unseen"
    IN_SAMPLE = "in_sample"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Identity(_Value):
    """Which study, and read by what.

    Attributes
    ----------
    name, patient, fold
        As in ``ml.labeled``.
    bundle
        Identity of the whole bundle, also where one member of it read the study.
    basis
        What that network knew of the study.
    """

    name: str
    patient: str
    fold: int | None
    bundle: str
    basis: Basis


class Truth(_Value):
    """What is known of the study; S slices, K types, labels as in ``ml.labeled``.

    Attributes
    ----------
    study_any, study_kinds, slice_any, slice_kinds
        ``ABSENT``, ``PRESENT`` or ``UNKNOWN``: a number, (K,), (S,), (S, K).
    volume_ml
        Of the outline; None without one.
    mean_hu
        Inside the outline; None without blood.
    spacing_is_assumed
        Whether millilitres are indicative only.
    """

    study_any: int
    study_kinds: tuple[int, ...]
    slice_any: tuple[int, ...]
    slice_kinds: tuple[tuple[int, ...], ...]
    volume_ml: float | None
    mean_hu: float | None
    spacing_is_assumed: bool


class Said(_Value):
    """What the pre-read said.

    Attributes
    ----------
    probability, level
        Of any hemorrhage.
    flagged
        Whether the probability reached «suspected».
    kind_probabilities, kind_thresholds
        (K,).
    named
        The types in the pre-read.
    slice_any, slice_kinds
        (S,) and (S, K) probabilities.
    volume_ml
        Of all outlined lesions; 0 where nothing is outlined.
    mean_hu
        Inside the outline; None without one.
    warnings
        Codes of the assessment.
    """

    probability: float
    level: Level
    flagged: bool
    kind_probabilities: tuple[float, ...]
    kind_thresholds: tuple[float, ...]
    named: tuple[HemorrhageType, ...]
    slice_any: tuple[float, ...]
    slice_kinds: tuple[tuple[float, ...], ...]
    volume_ml: float
    mean_hu: float | None
    warnings: tuple[str, ...]


class SliceCounts(_Value):
    """Voxels of one slice with blood: its own, the outline's, those of both, the HU floor's.

    Attributes
    ----------
    slice
        From 0, feet to head.
    blood, outlined, shared
        Of the truth, of the pre-read, of both.
    floor, floor_shared
        What a HU threshold inside the skull calls blood, and what of that is.
    """

    slice: int
    blood: int
    outlined: int
    shared: int
    floor: int
    floor_shared: int


class TrueLesion(_Value):
    """One connected bleed of the truth; ``score`` is the best of the outlines that touch it."""

    volume_ml: float
    score: float | None


class SaidLesion(_Value):
    """One outlined lesion; ``score`` is the probability of any hemorrhage on its peak slice."""

    volume_ml: float
    score: float
    hit: bool


class Overlap(_Value):
    """The outline beside the true one.

    Attributes
    ----------
    slices
        Of each slice with blood, feet to head.
    outlined, blood, shared
        Voxels of all slices.
    true_lesions, said_lesions
        Greatest first.
    kind_ml
        (K, K + 1) ml of blood of a known type (row) that the pre-read gave to each type
        (column); the last column is what it did not outline.
    """

    slices: tuple[SliceCounts, ...]
    outlined: int
    blood: int
    shared: int
    true_lesions: tuple[TrueLesion, ...]
    said_lesions: tuple[SaidLesion, ...]
    kind_ml: tuple[tuple[float, ...], ...]


class StudyResult(_Value):
    """One study that was assessed.

    Attributes
    ----------
    overlap
        None where the truth has no outline.
    agreement
        0 to 4 of ``ml.agreement``; None where it does not score.
    cpu_s
        Processor seconds of the pipeline, without reading the files.
    """

    kind: Literal["assessed"] = "assessed"
    identity: Identity
    truth: Truth
    said: Said
    overlap: Overlap | None
    agreement: int | None
    cpu_s: float

    @property
    def bleeds(self) -> bool | None:
        """Whether there is hemorrhage; None where nobody knows."""
        return None if self.truth.study_any < 0 else self.truth.study_any > 0

    @property
    def detected(self) -> bool:
        """Whether the level is above «none»."""
        return self.said.level is not Level.NONE


class UnreadStudy(_Value):
    """One study without an assessment.

    Attributes
    ----------
    refused
        True where the pipeline's own gate said that it cannot be assessed, as the worker
        would have; False where reading it failed.
    reason
        A reason code, or the error's words.
    """

    kind: Literal["unread"] = "unread"
    identity: Identity
    study_any: int
    refused: bool
    reason: str


Outcome = Annotated[StudyResult | UnreadStudy, Field(discriminator="kind")]
