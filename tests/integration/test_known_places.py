"""Bleeds of phantoms, which know where they put them: the shipped networks name the place."""

import pytest

from ml.bundle import load_bundle
from ml.places.reader import load_namer
from ml.training.placing.phantoms import assess_phantom, known_places, most_of
from preread.dicom.phantom import Bleed, make_head
from preread.terms import HemorrhageType, Laterality, Region

IPH, SDH, IVH, SAH, EDH = HemorrhageType
LEFT, RIGHT, BOTH, MIDDLE = (Laterality(letter) for letter in "LRBM")
# Seeds of their own; three heads show one bleed of each type with a known place.
HEADS = {
    61: (Bleed(IPH, LEFT, 8.0), Bleed(SDH, MIDDLE, 9.0)),
    62: (Bleed(IVH, BOTH, 14.0), Bleed(EDH, RIGHT, 15.0)),
    63: (Bleed(SAH, RIGHT, 9.0),),
}


@pytest.mark.slow
@pytest.mark.parametrize("seed", HEADS)
def test_the_whole_pipeline_names_the_place_where_a_phantom_bleeds(seed):
    bundle = load_bundle()
    phantom = make_head(seed, HEADS[seed])
    known = list(known_places(phantom, assess_phantom(phantom, bundle, load_namer(bundle))))
    assert [one.kind for one in known] == [bleed.kind for bleed in HEADS[seed]]
    for one in known:
        assert one.said_side is one.side
        assert one.is_named
        # A film spreads from its fissure over sulci, of which one may hold more.
        assert one.is_first or one.kind is SAH or not one.regions
        if one.kind is EDH:
            assert all(region.value.endswith(("convexity", "fossa")) for region in one.said), (
                one.said
            )


def test_a_phantom_says_nothing_of_lobes_over_the_convexity_and_both_sides_of_a_bilateral_bleed():
    bleeds = (Bleed(EDH, LEFT, 15.0), Bleed(SAH, BOTH, 12.0))
    regions = make_head(64, bleeds, slices=24).regions
    assert regions[0] == frozenset()
    assert 1 <= len(regions[1]) <= 2
    assert Region.FRONTAL_LOBE not in regions[1]


def test_a_small_bleed_fills_the_place_where_it_begins():
    phantom = make_head(65, (Bleed(IPH, MIDDLE, 2.0), Bleed(IVH, LEFT, 4.0)))
    begun = [region for regions in phantom.regions for region in regions]
    assert begun == [most_of(phantom, kind) for kind in (IPH, IVH)]
