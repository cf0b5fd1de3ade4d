"""Labeled sources of NIfTI pairs: what the numbers mean, and which side is left."""

import json

import nibabel
import numpy as np
import pytest

from ml.labeled import BLOOD_OF_UNKNOWN_KIND
from ml.sources.choose import read_labeled
from ml.sources.nifti import BHSD_NUMBERS, read_nifti
from preread.errors import InvalidSource
from preread.terms import KINDS, HemorrhageType
from tests.support.heads import Ball
from tests.support.sources import SLICES, left_share, save_nifti, small_head, upright

LEFT = Ball((0, 0, 30), 15, HemorrhageType.SDH)
FRONT_RIGHT_LOW = Ball((-20, -40, -25), 12, HemorrhageType.EDH)
# BHSD's dataset.json: epidural, intraparenchymal, intraventricular, subarachnoid, subdural.
PUBLISHED = {1: "EDH", 2: "IPH", 3: "IVH", 4: "SAH", 5: "SDH"}


@pytest.fixture
def skipped():
    return []


@pytest.fixture(scope="module")
def one():
    return small_head(LEFT, FRONT_RIGHT_LOW)


def save_pair(one, folder, names, numbers, axes="RAS", **how):
    """Write image and mask; ``numbers`` translates our kinds to the source's."""
    mask = np.zeros(one.kinds.shape, np.uint8)
    for own, theirs in numbers.items():
        mask[one.kinds == own] = theirs
    save_nifti(one.volume.hu.astype(np.int16), folder / names[0], axes)
    save_nifti(mask, folder / names[1], axes, **how)


BHSD = {1 + KINDS.index(HemorrhageType(kind)): number for number, kind in PUBLISHED.items()}
ANY = dict.fromkeys(range(1, 6), 1)


def bhsd_names(name):
    return f"images/{name}.nii.gz", f"ground truths/{name}.nii.gz"


@pytest.mark.parametrize("axes", ["RAS", "LPS", "LAS", "RPS", "LPI", "ASR"])
def test_a_lesion_on_the_left_stays_on_the_left(tmp_path, skipped, one, axes):
    save_pair(one, tmp_path, bhsd_names("a"), BHSD, axes)
    (study,) = read_nifti(tmp_path, skipped.append)
    assert left_share(study, study.mask == 1 + KINDS.index(HemorrhageType.SDH)) == 1
    assert left_share(study, study.mask == 1 + KINDS.index(HemorrhageType.EDH)) == 0
    assert (upright(study) == np.rint(one.volume.hu)).all()
    assert study.volume.positions_mm[-1, 2] > study.volume.positions_mm[0, 2], "feet to head"


def test_bhsd_outlines_the_five_kinds(tmp_path, skipped, one):
    assert {number: KINDS[value - 1].value for number, value in BHSD_NUMBERS.items()} == PUBLISHED
    save_pair(one, tmp_path / "label_192", bhsd_names("ID_0a_ID_1b"), BHSD)
    (study,) = read_labeled(tmp_path, on_skip=skipped.append)
    assert (study.name, study.patient, study.fold) == ("ID_0a_ID_1b", "ID_0a", None)
    assert study.study_kinds.tolist() == [0, 1, 0, 0, 1]
    assert study.slice_any.tolist() == (one.kinds > 0).any(axis=(1, 2)).astype(int).tolist()
    for kind in (HemorrhageType.SDH, HemorrhageType.EDH):
        index = KINDS.index(kind)
        shown = (one.kinds == 1 + index).any(axis=(1, 2)).astype(int)
        assert study.slice_kinds[:, index].tolist() == shown.tolist()
    assert study.volume.pixel_spacing_mm == pytest.approx((2.8, 2.8))
    assert study.volume.thickness_mm.tolist() == pytest.approx([5.0] * SLICES)
    assert not study.spacing_is_assumed


def test_instance_outlines_blood_of_unknown_kind(tmp_path, skipped, one):
    save_pair(one, tmp_path / "train_2", ("data/001.nii.gz", "label/001.nii.gz"), ANY)
    (study,) = read_labeled(tmp_path, on_skip=skipped.append)
    assert study.name == study.patient == "001"
    assert set(np.unique(study.mask)) == {0, BLOOD_OF_UNKNOWN_KIND}
    bleeds = (one.kinds > 0).any(axis=(1, 2))
    assert (study.slice_any == bleeds).all()
    assert (study.slice_kinds[bleeds] == -1).all()
    assert (study.slice_kinds[~bleeds] == 0).all()
    assert (study.study_any, study.study_kinds.tolist()) == (1, [-1] * 5)


