"""What the gates say about real heads: the usual pass, the unusual are told apart."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from ml.bundle import load_bundle
from ml.gates import ImageFlag
from ml.inspection import inspect_images
from ml.model_slices import interior_of, to_model
from ml.sources.ctich import ASSUMED_SPACING_MM, rebuild_hu
from preread.dicom.volume import read_volume, to_radiological
from tests.ct_ich import gray_of
from tests.support.dicom_folder import dicom_files
from tests.support.heads import volume_of

pytestmark = pytest.mark.real_data

INFANT, CRANIECTOMY, FIXATION_GEAR = 85, 50, 75
USUAL = (62, 99, 100)  # without any hemorrhage


@cache
def manifest():
    return load_bundle().manifest


def inspected(volume):
    slices = to_model(to_radiological(volume), manifest())
    interior = interior_of(slices.hu, manifest().network.spacing_mm)
    return inspect_images(slices.hu, interior, slices.thickness_mm, manifest().reference)


def ct_ich(folder: Path, patient: int):
    """One patient of CT-ICH, rebuilt as for the training."""
    brains = folder / "ct-ich" / "Patients_CT" / f"{patient:03d}" / "brain"
    paths = sorted(
        (path for path in brains.glob("*.jpg") if path.stem.isdigit()),
        key=lambda path: int(path.stem),
    )
    slices = [
        rebuild_hu(gray_of(path), gray_of(brains.parent / "bone" / path.name)) for path in paths
    ]
    return volume_of(np.stack(slices), ASSUMED_SPACING_MM, np.full(len(slices), 5.0))


def test_a_real_dicom_head_of_another_hospital_is_no_stranger(shared_data):
    found = inspected(read_volume(dicom_files(shared_data / "dicom" / "ge-head")))
    assert found.flags == ()
    assert found.ood_score < 0.5


def test_a_test_object_that_is_no_brain_is_refused(shared_data):
    found = inspected(read_volume(dicom_files(shared_data / "dicom" / "philips-phantom" / "S2010")))
    assert ImageFlag.IMPLAUSIBLE_HU in found.flags


@pytest.mark.parametrize("patient", USUAL)
def test_usual_heads_of_the_training_set_raise_nothing(shared_data, patient):
    found = inspected(ct_ich(shared_data, patient))
    assert found.flags == ()
    assert found.ood_score < 0.5


def test_the_infant_is_recognized(shared_data):
    found = inspected(ct_ich(shared_data, INFANT))
    assert {ImageFlag.PEDIATRIC_SUSPECTED, ImageFlag.UNUSUAL_IMAGES} <= set(found.flags)


@pytest.mark.parametrize("patient", [CRANIECTOMY, FIXATION_GEAR])
def test_what_eight_bits_hide_is_not_recognized(shared_data, patient):
    # Neither a gap of bone wider than a centimetre nor anything above 2300 HU, where the
    # pictures end, is left in these two; the limit is told in the model card.
    found = inspected(ct_ich(shared_data, patient))
    assert not {ImageFlag.POSTOPERATIVE_METAL, ImageFlag.SKULL_OPEN} & set(found.flags)
