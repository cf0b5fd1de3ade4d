"""The midline of real patients without any bleed: nothing moved it, so the shift is the error."""

from itertools import islice

import numpy as np
import pytest

from ml.anatomy import find_frame
from ml.midline import measure_shift
from ml.model_slices import interior_of, to_model
from ml.sources.ctich import read_ctich
from preread.dicom.volume import to_radiological
from tests.support.heads import manifest

PATIENTS = 15

pytestmark = [pytest.mark.real_data, pytest.mark.slow, pytest.mark.timeout(600)]


def shift_mm_of(study):
    chosen = manifest(size=512)
    slices = to_model(to_radiological(study.volume), chosen)
    interior = interior_of(slices.hu, chosen.network.spacing_mm)
    return measure_shift(
        slices.hu, interior, find_frame(interior, slices.heights_mm, slices.hu)
    ).shift_mm


def test_a_midline_that_nothing_moved_is_seldom_said_to_have_moved(shared_data):
    quiet = (one for one in read_ctich(shared_data / "ct-ich") if not one.study_any)
    shifts = [shift_mm_of(study) for study in islice(quiet, PATIENTS)]
    measured = [shift for shift in shifts if shift is not None]
    assert len(measured) >= 0.8 * PATIENTS
    assert np.median(measured) <= 1.5
    assert sum(shift > 3.0 for shift in measured) <= 1
