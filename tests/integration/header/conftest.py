"""One slice of a phantom as a file, with an accession number and a patient ID."""

import pytest

from preread.dicom.phantom import make_head
from preread.dicom.phantom_files import SyntheticStudy, encode_series


@pytest.fixture(scope="session")
def plain() -> bytes:
    study = SyntheticStudy(
        accession_number="A-17", requested_priority="STAT", patient_id="SECRET-17"
    )
    return encode_series(make_head(2, slices=1), study)[0]
