"""The midline of real patients without any bleed: nothing moved it, so the shift is the error."""

from itertools import islice

import numpy as np
import pytest
from ml.training.ctich import ASSUMED_SPACING_MM, read_ctich

from ml.anatomy import find_frame
from ml.midline import measure_shift
from ml.pipeline import interior_of, to_model
from tests.support.heads import manifest, volume_of

PATIENTS = 15
THICKNESS_MM = 5.0

pytestmark = [pytest.mark.real_data, pytest.mark.slow, pytest.mark.timeout(600)]


def shift_mm_of(series):
    volume = volume_of(
        series.hu, ASSUMED_SPACING_MM, np.full(len(series.hu), THICKNESS_MM, np.float64)
    )
    chosen = manifest(size=512)
    slices = to_model(volume, chosen)
    interior = interior_of(slices.hu, chosen.network.spacing_mm)
    return measure_shift(slices.hu, interior, find_frame(interior, slices.heights_mm)).shift_mm


def test_a_midline_that_nothing_moved_is_seldom_said_to_have_moved(shared_data):
    quiet = (one for one in read_ctich(shared_data / "ct-ich") if not one.mask.any())
    shifts = [shift_mm_of(series) for series in islice(quiet, PATIENTS)]
    measured = [shift for shift in shifts if shift is not None]
    assert len(measured) >= 0.8 * PATIENTS
    assert np.median(measured) <= 1.5
    assert sum(shift > 3.0 for shift in measured) <= 1
