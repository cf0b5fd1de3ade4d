from dataclasses import replace

import numpy as np
import pytest

from preread.dicom.fitness import why_unfit
from preread.dicom.stack import QualityFlag
from preread.reasons import ReasonCode
from tests.support.heads import head

VOLUME = head().volume


def coronal(volume):
    """Return the volume with its axes renamed as if it were cut from front to back."""
    turned = volume.affine.copy()
    turned[:3, [0, 1]] = turned[:3, [1, 0]]
    return replace(volume, affine=turned)


@pytest.mark.parametrize(
    ("volume", "reason"),
    [
        pytest.param(VOLUME, None, id="a head"),
        pytest.param(coronal(VOLUME), ReasonCode.NOT_AXIAL, id="coronal"),
        pytest.param(
            replace(VOLUME, flags=(QualityFlag.MISSING_SLICES,)),
            ReasonCode.MISSING_SLICES,
            id="a hole",
        ),
        pytest.param(
            replace(VOLUME, thickness_mm=np.full(32, 2.5)),
            ReasonCode.COVERAGE_TOO_SHORT,
            id="80 mm only",
        ),
        pytest.param(
            replace(VOLUME, thickness_mm=np.full(32, 10.5)), ReasonCode.TOO_THICK, id="too thick"
        ),
    ],
)
def test_a_volume_is_fit_only_as_an_axial_head_without_holes(volume, reason):
    assert why_unfit(volume) is reason
