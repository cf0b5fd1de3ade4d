"""Labeled sources of DICOM files: RSNA 2019, CQ500, and a plain folder with labels."""

import numpy as np
import pytest
from pydicom.uid import generate_uid

from ml.labeled import BLOOD_OF_UNKNOWN_KIND
from ml.sources.cq500 import read_cq500
from ml.sources.folder import read_folder
from ml.sources.rsna import read_rsna
from preread.dicom.phantom_files import SyntheticStudy
from preread.errors import InvalidSource
from preread.terms import KINDS, HemorrhageType
from tests.support.heads import Ball
from tests.support.sources import (
    SLICES,
    Pseudonyms,
    encode,
    left_share,
    save,
    save_as_rsna,
    save_nifti,
    small_head,
    write_csv,
)

LEFT = Ball((0, 0, 30), 15, HemorrhageType.SDH)
UNKNOWN_KINDS = [-1] * 5
RSNA_NAMES = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural", "any")
CQ500_COLUMNS = (
    "name",
    "Category",
    *(f"R{reader}:{what}" for reader in (1, 2, 3) for what in ("ICH", *KINDS)),
)


def cq500_row(name, *reads):
    return (name, "B1", *(value for read in reads for value in read))


NONE, SDH, ICH_ONLY = (0,) * 6, (1, 0, 1, 0, 0, 0), (1, 0, 0, 0, 0, 0)


@pytest.fixture
def skipped():
    return []


@pytest.fixture
def rsna(tmp_path):
    """Two studies of one patient, the second with a bleed; the table has rows twice."""
    bleeding = small_head(LEFT)
    rows = []
    for study, one in (("ID_aa", small_head()), ("ID_bb", bleeding)):
        names = Pseudonyms("ID_0123", study)
        instances = save_as_rsna(encode(one, len(study)), tmp_path / "stage_2_train", names)
        for instance, kinds in zip(instances, one.kinds, strict=True):
            said = {"subdural": int((kinds == 2).any()), "any": int((kinds > 0).any())}
            rows += [(f"{instance}_{name}", said.get(name, 0)) for name in RSNA_NAMES]
    write_csv(tmp_path / "stage_2_train.csv", ("ID", "Label"), rows + rows[:12])
    return tmp_path, bleeding, rows


def test_rsna_slices_have_their_own_labels(rsna, skipped):
    folder, bleeding, _ = rsna
    clean, bled = read_rsna(folder, skipped.append)
    assert not skipped
    assert (clean.name, bled.name) == ("ID_aa", "ID_bb")
    assert clean.patient == bled.patient == "ID_0123"
    assert clean.study_any == 0
    assert clean.slice_any.tolist() == [0] * SLICES
    expected = (bleeding.kinds > 0).any(axis=(1, 2)).astype(int)
    assert bled.slice_any.tolist() == expected.tolist()
    assert bled.slice_kinds[:, KINDS.index(HemorrhageType.SDH)].tolist() == expected.tolist()
    assert bled.study_kinds.tolist() == [0, 1, 0, 0, 0]
    assert bled.mask is None
    assert (bled.volume.hu == np.clip(bleeding.volume.hu, -1024, 3071)).all()


def test_rsna_slices_are_stacked_by_position_not_by_name(rsna, skipped):
    folder, bleeding, _ = rsna
    files = sorted((folder / "stage_2_train").glob("ID_bb*.dcm"))
    contents = [path.read_bytes() for path in files]
    for path, content in zip(files, reversed(contents), strict=True):
        path.write_bytes(content)
    bled = list(read_rsna(folder, skipped.append))[1]
    assert bled.slice_any.tolist() == (bleeding.kinds > 0).any(axis=(1, 2)).astype(int).tolist()


def test_an_rsna_study_with_an_unlabeled_slice_is_left_out(rsna, skipped):
    folder, _, rows = rsna
    less = [row for row in rows if not row[0].startswith("ID_aa003")]
    write_csv(folder / "stage_2_train.csv", ("ID", "Label"), less)
    assert [study.name for study in read_rsna(folder, skipped.append)] == ["ID_bb"]
    assert [(one.name, one.reason) for one in skipped] == [
        ("ID_aa", "1 of 20 slices have no label")
    ]


def test_an_rsna_study_with_a_hole_is_left_out(rsna, skipped):
    folder, _, _ = rsna
    (folder / "stage_2_train" / "ID_bb009.dcm").unlink()
    assert [study.name for study in read_rsna(folder, skipped.append)] == ["ID_aa"]
    assert skipped[0].reason.startswith("MISSING_SLICES")


