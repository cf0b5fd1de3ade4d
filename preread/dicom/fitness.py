"""Whether a volume is fit for an assessment, seen from the volume itself.

Of single-slice series the headers tell this before (:mod:`preread.dicom.eligibility`); the
geometry of the frames of an Enhanced CT (PS3.3 A.38) shows only in the volume.
"""

import math

import numpy as np

from preread.dicom.eligibility import MAX_AXIAL_DEG, MAX_THICKNESS_MM, MIN_EXTENT_MM
from preread.dicom.stack import QualityFlag
from preread.dicom.volume import Volume
from preread.reasons import ReasonCode


def why_unfit(volume: Volume) -> ReasonCode | None:
    """Return why a volume cannot be assessed; None if it can.

    Parameters
    ----------
    volume
        As read, before it is turned to radiological orientation.
    """
    normal = volume.direction[:, 0]
    if abs(float(normal[2])) < math.cos(math.radians(MAX_AXIAL_DEG)):
        return ReasonCode.NOT_AXIAL
    if QualityFlag.MISSING_SLICES in volume.flags:
        return ReasonCode.MISSING_SLICES
    if float(volume.thickness_mm.sum()) < MIN_EXTENT_MM:
        return ReasonCode.COVERAGE_TOO_SHORT
    if float(np.median(volume.thickness_mm)) > MAX_THICKNESS_MM:
        return ReasonCode.TOO_THICK
    return None
