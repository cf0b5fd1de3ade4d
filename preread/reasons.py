"""The closed vocabulary of reasons for which a study has no assessment, and its words."""

from enum import StrEnum
from typing import Final


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