@pytest.mark.parametrize(
    "labels",
    [
        {"background": 0, "subdural": 1, "EDH": 2},
        {"0": "background", "1": "subdural hemorrhage", "2": "epidural"},
    ],
    ids=["nnU-Net 2", "decathlon"],
)
def test_a_dataset_may_name_its_numbers(tmp_path, skipped, one, labels):
    save_pair(one, tmp_path, ("imagesTr/a.nii.gz", "labelsTr/a.nii.gz"), {2: 1, 5: 2})
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    (study,) = read_nifti(tmp_path, skipped.append)
    assert study.study_kinds.tolist() == [0, 1, 0, 0, 1]
    assert (study.mask == one.kinds[:, ::-1, ::-1]).all()


@pytest.mark.parametrize("labels", [{"edema": 1}, [1, 2], {"EDH": "x"}], ids=str)
def test_names_that_are_no_hemorrhage_are_refused(tmp_path, one, labels):
    save_pair(one, tmp_path, ("images/a.nii.gz", "labels/a.nii.gz"), ANY)
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    with pytest.raises(InvalidSource, match=r"dataset\.json"):
        next(read_nifti(tmp_path))


def test_a_mask_that_does_not_fit_is_told_never_moved(tmp_path, skipped, one):
    save_pair(one, tmp_path, bhsd_names("shifted"), BHSD, shift_mm=3)
    save_pair(one, tmp_path, bhsd_names("thinner"), BHSD, thickness_mm=4)
    save_pair(small_head(slices=19), tmp_path, bhsd_names("smaller"), BHSD)
    save_nifti(one.volume.hu.astype(np.int16), tmp_path / "images" / "smaller.nii.gz")
    assert not list(read_nifti(tmp_path, skipped.append))
    assert {one.reason for one in skipped} == {"the mask does not lie on the image's grid"}
    assert [one.name for one in skipped] == ["shifted", "smaller", "thinner"]


def test_a_number_without_a_meaning_is_told(tmp_path, skipped, one):
    save_pair(one, tmp_path, bhsd_names("a"), {2: 6, 5: 1})
    assert not list(read_nifti(tmp_path, skipped.append))
    assert skipped[0].reason == "the mask holds 6, which the source does not name"


def test_halves_of_pairs_are_told(tmp_path, skipped, one):
    save_pair(one, tmp_path, bhsd_names("image"), BHSD)
    save_pair(one, tmp_path, bhsd_names("mask"), BHSD)
    (tmp_path / "ground truths" / "image.nii.gz").unlink()
    (tmp_path / "images" / "mask.nii.gz").unlink()
    assert not list(read_nifti(tmp_path, skipped.append))
    assert {one.name: one.reason for one in skipped} == {
        "image": "an image without a mask",
        "mask": "a mask without an image",
    }


def test_files_that_are_no_head_in_hu_are_told(tmp_path, skipped, one):
    for name in ("broken", "gray", "short", "unplaced"):
        save_pair(one, tmp_path, bhsd_names(name), BHSD)
    images = tmp_path / "images"
    whole = (images / "broken.nii.gz").read_bytes()
    (images / "broken.nii.gz").write_bytes(whole[: len(whole) // 2])
    save_nifti(one.volume.hu.clip(0, 80).astype(np.int16), images / "gray.nii.gz")
    short = small_head(slices=12)
    save_pair(short, tmp_path, bhsd_names("short"), BHSD)
    image = nibabel.load(images / "unplaced.nii.gz")
    image.set_sform(None, code=0)
    image.set_qform(None, code=0)
    nibabel.save(image, images / "moved.nii.gz")
    (images / "moved.nii.gz").replace(images / "unplaced.nii.gz")
    assert not list(read_nifti(tmp_path, skipped.append))
    reasons = {one.name: one.reason for one in skipped}
    assert reasons["broken"].startswith("broken.nii.gz cannot be read")
    assert reasons["gray"].endswith("these are no HU")
    assert reasons["short"].startswith("COVERAGE_TOO_SHORT")
    assert "does not say how it lies" in reasons["unplaced"]


def test_a_folder_without_pairs_is_refused(tmp_path):
    with pytest.raises(InvalidSource, match="no folders"):
        next(read_nifti(tmp_path))
