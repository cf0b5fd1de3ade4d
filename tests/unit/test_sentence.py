"""The summary sentence: goldens of typical studies, and what holds for any findings."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.assessment import Density, Place, SliceSpan
from ml.gates import NEVER_NONE
from ml.place_words import words_of
from ml.sentence import NOUN
from preread.regions import COMPARTMENTS_OF_TYPE, regions_of
from preread.terms import HemorrhageType, Laterality, Level, Region
from tests.unit.test_document import assessment, finding
from worker.wording import summary

IPH, SDH, IVH, SAH, EDH = (HemorrhageType(name) for name in ("IPH", "SDH", "IVH", "SAH", "EDH"))
L, R, B, M = Laterality.LEFT, Laterality.RIGHT, Laterality.BILATERAL, Laterality.MIDLINE
DENSE, PALE = Density(62.0, 71.0), Density(38.0, 45.0)


def one(kind, volume_ml, *places, **changes):
    """A finding with places of equal shares; thickness only where it is given."""
    said = {
        "volume_ml": volume_ml,
        "max_thickness_mm": None,
        "density": DENSE,
        "places": tuple(Place(region, side, 1 / len(places)) for region, side in places),
        **changes,
    }
    return finding(kind, **said)


def said(*findings, level=Level.CRITICAL, shift=None, toward=None):
    moved = {"midline_shift_mm": shift, "midline_shift_toward": toward}
    return summary(assessment(*findings, level=level, **moved), None)


GOLDENS = {
    "a subdural over two lobes, with thickness and shift": (
        said(
            one(SDH, 43.2, (Region.PARIETAL_CONVEXITY, R), (Region.FRONTAL_CONVEXITY, R),
                max_thickness_mm=9.4),
            shift=6.2, toward=L,
        ),
        ("Suspected acute right frontoparietal subdural hematoma, 43 ml, 9 mm thick; "
        "midline shift 6 mm to the left."),
    ),
    "a deep bleed that broke into the ventricles": (
        said(
            one(IVH, 4.24, (Region.ATRIUM, L), (Region.THIRD_VENTRICLE, M)),
            one(IPH, 22, (Region.THALAMUS, L)),
        ),
        ("Suspected acute left thalamic intraparenchymal hemorrhage, 22 ml, "
        "with intraventricular extension, 4.2 ml."),
    ),
    "ventricular blood of its own": (
        said(
            one(IVH, 8, (Region.ATRIUM, B), (Region.THIRD_VENTRICLE, M),
                (Region.FOURTH_VENTRICLE, M)),
        ),
        ("Suspected intraventricular hemorrhage in both lateral ventricles and the third and fourth "
        "ventricles, 8.0 ml."),
    ),
    "subarachnoid blood on both sides": (
        said(
            one(SAH, 11, (Region.SYLVIAN_FISSURE, L), (Region.SYLVIAN_FISSURE, R),
                (Region.SUPRASELLAR_CISTERN, M)),
            level=Level.SUSPECTED,
        ),
        "Suspected bilateral Sylvian and suprasellar subarachnoid hemorrhage, 11 ml.",
    ),
    "several bleeds in the brain": (
        said(
            one(IPH, 9.97, (Region.FRONTAL_LOBE, L), (Region.TEMPORAL_LOBE, R),
                lesion_indices=(0, 1)),
        ),
        ("Suspected multifocal acute left frontal and right temporal intraparenchymal hemorrhage, "
        "10 ml."),
    ),
    "a pale collection": (
        said(one(SDH, 90, (Region.FRONTAL_CONVEXITY, B), density=PALE, max_thickness_mm=11.0)),
        "Suspected bilateral frontal subdural hematoma, 90 ml, 11 mm thick.",
    ),
    "the brain stem": (
        said(one(IPH, 3, (Region.PONS, M))),
        "Suspected acute pontine intraparenchymal hemorrhage, 3.0 ml.",
    ),
    "too little to be sure": (
        said(one(SAH, 0.6, (Region.FRONTAL_SULCI, R)), level=Level.INDETERMINATE),
        "Indeterminate: possible right frontal subarachnoid hemorrhage, less than 1 ml.",
    ),
    "an epidural that is operated on comes before a greater subarachnoid bleed": (
        said(one(SAH, 50, (Region.FRONTAL_SULCI, R)), one(EDH, 31, (Region.TEMPORAL_CONVEXITY, R))),
        ("Suspected acute right temporal epidural hematoma, 31 ml; "
        "right frontal subarachnoid hemorrhage, 50 ml."),
    ),
    "no type": (
        said(level=Level.SUSPECTED, shift=9.0, toward=L),
        "Suspected intracranial hemorrhage, type and place not determined.",
    ),
    "nothing flagged": (
        said(level=Level.NONE),
        "Nothing flagged by the software; bleeding is not ruled out.",
    ),
    "not assessed": (
        summary(None, "A contrast agent was given."),
        "Not assessed. A contrast agent was given.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GOLDENS)
def test_a_typical_study_is_told_in_one_plain_sentence(name):
    told, golden = GOLDENS[name]
    assert told == golden


PLACES = {
    kind: st.sampled_from(
        [(region, side) for space in spaces for region in regions_of(space) for side in Laterality]
    )
    for kind, spaces in COMPARTMENTS_OF_TYPE.items()
}
NUMBER = st.none() | st.floats(0.01, 999.0)


@st.composite
def some_finding(draw, kind):
    places = draw(st.lists(PLACES[kind], max_size=6))
    lesions = draw(st.lists(st.integers(0, 5), max_size=4, unique=True))
    return one(
        kind,
        draw(NUMBER),
        *places,
        max_thickness_mm=draw(NUMBER),
        density=draw(st.none() | st.builds(Density, st.floats(0, 99), st.floats(0, 99))),
        slices=SliceSpan(0, 1, 0),
        lesion_indices=tuple(lesions),
    )


FINDINGS = st.permutations(list(HemorrhageType)).flatmap(
    lambda kinds: st.integers(0, len(kinds)).flatmap(
        lambda count: st.tuples(*(some_finding(kind) for kind in kinds[:count]))
    )
)
LEVELS = st.sampled_from([Level.CRITICAL, Level.SUSPECTED, Level.INDETERMINATE])


@settings(max_examples=40)
@given(FINDINGS, LEVELS, NUMBER, st.none() | st.sampled_from([L, R]))
def test_any_findings_make_a_short_sentence_that_hides_no_type(findings, level, shift, toward):
    told = said(*findings, level=level, shift=shift, toward=toward)
    assert len(told) <= 300
    assert "None" not in told
    assert "  " not in told
    assert told.endswith(".")
    assert not re.search(
        r"\bnormal|no (intracranial )?(hemorrhage|bleed)|unremarkable", told, re.IGNORECASE
    )
    assert told.startswith(("Suspected ", "Indeterminate: possible "))
    named = sum(NOUN[one.kind].split()[0] in told for one in findings)
    hidden = re.search(r"; and (\d) more", told)
    assert named + (int(hidden[1]) if hidden else 0) == len(findings)


def test_the_most_urgent_finding_keeps_its_details_and_the_others_lose_them_first():
    spread = ((Region.FRONTAL_LOBE, L), (Region.INSULA, L), (Region.THALAMUS, R))
    fissures = ((Region.SYLVIAN_FISSURE, L), (Region.FRONTAL_SULCI, R), (Region.AMBIENT_CISTERN, R))
    told = said(
        one(SAH, 12, *fissures),
        one(SDH, 31, (Region.PARAFALCINE, L), (Region.TENTORIAL, R), max_thickness_mm=14.0),
        one(IVH, 5, (Region.ATRIUM, L), (Region.FOURTH_VENTRICLE, M), lesion_indices=(3,)),
        one(IPH, 60, *spread),
        shift=12.0,
        toward=R,
    )
    assert len(told) <= 300
    assert told.startswith(
        "Suspected acute left frontal and insular and right thalamic intraparenchymal hemorrhage, "
        "60 ml; acute left parafalcine and right tentorial subdural hematoma, 31 ml, 14 mm thick; "
    )
    assert told.endswith(
        "; bilateral subarachnoid hemorrhage, 12 ml; left intraventricular hemorrhage, 5.0 ml; "
        "midline shift 12 mm to the right."
    )


def test_types_beyond_the_room_are_counted():
    told = said(*(one(SDH, 1000.0 + number, max_thickness_mm=30.0) for number in range(9)))
    assert len(told) <= 300
    named = told.count("subdural hematoma")
    assert told.endswith(f"; and {9 - named} more.")
    assert 0 < named < 9


@pytest.mark.parametrize("flag", sorted(NEVER_NONE))
def test_a_lifted_level_says_why_and_does_not_sound_like_nothing(flag):
    told = summary(assessment(level=Level.INDETERMINATE, lifted_by=(flag,)), None)
    assert told.startswith("Indeterminate: nothing was flagged, but ")
    assert len(told) <= 300


@pytest.mark.parametrize("region", Region)
def test_every_region_has_words_beside_a_side(region):
    for kind in HemorrhageType:
        before, after = words_of(kind, (Place(region, L, 1.0),))
        assert "left" in f"{before} {after}" or region in {
            Region.THIRD_VENTRICLE,
            Region.FOURTH_VENTRICLE,
        }
