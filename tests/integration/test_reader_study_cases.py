"""From a folder of DICOM files to the cases of a reading study, and from answers to its report."""

import csv
import io
import json
import os

import numpy as np
import pytest
from PIL import Image

from ml.reader_study.__main__ import main as write_results
from preread.dicom.picture import WindowName
from preread.errors import SettingsInvalid
from preread.reader_study.answers import FirstRead, NamedBleed, Scored, Verdict
from preread.reader_study.cases import StudyFolder
from preread.reader_study.journal import Journal
from preread.reasons import ReasonCode
from preread.resources import Resources, open_resources
from preread.settings import Settings
from preread.terms import HemorrhageType, Laterality
from tests.support.heads import Ball, bundle, seeing
from tests.support.reading_study import NOON
from tests.support.sources import SLICES, encode, save, small_head, write_csv
from worker.reader_study import begin, find_studies, make_case, unread
from worker.reading import ModelReader

BLEED = small_head(Ball((10, 0, 25), 15))


@pytest.fixture
def source(tmp_path):
    """Two studies, one of them no head to be assessed, in folders of folders."""
    folder = tmp_path / "source"
    save(encode(BLEED, 1), folder / "a" / "bleeds")
    save(encode(small_head(), 2)[:3], folder / "b")
    return folder


@pytest.fixture
def scratch(tmp_path, sqlite_template):
    path = tmp_path / "read.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    settings = Settings(database_url=f"sqlite:///{path}", store_dir=tmp_path / "store")
    with open_resources(settings) as resources:
        yield resources


def prepare(source, target: StudyFolder, resources: Resources):
    """Read what is new, with a predictor that sees the painted bleed."""
    plan = begin(target, seed=7, first_read=True)
    read = ModelReader(resources, seeing(BLEED, bundle()), bundle()).read_closely
    return [
        make_case(resources, read, one, number, target)
        for number, one in unread(find_studies(source), target, plan.seed)
    ]


def test_a_folder_becomes_cases_once_and_its_answers_a_report(source, scratch, tmp_path, capsys):
    target = StudyFolder(tmp_path / "out")
    facts = prepare(source, target, scratch)
    shown, refused = sorted(facts, key=lambda one: not one.is_read)
    assert refused.reason is ReasonCode.TOO_FEW_SLICES
    assert shown.slice_count == SLICES
    number = shown.number

    # What readers see
    blood = set(np.flatnonzero(BLEED.kinds.any(axis=(1, 2))))
    assert blood >= set(shown.outlined) > set()
    plain = pixels(target.slice_path(number, WindowName.BONE, 0))
    outline = pixels(target.outline_path(number, shown.outlined[0]))
    assert plain.shape == (*outline.shape[:2], 3)
    assert 0 < (outline[..., 3] > 0).mean() < 1 / 20

    # Nothing is read twice, and no DICOM file stays behind
    assert prepare(source, target, scratch) == []
    kept = [path for root in (target.path, tmp_path / "store") for path in root.rglob("*")]
    assert not [path for path in kept if path.is_file() and b"DICM" in path.read_bytes()[:132]]

    # The report, with the labels of the folder
    write_csv(source / "labels.csv", ("study", *HemorrhageType), [("bleeds", 1, 0, 0, 0, 0)])
    answer(target, number)
    assert write_results([os.fspath(source), "--out", os.fspath(target.path)]) == 0
    assert "report.html" in capsys.readouterr().out
    report = json.loads((target.report_path / "report.json").read_text())
    assert report["types_against_truth"]["IPH"]["sensitivity"]["count"] == "1/1"
    assert report["computed_by_labels_against_readers"]["exact"]["count"] == "1/1"
    assert report["not_assessed"] == {str(refused.number): "TOO_FEW_SLICES"}
    (row,) = csv.DictReader(io.StringIO((target.report_path / "readings.csv").read_text()))
    assert (row["score"], row["labeled_types"], row["first_read_seconds"]) == ("4", "IPH", "30.0")


def pixels(path):
    """The values of a picture."""
    with Image.open(path) as picture:
        return np.asarray(picture)


def answer(target, number):
    """One reader reads one case."""
    document = target.pre_read(number)
    named = (NamedBleed(type=HemorrhageType.IPH, laterality=Laterality.LEFT),)
    said = {"at": NOON, "reader": "R1", "case": number, "named": named, "visible_ms": None}
    journal = Journal(target.answers_path)
    journal.add(FirstRead(**said, server_ms=30_000))
    journal.add(
        Scored(
            **said,
            server_ms=10_000,
            pre_read_id=document.pre_read_id,
            revision=1,
            digest=document.digest,
            blinded=True,
            score=4,
            verdict=Verdict.TRUE_POSITIVE,
            fp_cause=None,
            comment="",
        )
    )


def test_a_study_that_has_begun_keeps_its_plan(tmp_path):
    target = StudyFolder(tmp_path / "out")
    plan = begin(target, seed=7, first_read=True)
    assert begin(target, seed=None, first_read=True) == plan
    with pytest.raises(SettingsInvalid, match="seed 7 and a first read"):
        begin(target, seed=8, first_read=True)
    with pytest.raises(SettingsInvalid, match="another --out"):
        begin(target, seed=None, first_read=False)


def test_results_before_any_score_are_refused_in_words(tmp_path, capsys):
    target = StudyFolder(tmp_path / "out")
    begin(target, seed=7, first_read=True)
    assert write_results([os.fspath(tmp_path), "--out", os.fspath(target.path)]) == 1
    assert "no score yet" in capsys.readouterr().out
    assert write_results([os.fspath(tmp_path), "--out", os.fspath(tmp_path / "nothing")]) == 1


def test_an_empty_folder_is_refused_in_words(tmp_path):
    with pytest.raises(SettingsInvalid, match="holds no study"):
        find_studies(tmp_path)
