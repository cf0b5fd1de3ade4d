"""The rubric of agreement, as properties and at its borders."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.agreement import (
    LesionMatch,
    Place,
    Types,
    agreement,
    compare_places,
    compare_types,
    main_types,
)
from preread.terms import KINDS, HemorrhageType

IPH, SDH, IVH, SAH, EDH = (HemorrhageType(name) for name in ("IPH", "SDH", "IVH", "SAH", "EDH"))
kinds = st.frozensets(st.sampled_from(KINDS))
some_kinds = st.frozensets(st.sampled_from(KINDS), min_size=1)
places = st.sampled_from([None, *Place])
types = st.sampled_from(Types)
volumes_ml = st.floats(0.1, 100)
lesion_matches = st.builds(
    lambda volume_ml, share: LesionMatch(volume_ml, share * volume_ml),
    volumes_ml,
    st.floats(0, 1),
)
sides = st.lists(lesion_matches, max_size=4).map(tuple)


@st.composite
def truths(draw):
    true = draw(some_kinds)
    return true, draw(st.frozensets(st.sampled_from(sorted(true)), min_size=1))


@given(truths(), kinds, places)
def test_naming_one_more_true_type_never_lowers_the_score(truth, said, place):
    true, main = truth
    before = agreement(detected=True, types=compare_types(true, main, said), place=place)
    for kind in true:
        more = compare_types(true, main, said | {kind})
        assert agreement(detected=True, types=more, place=place) >= before


@given(truths(), kinds, places)
def test_leaving_out_a_false_type_never_lowers_the_score(truth, said, place):
    true, main = truth
    before = agreement(detected=True, types=compare_types(true, main, said), place=place)
    for kind in said - true:
        less = compare_types(true, main, said - {kind})
        assert agreement(detected=True, types=less, place=place) >= before


@given(truths(), places)
def test_naming_exactly_the_true_types_is_exact_whatever_the_main_one(truth, place):
    true, main = truth
    assert compare_types(true, main, true) is Types.EXACT
    assert agreement(detected=True, types=Types.EXACT, place=Place.EVERYWHERE) == 4
    assert agreement(detected=True, types=Types.EXACT, place=None) == 4
    assert (
        place is not Place.NOWHERE or agreement(detected=True, types=Types.EXACT, place=place) < 4
    )


@given(types, places)
def test_a_missed_study_is_0_and_a_detected_one_more(found, place):
    assert agreement(detected=False, types=found, place=place) == 0
    assert agreement(detected=True, types=found, place=place) >= 1


@given(types)
def test_a_better_place_never_lowers_the_score(found):
    scores = [agreement(detected=True, types=found, place=place) for place in Place]
    assert scores == sorted(scores)


@given(st.booleans(), places)
def test_without_known_types_there_is_no_score(detected, place):
    assert agreement(detected=detected, types=None, place=place) is None


@pytest.mark.parametrize(
    ("found", "place", "score"),
    [
        (Types.EXACT, Place.EVERYWHERE, 4),
        (Types.EXACT, Place.SOMEWHERE, 3),
        (Types.EXACT, Place.NOWHERE, 2),
        (Types.CLOSE, Place.EVERYWHERE, 3),
        (Types.CLOSE, Place.SOMEWHERE, 3),
        (Types.CLOSE, Place.NOWHERE, 2),
        (Types.OTHER, Place.EVERYWHERE, 2),
        (Types.OTHER, Place.SOMEWHERE, 2),
        (Types.OTHER, Place.NOWHERE, 1),
        (Types.EXACT, None, 4),
        (Types.CLOSE, None, 3),
        (Types.OTHER, None, 1),
    ],
)
def test_the_rubric_cell_by_cell(found, place, score):
    assert agreement(detected=True, types=found, place=place) == score


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({IPH, IVH}, Types.EXACT),
        ({IPH}, Types.CLOSE),
        ({IPH, IVH, SAH}, Types.CLOSE),
        ({IVH}, Types.OTHER),  # the main type is missing
        ({IPH, SAH}, Types.OTHER),  # one missing and one extra
        ({IPH, IVH, SAH, SDH}, Types.OTHER),
        (set(), Types.OTHER),
    ],
    ids=lambda value: "+".join(sorted(value)) if isinstance(value, set) else str(value),
)
def test_types_beside_a_parenchymal_bleed_with_some_ventricular_blood(said, found):
    assert compare_types({IPH, IVH}, {IPH}, said) is found


def test_a_truth_without_types_is_refused():
    with pytest.raises(ValueError, match="main type"):
        compare_types(set(), set(), {IPH})


@given(sides, sides)
def test_truth_and_pre_read_may_be_exchanged(true, said):
    assert compare_places(true, said) is compare_places(said, true)


@given(st.lists(volumes_ml, min_size=1, max_size=5))
def test_the_same_outline_is_everywhere(volumes):
    same = tuple(LesionMatch(volume_ml, volume_ml) for volume_ml in volumes)
    assert compare_places(same, same) is Place.EVERYWHERE


@given(sides, st.lists(volumes_ml, max_size=4))
def test_touching_one_more_lesion_never_makes_a_place_worse(said, volumes):
    missed = tuple(LesionMatch(volume_ml, 0.0) for volume_ml in volumes)
    for number, one in enumerate(missed):
        touched = (
            *missed[:number],
            LesionMatch(one.volume_ml, one.volume_ml),
            *missed[number + 1 :],
        )
        assert compare_places(touched, said) >= compare_places(missed, said)


@pytest.mark.parametrize(
    ("true", "said", "place"),
    [
        pytest.param([(10, 8)], [(9, 8)], Place.EVERYWHERE, id="one on one"),
        pytest.param([(10, 0)], [(9, 0)], Place.NOWHERE, id="the other side"),
        pytest.param([(10, 8)], [], Place.SOMEWHERE, id="impossible, but not everywhere"),
        pytest.param([(10, 0)], [], Place.NOWHERE, id="nothing outlined"),
        pytest.param([(10, 8), (10, 0)], [(9, 8)], Place.SOMEWHERE, id="one of two sides"),
        pytest.param([(10, 8), (2, 0)], [(9, 8)], Place.EVERYWHERE, id="a crumb is missing"),
        pytest.param([(10, 8)], [(9, 8), (9, 0)], Place.SOMEWHERE, id="as much beside it"),
        pytest.param([(100, 4)], [(90, 4)], Place.NOWHERE, id="a graze is no touch"),
        pytest.param([(1, 1)] + [(1, 0)] * 9, [(1, 1)], Place.SOMEWHERE, id="one of ten crumbs"),
    ],
)
def test_places(true, said, place):
    def matches(pairs):
        return tuple(LesionMatch(volume_ml, shared_ml) for volume_ml, shared_ml in pairs)

    assert compare_places(matches(true), matches(said)) is place


def test_the_main_type_is_the_one_with_the_most_blood_and_a_tie_is_shared():
    assert main_types({IPH, IVH}, np.array([2.0, 0, 3, 9, 0])) == {IVH}
    assert main_types({IPH, IVH}, np.zeros(5)) == {IPH, IVH}
    assert main_types(set(), np.zeros(5)) == set()
