"""A phantom of six slices, as files and as data sets."""

import io

import pydicom
import pytest
from pydicom.dataset import Dataset

from preread.dicom.phantom import Bleed, Phantom, make_head
from preread.dicom.phantom_files import encode_series
from preread.terms import HemorrhageType, Laterality
from tests.support.volumes import quartered


@pytest.fixture(scope="session")
def head() -> Phantom:
    return make_head(3, [Bleed(HemorrhageType.IPH, Laterality.LEFT, 12.0)], slices=6)


@pytest.fixture(scope="session")
def encoded(head) -> tuple[bytes, ...]:
    return tuple(encode_series(head))


@pytest.fixture
def datasets(encoded) -> list[Dataset]:
    """The slices, quartered so that tests are quick: every fourth row and column."""
    return [quartered(pydicom.dcmread(io.BytesIO(content))) for content in encoded]