def test_an_rsna_table_that_contradicts_itself_is_refused(rsna):
    folder, _, rows = rsna
    write_csv(folder / "stage_2_train.csv", ("ID", "Label"), [*rows, ("ID_aa000_any", 1)])
    with pytest.raises(InvalidSource, match="labeled twice"):
        next(read_rsna(folder))


def test_rsna_without_its_images_is_refused(tmp_path):
    write_csv(tmp_path / "stage_2_train.csv", ("ID", "Label"), [("ID_aa000_any", 1)])
    with pytest.raises(InvalidSource, match="no ID_"):
        next(read_rsna(tmp_path))


@pytest.fixture
def cq500(tmp_path):
    """Three studies: a plain and a contrast series, a bleed without a kind, no folder."""
    study = SyntheticStudy(study_uid=generate_uid(), patient_id="CQ500CT7")
    place = tmp_path / "qct01" / "CQ500CT7 CQ500CT7" / "Unknown Study"
    plain, contrast = encode(small_head(LEFT), 1, study), encode(small_head(), 2, study)
    for dataset in [*plain, *contrast]:
        del dataset.SeriesDescription  # only the folder names the series
    save(plain, place / "CT Plain")
    save(contrast, place / "CT POST CONTRAST")
    save(encode(small_head(LEFT), 3), tmp_path / "CQ500CT10 CQ500CT10" / "Unknown Study" / "CT 5mm")
    rows = [
        cq500_row("CQ500-CT-10", ICH_ONLY, SDH, ICH_ONLY),
        cq500_row("CQ500-CT-7", SDH, SDH, NONE),
        cq500_row("CQ500-CT-8", NONE, NONE, NONE),
    ]
    write_csv(tmp_path / "reads.csv", CQ500_COLUMNS, rows)
    return tmp_path, plain


def test_cq500_takes_the_majority_and_the_plain_series(cq500, skipped):
    folder, plain = cq500
    study, kindless = read_cq500(folder, skipped.append)
    assert (study.name, study.study_any) == ("CQ500-CT-7", 1)
    assert study.study_kinds.tolist() == [0, 1, 0, 0, 0]
    assert study.slice_any.tolist() == [-1] * SLICES
    assert study.volume.series_instance_uid == plain[0].SeriesInstanceUID
    assert study.mask is None
    assert (kindless.study_any, kindless.study_kinds.tolist()) == (1, UNKNOWN_KINDS)
    assert [(one.name, one.reason) for one in skipped] == [
        ("CQ500-CT-8", "no folder with its images")
    ]


def test_cq500_studies_without_a_row_or_a_usable_series_are_told(cq500, skipped):
    folder, _ = cq500
    series = folder / "CQ500CT10 CQ500CT10" / "Unknown Study" / "CT 5mm"
    for path in sorted(series.iterdir())[5:]:
        path.unlink()
    write_csv(folder / "reads.csv", CQ500_COLUMNS, [cq500_row("CQ500-CT-10", NONE, NONE, NONE)])
    assert not list(read_cq500(folder, skipped.append))
    reasons = {one.name: one.reason for one in skipped}
    assert reasons["CQ500-CT-7"] == "no row in reads.csv"
    assert reasons["CQ500-CT-10"].startswith("TOO_FEW_SLICES")


def test_a_cq500_table_without_a_reader_is_refused(tmp_path):
    write_csv(tmp_path / "reads.csv", CQ500_COLUMNS[:-6], [])
    with pytest.raises(InvalidSource, match="R3:ICH"):
        next(read_cq500(tmp_path))


@pytest.fixture
def plain(tmp_path):
    """A folder with two studies, one named by its UID and one by its folder."""
    uid = generate_uid()
    one = small_head(LEFT)
    first = encode(one, 1, SyntheticStudy(study_uid=uid, patient_id="7"))
    save(first, tmp_path / "a" / "series")
    save(encode(small_head(), 2), tmp_path / "b")
    (tmp_path / "b" / "notes.txt").write_text("no DICOM")
    return tmp_path, uid, [dataset.SOPInstanceUID for dataset in first], one


def test_a_plain_folder_is_read_by_uid_and_by_folder_name(plain, skipped):
    folder, uid, _, _ = plain
    rows = [(uid, "P1", 3, 1, "", 1), ("b", "P2", "", 0, "", "")]
    write_csv(folder / "labels.csv", ("study", "patient", "fold", "any", "IPH", "SDH"), rows)
    bled, clean = read_folder(folder, skipped.append)
    assert not skipped
    assert (bled.name, bled.patient, bled.fold) == (uid, "P1", 3)
    assert (bled.study_any, bled.study_kinds.tolist()) == (1, [-1, 1, -1, -1, -1])
    assert bled.slice_any.tolist() == [-1] * SLICES
    assert (clean.name, clean.patient, clean.fold) == ("b", "P2", None)
    assert (clean.study_any, clean.study_kinds.tolist()) == (0, [0] * 5)


