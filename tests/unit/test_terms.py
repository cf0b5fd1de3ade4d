"""The words for places: every type has some, and each has a name, a space and a group."""

import pytest

from preread.regions import (
    COARSE_REGIONS,
    COMPARTMENTS_OF_TYPE,
    FINE_REGIONS,
    REGION,
    coarse_region,
    regions_of,
)
from preread.terms import Compartment, HemorrhageType, Region


@pytest.mark.parametrize("region", Region)
def test_every_region_has_a_name_of_its_own_and_a_code_of_the_standard_or_none(region):
    dictionary = pytest.importorskip("pydicom.sr._snomed_dict").mapping["SCT"]
    term = REGION[region]
    assert [one.name for one in REGION.values()].count(term.name) == 1
    assert term.code is None or (term.code.scheme == "SCT" and term.code.value in dictionary)


@pytest.mark.parametrize("kind", HemorrhageType)
def test_every_type_has_compartments_and_each_of_them_regions(kind):
    assert COMPARTMENTS_OF_TYPE[kind]
    assert all(regions_of(compartment) for compartment in COMPARTMENTS_OF_TYPE[kind])


def test_the_compartments_share_out_the_fine_regions():
    shared = [region for compartment in Compartment for region in regions_of(compartment)]
    assert sorted(shared) == sorted(FINE_REGIONS)


def test_a_group_is_in_the_compartment_of_its_members_and_in_no_group_itself():
    for region in Region:
        group = coarse_region(region)
        assert REGION[group].compartment is REGION[region].compartment
        assert coarse_region(group) is group
    assert all(REGION[region].coarse is None for region in COARSE_REGIONS)
