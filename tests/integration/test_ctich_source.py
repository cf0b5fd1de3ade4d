"""The reader of CT-ICH: HU from pictures, labels and masks from the release."""

import numpy as np
import pytest
from PIL import Image

from ml.labeled import BLOOD_OF_UNKNOWN_KIND, NO_BLOOD
from ml.sources.ctich import ASSUMED_SPACING_MM, read_ctich, rebuild_hu
from preread.dicom.volume import to_radiological
from preread.errors import InvalidSource
from preread.terms import KINDS, HemorrhageType
from tests.support.sources import write_csv

EDH = KINDS.index(HemorrhageType.EDH)
COLUMNS = (
    "PatientNumber", "SliceNumber", "Intraventricular", "Intraparenchymal", "Subarachnoid",
    "Epidural", "Subdural", "No_Hemorrhage", "Fracture_Yes_No",
)  # fmt: skip


@pytest.fixture
def skipped():
    return []


@pytest.fixture
def pictures(tmp_path):
    """Two patients of two slices; the first has one kind, then two kinds, the second none."""
    for patient in (49, 50):
        for number in (1, 2):
            for window, level in (("brain", 128), ("bone", 80)):
                gray = np.full((8, 6), level, np.uint8)
                save(gray, tmp_path / "Patients_CT" / f"{patient:03d}" / window / f"{number}.jpg")
    for number in (1, 2):
        blood = np.zeros((8, 6), np.uint8)
        blood[2:6, 4:] = 255
        save(blood, tmp_path / "Patients_CT" / "049" / "brain" / f"{number}_HGE_Seg.jpg")
    rows = [
        (49, 1, 0, 0, 0, 1, 0, 0, 1),
        (49, 2, 0, 1, 0, 1, 0, 0, 0),
        (50, 1, 0, 0, 0, 0, 0, 1, 0),
        (50, 2, 0, 0, 0, 0, 0, 1, 0),
    ]
    write_csv(tmp_path / "hemorrhage_diagnosis.csv", COLUMNS, rows)
    write_csv(tmp_path / "folds5.csv", ("patient", "fold"), [(49, 2), (50, 4)])
    return tmp_path


def save(gray, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(gray).save(path, quality=100)


def test_a_patient_has_labels_a_fold_and_a_mask_of_known_kind_where_there_is_one(pictures, skipped):
    bled, clean = read_ctich(pictures, skipped.append)
    assert not skipped
    assert (bled.name, bled.patient, bled.fold) == ("049", "049", 2)
    assert bled.slice_any.tolist() == [1, 1]
    assert bled.slice_kinds.tolist() == [[0, 0, 0, 0, 1], [1, 0, 0, 0, 1]]
    assert bled.study_kinds.tolist() == [1, 0, 0, 0, 1]
    assert set(np.unique(bled.mask[0])) == {NO_BLOOD, 1 + EDH}
    assert set(np.unique(bled.mask[1])) == {NO_BLOOD, BLOOD_OF_UNKNOWN_KIND}
    assert (clean.fold, clean.study_any, int(clean.mask.max())) == (4, 0, 0)


def test_pictures_are_radiological_and_their_millimetres_assumed(pictures, skipped):
    bled = next(read_ctich(pictures, skipped.append))
    assert bled.spacing_is_assumed
    volume = bled.volume
    assert volume.pixel_spacing_mm == (ASSUMED_SPACING_MM, ASSUMED_SPACING_MM)
    assert volume.thickness_mm.tolist() == [5.0, 5.0]
    assert volume.affine[:3, 2].tolist() == [ASSUMED_SPACING_MM, 0, 0], "columns run to the left"
    assert np.shares_memory(to_radiological(volume).hu, volume.hu)
    assert volume.instance_numbers == (1, 2)
    assert volume.hu.mean() == pytest.approx(40, abs=1)


def test_uids_are_made_up_the_same_again_and_differ(pictures, skipped):
    first = list(read_ctich(pictures, skipped.append))
    again = list(read_ctich(pictures, skipped.append))
    uids = [uid for study in first for uid in study.volume.sop_instance_uids]
    assert uids == [uid for study in again for uid in study.volume.sop_instance_uids]
    assert len(set(uids)) == 4
    assert all(uid.startswith("2.25.") for uid in uids)


def test_folds_may_be_absent(pictures, skipped):
    (pictures / "folds5.csv").unlink()
    assert [study.fold for study in read_ctich(pictures, skipped.append)] == [None, None]


def test_a_patient_with_a_missing_or_broken_picture_is_left_out(pictures, skipped):
    (pictures / "Patients_CT" / "049" / "brain" / "2.jpg").unlink()
    (pictures / "Patients_CT" / "050" / "bone" / "1.jpg").write_bytes(b"no picture")
    assert not list(read_ctich(pictures, skipped.append))
    assert [(one.name, one.reason) for one in skipped] == [
        ("049", "brain/2.jpg is missing or broken"),
        ("050", "bone/1.jpg is missing or broken"),
    ]


def test_a_mask_of_another_size_is_told(pictures, skipped):
    mask = pictures / "Patients_CT" / "049" / "brain" / "1_HGE_Seg.jpg"
    save(np.zeros((4, 4), np.uint8), mask)
    assert [study.name for study in read_ctich(pictures, skipped.append)] == ["050"]
    assert skipped[0].reason == "the mask of slice 1 does not fit its picture"


def test_a_table_without_labels_is_refused(pictures):
    write_csv(pictures / "hemorrhage_diagnosis.csv", COLUMNS[:4], [])
    with pytest.raises(InvalidSource, match="no column"):
        next(read_ctich(pictures))


def test_flickering_jpeg_air_is_air():
    brain, bone = np.uint8([0, 1, 3, 128, 252, 255]), np.uint8([0, 0, 0, 75, 110, 255])
    rebuilt = rebuild_hu(brain, bone)
    assert (rebuilt[:3] == -900).all()
    assert rebuilt[3] == pytest.approx(40, abs=0.5)
    assert rebuilt[4] > 400


@pytest.mark.real_data
def test_the_first_patient_of_the_set_has_its_published_labels(shared_data):
    first = next(read_ctich(shared_data / "ct-ich"))
    assert (first.name, first.fold) == ("049", 2)
    assert first.slice_any.sum() == 9
    assert first.slice_kinds[:, EDH].sum() == 8
    assert ((first.mask > 0).any(axis=(1, 2)) == (first.slice_any == 1)).all()
    assert np.median(first.volume.hu[first.mask > 0]) == pytest.approx(62, abs=15)


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_whole_set_has_its_published_counts(shared_data, skipped):
    slices = positive = outlined = 0
    patients = np.zeros(1 + len(KINDS), int)
    for study in read_ctich(shared_data / "ct-ich", skipped.append):
        slices += len(study.volume.hu)
        positive += int((study.slice_any == 1).sum())
        outlined += int((study.mask > 0).any(axis=(1, 2)).sum())
        patients += [study.study_any, *study.study_kinds]
    assert not skipped
    assert (slices, positive, outlined) == (2501, 318, 318)
    assert patients.tolist() == [36, 16, 4, 5, 7, 21], "any, IPH, SDH, IVH, SAH, EDH"
