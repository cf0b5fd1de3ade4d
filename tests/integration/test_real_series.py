"""Every real series beside the checkout is read, or refused with the right reason."""

from pathlib import Path

import numpy as np
import pytest

from preread.dicom.acceptance import SeriesChoice, choose_series
from preread.dicom.header import read_header
from preread.dicom.stack import QualityFlag
from preread.dicom.volume import Volume, read_volume, to_radiological
from preread.errors import UnreadableVolume
from preread.reasons import ReasonCode
from tests.ct_ich import write_ct_ich
from tests.support.dicom_folder import dicom_files

pytestmark = pytest.mark.real_data

TILT, UNEVEN = QualityFlag.GANTRY_TILT, QualityFlag.UNEVEN_SPACING

# folder: slices or reason of the volume, flags of the volume, reason against an assessment
SERIES = {
    "ge-head": (28, {TILT, UNEVEN}, None),
    "philips-phantom/S1000": (ReasonCode.LOCALIZER_ONLY, None, ReasonCode.LOCALIZER_ONLY),
    "philips-phantom/S2010": (28, set(), None),
    "philips-phantom/S4010": (ReasonCode.NO_ORIGINAL_SERIES, None, ReasonCode.NO_ORIGINAL_SERIES),
    "odd-headers/failing/gantrytilting/001": (4, {TILT}, ReasonCode.TOO_FEW_SLICES),
    "odd-headers/failing/notavolume/001": (
        ReasonCode.TOO_FEW_SLICES,
        None,
        ReasonCode.TOO_FEW_SLICES,
    ),
    "odd-headers/failing/slicecount/001": (
        ReasonCode.MODALITY_NOT_CT,
        None,
        ReasonCode.MODALITY_NOT_CT,
    ),
    "odd-headers/failing/sliceincrement/001": (
        4,
        {UNEVEN, QualityFlag.MISSING_SLICES},
        ReasonCode.TOO_FEW_SLICES,
    ),
    "odd-headers/failing/sliceincrement/002": (
        4,
        {TILT, UNEVEN, QualityFlag.MISSING_SLICES},
        ReasonCode.TOO_FEW_SLICES,
    ),
    "odd-headers/failing/sliceorientation/001": (
        ReasonCode.MODALITY_NOT_CT,
        None,
        ReasonCode.MODALITY_NOT_CT,
    ),
}


def choice_of(paths) -> SeriesChoice:
    headers = []
    for path in paths:
        with path.open("rb") as stream:
            headers.append(read_header(stream))
    return choose_series(headers)


def volume_or_reason(paths) -> Volume | ReasonCode:
    try:
        return read_volume(paths)
    except UnreadableVolume as error:
        return error.reason


@pytest.mark.parametrize("folder", SERIES)
def test_a_real_series_is_read_or_refused_with_its_reason(shared_data, folder):
    expected, flags, against = SERIES[folder]
    paths = dicom_files(shared_data / "dicom" / folder)
    found = volume_or_reason(paths)

    assert choice_of(paths).reasons == (() if against is None else (against,))
    if isinstance(expected, ReasonCode):
        assert found is expected
    else:
        assert isinstance(found, Volume)
        assert found.hu.shape[0] == expected
        assert set(found.flags) == flags
        assert found.hu.min() >= -1024
        assert found.hu.max() <= 3071


def test_every_series_on_this_machine_is_in_the_table(shared_data):
    root = shared_data / "dicom"
    with_files = {
        str(folder.relative_to(root))
        for folder in root.rglob("*")
        if folder.is_dir() and dicom_files_only(folder)
    }

    assert with_files == set(SERIES)


def dicom_files_only(folder) -> list[Path]:
    plain = [path for path in folder.iterdir() if path.is_file()]
    return [path for path in plain if path.suffix not in {".gz", ".md"} and path.name != "LICENSE"]


def test_the_tilted_head_keeps_its_geometry(shared_data):
    """GE HiSpeed: 18.5 degrees, 4 mm below and 7 mm above, 1.08 mm where the two meet."""
    volume = to_radiological(read_volume(dicom_files(shared_data / "dicom" / "ge-head")))

    assert volume.gantry_tilt_deg == pytest.approx(18.5, abs=0.05)
    assert volume.thickness_mm[0] == pytest.approx(4.0, abs=0.01)
    assert volume.thickness_mm[-1] == pytest.approx(7.0, abs=0.01)
    # 144.09 mm from the first slice to the last, and half of each of the two
    assert volume.thickness_mm.sum() == pytest.approx(144.09 + 4 / 2 + 7 / 2, abs=0.01)
    brain = volume.hu[14, 200:300, 200:300]
    assert 20 < float(np.median(brain)) < 45


def test_the_head_series_of_a_study_is_chosen_among_its_others(shared_data):
    root = shared_data / "dicom" / "philips-phantom"
    paths = [path for name in ("S1000", "S2010", "S4010") for path in dicom_files(root / name)]
    choice = choice_of(paths)
    chosen = [series for series in choice.series if series.selected]

    assert [series.series_number for series in chosen] == [201]
    assert choice.flags == ()


def test_a_patient_of_the_training_set_is_rebuilt_in_hounsfield_units(shared_data, tmp_path):
    paths = write_ct_ich(49, shared_data / "ct-ich", tmp_path)
    volume = read_volume(paths)
    middle = volume.hu[volume.hu.shape[0] // 2]

    assert choice_of(paths).selected is not None
    assert 20 < float(np.median(middle[200:312, 200:312])) < 45
    assert middle.max() > 800
    assert middle[2, 2] < -800
