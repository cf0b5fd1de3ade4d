"""From labeled studies of any source to a prepared set."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.lib.format import open_memmap

from ml.labeled import BLOOD_OF_UNKNOWN_KIND, LabeledStudy
from ml.sources.choose import read_labeled
from ml.sources.labels import Labels, labels_of_mask, unknown_slices
from ml.spec import NetworkSpec
from ml.training.growing import GrowingArray
from ml.training.prepare import drawn_fold, prepare_studies
from ml.training.prepared import open_prepared, open_reduced
from preread.errors import InvalidSource
from tests.support.heads import Ball
from tests.support.sources import save_nifti, small_head

SHIPPED = Path(__file__).parents[2] / "ml" / "training" / "configs"
SPEC = NetworkSpec(size=128, spacing_mm=1.8)
UNKNOWN_KINDS = np.full(5, -1, np.int8)


@pytest.fixture
def skipped():
    return []


def labeled(one, name="a", **said):
    slices = labels_of_mask(one.kinds)
    whole = slices.over()
    study = LabeledStudy(
        name=name,
        patient=f"patient of {name}",
        fold=None,
        volume=one.volume,
        slice_any=slices.any,
        slice_kinds=slices.kinds,
        study_any=int(whole.any),
        study_kinds=whole.kinds,
        mask=one.kinds,
    )
    return replace(study, **said)


def prepare(studies, folder, skipped, folds=5):
    return prepare_studies(studies, folder, SPEC, folds=folds, on_skip=skipped.append)


BALL = Ball((0, 10, 25), 20)


def turned(study):
    """The same study of a patient who lay prone and was scanned with rows along the body's width."""
    volume = study.volume
    rows, columns = volume.hu.shape[1:]
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, 1] * (rows - 1) + affine[:3, 2] * (columns - 1)
    affine[:3, 1:3] *= -1
    lying = replace(
        volume,
        hu=volume.hu[:, ::-1, ::-1].swapaxes(1, 2),
        affine=affine[:, [0, 2, 1, 3]],
        positions_mm=volume.positions_mm + affine[:3, 3] - volume.affine[:3, 3],
    )
    return replace(study, volume=lying, mask=study.mask[:, ::-1, ::-1].swapaxes(1, 2))


def test_any_orientation_is_prepared_alike(tmp_path, skipped):
    study = labeled(small_head(BALL))
    prepare([study], tmp_path / "upright", skipped)
    prepare([turned(study)], tmp_path / "turned", skipped)
    for name in ("hu", "mask", "kind_reduced"):
        expected = np.load(tmp_path / "upright" / f"{name}.npy")
        assert (np.load(tmp_path / "turned" / f"{name}.npy") == expected).all()