def test_rows_of_slices_label_slices_and_through_them_the_study(plain, skipped):
    folder, uid, instances, _ = plain
    rows = [(uid, name, int(number == 4), 0) for number, name in enumerate(instances)]
    write_csv(folder / "labels.csv", ("study", "slice", "SDH", "EDH"), rows)
    (bled,) = read_folder(folder, skipped.append)
    assert bled.slice_any.tolist() == [-1] * 4 + [1] + [-1] * 15
    assert bled.slice_kinds[:, KINDS.index(HemorrhageType.EDH)].tolist() == [0] * SLICES
    assert bled.study_any == 1
    assert len(bled.patient) == 16, "a digest, as the table names no patient"
    assert [one.reason for one in skipped] == ["no row in labels.csv"]


@pytest.mark.parametrize("axes", ["RAS", "LPS", "LAS", "PIR"])
def test_a_mask_is_brought_to_the_slices_whatever_its_axes(plain, skipped, axes):
    folder, uid, _, one = plain
    write_csv(folder / "labels.csv", ("study", "any"), [(uid, 1)])
    save_nifti(one.kinds, folder / "masks" / f"{uid}.nii.gz", axes)
    (bled,) = read_folder(folder, skipped.append)
    assert (bled.mask == one.kinds).all()
    assert left_share(bled, bled.mask == 2) == 1


@pytest.fixture
def masked(plain):
    folder, uid, _, one = plain
    write_csv(folder / "labels.csv", ("study", "any"), [(uid, 1)])
    return folder, folder / "masks" / f"{uid}.nii.gz", one


def test_a_mask_of_another_grid_or_meaning_is_told(masked, skipped):
    folder, path, one = masked
    save_nifti(one.kinds, path, shift_mm=10)
    assert not list(read_folder(folder, skipped.append))
    save_nifti(np.where(one.kinds > 0, np.uint8(9), np.uint8(0)), path)
    assert not list(read_folder(folder, skipped.append))
    reasons = [one.reason for one in skipped if "row" not in one.reason]
    assert reasons == [
        "the mask does not lie on the grid of the series that is read",
        "the mask holds 9, which the source does not name",
    ]


def test_blood_of_unknown_kind_stays_so(masked, skipped):
    folder, path, one = masked
    save_nifti(np.where(one.kinds > 0, np.uint8(255), np.uint8(0)), path)
    (bled,) = read_folder(folder, skipped.append)
    assert set(np.unique(bled.mask)) == {0, BLOOD_OF_UNKNOWN_KIND}


def test_rows_that_fit_no_study_and_broken_files_are_told(plain, skipped):
    folder, uid, _, _ = plain
    whole = (folder / "b" / "CT000000.dcm").read_bytes()
    (folder / "b" / "broken.dcm").write_bytes(whole[: len(whole) // 2])
    write_csv(folder / "labels.csv", ("study", "any"), [(uid, 1), ("c", 1), (".", 0)])
    assert [study.name for study in read_folder(folder, skipped.append)] == [uid]
    reasons = {one.name: one.reason for one in skipped}
    assert "cut off" in reasons["broken.dcm"]
    assert reasons["c"] == "no DICOM file of it"
    assert reasons["."].startswith("2 studies")


@pytest.mark.parametrize(
    ("columns", "rows", "reason"),
    [
        (("uid", "any"), [], "no column study"),
        (("study", "any"), [("a", "yes")], "line 2: a label is 0, 1 or empty"),
        (("study", "any"), [("a", 1), ("a", 0)], "line 3: the same study"),
        (("study", "fold"), [("a", -1)], "line 2: a whole number"),
        (("study", "slice", "patient"), [("a", "1", "x"), ("a", "2", "y")], "another patient"),
        (("study", "any"), [("", 1)], "no study"),
    ],
    ids=["column", "label", "twice", "fold", "patient", "nameless"],
)
def test_a_table_that_cannot_be_meant_is_refused(tmp_path, columns, rows, reason):
    write_csv(tmp_path / "labels.csv", columns, rows)
    with pytest.raises(InvalidSource, match=reason):
        next(read_folder(tmp_path))


def test_labels_that_contradict_themselves_leave_the_study_out(plain, skipped):
    folder, uid, _, _ = plain
    write_csv(folder / "labels.csv", ("study", "any", "SDH"), [(uid, 0, 1)])
    assert not list(read_folder(folder, skipped.append))
    assert "where no hemorrhage is" in skipped[-1].reason