def test_thin_slices_become_slabs_with_their_labels_and_blood(tmp_path, skipped):
    thin = small_head(BALL, slices=80, thickness_mm=1.25)
    slices = labels_of_mask(thin.kinds)
    kinds = slices.kinds.copy()
    bleeding = int(slices.any.argmax())
    kinds[bleeding, 1] = -1
    study = labeled(thin, slice_kinds=kinds, study_kinds=np.int8([1, -1, 0, 0, 0]))
    count = prepare([study], tmp_path, skipped)
    opened = open_prepared(tmp_path)
    assert count == len(opened.rows) == len(opened.hu) == 20
    by_slab = slices.any.reshape(20, 4).max(axis=1)
    assert [row.any for row in opened.rows] == by_slab.tolist()
    assert opened.rows[0].labels == (0, 0, 0, 0, 0), "as no blood is on it"
    assert opened.rows[bleeding // 4].labels == (1, -1, 0, 0, 0)
    assert [row.number for row in opened.rows] == list(range(1, 80, 4))
    shares = (thin.kinds > 0).reshape(20, 4, -1).mean(axis=1)
    expected_mm2 = (shares > 0.5).sum() * 2.8**2
    assert opened.mask.sum() * 1.8**2 == pytest.approx(expected_mm2, rel=0.05)
    reduced = open_reduced(tmp_path)
    blood_mm3 = (thin.kinds > 0).sum() * 2.8**2 * 1.25
    assert reduced.mask.sum() / 255 * 3.6**2 * 5 == pytest.approx(blood_mm3, rel=0.05)


def test_a_study_without_blood_has_slices_without_blood(tmp_path, skipped):
    clean = small_head()
    nothing = unknown_slices(len(clean.volume.hu))
    said = {"slice_any": nothing.any, "slice_kinds": nothing.kinds, "mask": None}
    bled = labeled(small_head(BALL), "b", **said)
    prepare([labeled(clean, **said), bled], tmp_path, skipped)
    rows = open_prepared(tmp_path).rows
    assert {(row.study, row.any, row.labels, row.has_mask) for row in rows} == {
        ("a", 0, (0, 0, 0, 0, 0), False)
    }
    assert [(one.name, one.reason) for one in skipped] == [("b", "no slice of it is labeled")]


def test_blood_of_unknown_kind_is_outlined_and_named_nothing(tmp_path, skipped):
    one = small_head(BALL)
    mask = np.where(one.kinds > 0, np.uint8(BLOOD_OF_UNKNOWN_KIND), np.uint8(0))
    slices = labels_of_mask(mask)
    study = labeled(one, slice_kinds=slices.kinds, study_kinds=UNKNOWN_KINDS, mask=mask)
    prepare([study], tmp_path, skipped)
    reduced = open_reduced(tmp_path)
    assert reduced.mask.max() == 255
    assert reduced.kind.max() == 0
    assert {row.labels for row in reduced.rows if row.any == 1} == {(-1,) * 5}


def test_a_patient_has_one_fold_the_sources_own_or_a_drawn_one(tmp_path, skipped):
    clean = small_head()
    studies = [
        labeled(clean, "a", patient="x"),
        labeled(clean, "b", patient="x"),
        labeled(clean, "c", fold=7),
    ]
    prepare(studies, tmp_path / "five", skipped)
    folds = {row.study: row.fold for row in open_prepared(tmp_path / "five").rows}
    assert folds == {"a": drawn_fold("x", 5), "b": drawn_fold("x", 5), "c": 7}
    assert 1 <= folds["a"] <= 5
    prepare(studies[:1], tmp_path / "none", skipped, folds=0)
    assert {row.fold for row in open_prepared(tmp_path / "none").rows} == {-1}


def test_a_patient_in_two_folds_and_a_name_for_two_studies_are_refused(tmp_path, skipped):
    clean = small_head()
    two = [labeled(clean, "a", patient="x", fold=1), labeled(clean, "b", patient="x", fold=2)]
    with pytest.raises(InvalidSource, match="two folds"):
        prepare(two, tmp_path / "folds", skipped)
    with pytest.raises(InvalidSource, match="two studies «a»"):
        prepare([labeled(clean), labeled(clean)], tmp_path / "names", skipped)
    assert not (tmp_path / "names" / "slices.json").exists(), "only a whole set has it"


def test_a_growing_array_is_the_file_that_numpy_would_write(tmp_path):
    values = np.arange(2000 * 6, dtype=np.int16).reshape(2000, 2, 3)
    with GrowingArray(tmp_path / "grown.npy", np.int16, (2, 3)) as grown:
        for part in (values[:1], values[1:1], values[1:]):
            grown.append(part)
    whole = open_memmap(tmp_path / "whole.npy", "w+", np.int16, values.shape)
    whole[:] = values
    whole.flush()
    assert (tmp_path / "grown.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_a_growing_array_takes_only_its_own_kind(tmp_path):
    with GrowingArray(tmp_path / "grown.npy", np.int16, (2, 3)) as grown:
        with pytest.raises(ValueError, match="among"):
            grown.append(np.zeros((1, 2, 3), np.uint8))
        with pytest.raises(ValueError, match="among"):
            grown.append(np.zeros((1, 3, 2), np.int16))
    assert np.load(tmp_path / "grown.npy").shape == (0, 2, 3)


def test_slabs_of_unknown_slices_stay_unknown_unless_one_is_known_to_bleed():
    kinds = np.zeros((3, 5), np.int8)
    assert Labels(np.int8([0, -1, 0]), kinds).over().any == 0, "no kind at all is no hemorrhage"
    kinds[1] = -1
    assert Labels(np.int8([0, -1, 0]), kinds).over().any == -1
    assert Labels(np.int8([0, -1, 1]), kinds).over().any == 1


@pytest.fixture
def command(tmp_path, monkeypatch, config):
    """``python -m ml.training prepare`` in this process, on a folder of NIfTI pairs."""
    # Here, because it loads torch.
    from ml.training.__main__ import main  # noqa: PLC0415

    def run(*arguments):
        line = ["ml.training", "prepare", "--config", str(config), "--out", str(tmp_path / "out")]
        monkeypatch.setattr(sys, "argv", [*line, *arguments])
        main()

    return run


@pytest.fixture
def config(tmp_path):
    shipped = json.loads((SHIPPED / "ctich-mbv2-02.json").read_text())
    shipped["network"] |= {"size": 128, "spacing_mm": 1.8}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(shipped))
    return path


def test_the_command_recognizes_the_source_and_writes_down_what_it_left_out(
    tmp_path, command, capsys
):
    one = small_head(BALL)
    for name in ("whole", "half"):
        save_nifti(one.volume.hu.astype(np.int16), tmp_path / "data" / "images" / f"{name}.nii.gz")
    masks = tmp_path / "data" / "ground truths"
    save_nifti((one.kinds > 0).astype(np.uint8), masks / "whole.nii.gz")
    command("--data", str(tmp_path / "data"))
    assert json.loads((tmp_path / "out" / "skipped.json").read_text()) == [
        {"name": "half", "reason": "an image without a mask"}
    ]
    assert "left out: half" in capsys.readouterr().out
    assert {row.labels for row in open_prepared(tmp_path / "out").rows if row.any} == {
        (0, 0, 0, 0, 1)
    }


def test_the_command_says_what_it_cannot_recognize(tmp_path, command):
    (tmp_path / "data").mkdir()
    with pytest.raises(SystemExit, match="laid out as no source"):
        command("--data", str(tmp_path / "data"))


def test_a_folder_that_looks_like_two_sources_must_be_named(tmp_path):
    for name in ("labels.csv", "reads.csv"):
        (tmp_path / name).touch()
    with pytest.raises(InvalidSource, match="like cq500 and like folder"):
        read_labeled(tmp_path)
    with pytest.raises(InvalidSource, match="no source; there are ct-ich"):
        read_labeled(tmp_path, "mri")
    with pytest.raises(InvalidSource, match="is no folder"):
        read_labeled(tmp_path / "absent")
