"""Where bleeds lie: textbook places in a straight head, and what is said of any blood."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.findings import CONTRADICTED
from ml.pipeline import read_bleeds
from ml.places.analytic import AnalyticPlaceReader
from ml.places.blood import ANALYTIC, PlaceNamer, place_blood
from ml.places.kinds import place_evidence
from ml.places.naming import PlacedVoxels, name_places
from ml.places.reading import CellPlaces
from ml.places.upright import cell_pixels, cells_of, nearest_bone_mm
from ml.scoring import Calibration
from preread.regions import COMPARTMENTS_OF_TYPE, FINE_REGIONS, REGION
from preread.terms import KINDS, Compartment, HemorrhageType, Laterality, Region
from tests.support.heads import Ball, bundle, head, seeing, standing

IPH, SDH, IVH, SAH, EDH = (HemorrhageType(name) for name in ("IPH", "SDH", "IVH", "SAH", "EDH"))
BUNDLE = bundle()


@pytest.fixture(scope="module")
def straight():
    return standing(head().volume.hu)


def named(straight, kind, mni, namer=ANALYTIC):
    """Name a cloud of voxels 2 mm wide around a point of MNI space: right, front, up."""
    upright, frame = straight
    right, front, up = mni
    from_middle = np.array(
        [(up - 86) * 170 / 178 + 75, (-18 - front) * 170 / 178, -right * 170 / 178]
    )
    spread = np.random.default_rng(0).normal(scale=1.0, size=(100, 3))
    placed = (from_middle + spread) / np.array([5.0, 1.4, 1.4]) + np.array([15.5, 79.5, 79.5])
    placed[:, 0] = placed[:, 0].round()
    blood = place_blood(upright, frame, placed, np.full(100, 1.96), namer)
    return name_places(kind, blood.voxels(placed, np.ones(100)), blood.cells, blood.calibration)


@pytest.mark.parametrize(
    ("kind", "mni", "region"),
    [
        pytest.param(IPH, (-27, 2, 2), Region.PUTAMEN, id="putamen"),
        pytest.param(IPH, (-11, -18, 7), Region.THALAMUS, id="thalamus"),
        pytest.param(IPH, (-35, 40, 25), Region.FRONTAL_LOBE, id="frontal"),
        pytest.param(IPH, (-40, -45, 45), Region.PARIETAL_LOBE, id="parietal"),
        pytest.param(IPH, (-52, -10, -20), Region.TEMPORAL_LOBE, id="temporal"),
        pytest.param(IPH, (-20, -92, 5), Region.OCCIPITAL_LOBE, id="occipital"),
        pytest.param(IPH, (-30, -62, -35), Region.CEREBELLAR_HEMISPHERE, id="cerebellum"),
        pytest.param(IVH, (-10, 22, 8), Region.FRONTAL_HORN, id="frontal horn"),
        pytest.param(IVH, (-25, -42, 8), Region.ATRIUM, id="atrium"),
        pytest.param(SAH, (-45, 25, 50), Region.FRONTAL_SULCI, id="frontal sulci"),
        pytest.param(SDH, (-58, 25, 40), Region.FRONTAL_CONVEXITY, id="frontal crescent"),
        pytest.param(EDH, (-68, -15, 0), Region.TEMPORAL_CONVEXITY, id="temporal lens"),
        pytest.param(EDH, (-35, -95, -30), Region.POSTERIOR_FOSSA, id="posterior fossa"),
    ],
)
@pytest.mark.parametrize("side", [Laterality.LEFT, Laterality.RIGHT])
def test_textbook_places_get_their_names_on_either_side(straight, kind, mni, region, side):
    right, front, up = mni
    place = named(straight, kind, (right if side is Laterality.LEFT else -right, front, up))[0]
    assert (place.region, place.laterality) == (region, side)


def test_what_lies_in_the_middle_is_of_the_midline(straight):
    place = named(straight, IPH, (0, -24, -30))[0]
    assert (place.region, place.laterality) == (Region.PONS, Laterality.MIDLINE)


@pytest.mark.parametrize("turn_deg", [0.0, 14.0])
def test_an_upright_head_has_its_cells_where_its_axes_say(turn_deg):
    _, frame = standing(head(turn_deg=turn_deg).volume.hu)
    at = cell_pixels(frame, 15)[:, 10:70:7, 8:56:5].reshape(2, -1)
    back = cells_of(frame, np.column_stack([np.full(at.shape[1], 15.0), *at]))
    rows, columns = np.meshgrid(np.arange(10, 70, 7), np.arange(8, 56, 5), indexing="ij")
    assert back[:, 1:].tolist() == np.column_stack([rows.ravel(), columns.ravel()]).tolist()


@pytest.mark.parametrize("center", [(20, -30, 35), (-15, 30, -40), (35, 10, 12)])
def test_a_mirrored_head_has_mirrored_places(center):
    up, back, left = center
    pairs = []
    for across in (left, -left):
        one = head(Ball((up, back, across), 12, IPH))
        pairs.append(read_bleeds(one.volume, seeing(one, BUNDLE), BUNDLE).findings[0].places)
    other = {Laterality.LEFT: Laterality.RIGHT, Laterality.RIGHT: Laterality.LEFT}
    assert [place.region for place in pairs[0]] == [place.region for place in pairs[1]]
    assert [other[place.laterality] for place in pairs[0]] == [p.laterality for p in pairs[1]]
    assert [place.share_of_volume for place in pairs[0]] == pytest.approx(
        [place.share_of_volume for place in pairs[1]], abs=0.05
    )


def read_at(left_mm, shares):
    """One voxel in each of some cells, all read alike."""
    count = len(left_mm)
    regions = np.array([[shares.get(one, 0.0) for one in FINE_REGIONS]] * count, np.float32)
    alike = np.full((count, 4), 0.25, np.float32)
    cells = CellPlaces(regions, alike, np.array(left_mm, np.float32))
    return cells, PlacedVoxels(np.arange(count), np.array(left_mm, float), np.ones(count))


@given(seed=st.integers(0, 10_000), kind=st.sampled_from(HemorrhageType))
@settings(max_examples=40, deadline=None)
def test_shares_and_probabilities_of_any_blood_are_such(seed, kind):
    random = np.random.default_rng(seed)
    regions = random.dirichlet(np.full(len(FINE_REGIONS), 0.1), 30).astype(np.float32)
    cells = CellPlaces(
        regions,
        random.dirichlet(np.ones(4), 30).astype(np.float32),
        random.normal(0, 30, 30).astype(np.float32),
    )
    voxels = PlacedVoxels(
        random.integers(30, size=200), random.normal(0, 30, 200), random.uniform(0.01, 1, 200)
    )
    found = name_places(kind, voxels, cells, Calibration(-0.5, (1.3,)))
    shares = [place.share_of_volume for place in found]
    assert 0 < sum(shares) <= 1.001 * max(len(shares), 1)
    assert sum(shares) <= 1.005
    assert all(0 <= place.probability <= 1 for place in found)
    assert {REGION[place.region].compartment for place in found} <= COMPARTMENTS_OF_TYPE[kind]


def test_the_first_place_is_of_the_group_with_most_though_a_lobe_has_more_than_any_nucleus():
    shares = {
        Region.TEMPORAL_LOBE: 0.4, Region.PUTAMEN: 0.24, Region.THALAMUS: 0.28, Region.CAUDATE: 0.08,
    }  # fmt: skip
    cells, voxels = read_at([20.0], shares)
    found = [place.region for place in name_places(IPH, voxels, cells, None)]
    assert found == [Region.THALAMUS, Region.PUTAMEN, Region.TEMPORAL_LOBE]


@pytest.mark.parametrize(
    ("left_mm", "said"),
    [
        pytest.param(-2.0, (Region.THIRD_VENTRICLE, Laterality.MIDLINE), id="midline"),
        pytest.param(-14.0, (Region.ATRIUM, Laterality.RIGHT), id="beside it"),
    ],
)
def test_no_blood_of_the_midline_lies_in_an_atrium(left_mm, said):
    shares = {Region.ATRIUM: 0.6, Region.THIRD_VENTRICLE: 0.4}
    cells, voxels = read_at(left_mm + np.linspace(-1, 1, 9), shares)
    first = name_places(IVH, voxels, cells, None)[0]
    assert (first.region, first.laterality) == said


def test_where_nothing_but_an_atrium_was_read_it_is_named_at_the_midline_too():
    cells, voxels = read_at([-1.0, 0.5, 1.0], {Region.ATRIUM: 1.0})
    (place,) = name_places(IVH, voxels, cells, None)
    assert (place.region, place.share_of_volume) == (Region.ATRIUM, 1.0)


def test_geometry_speaks_for_no_type():
    told = place_evidence(np.full((3, 4), 0.25), np.array([1.0, 11.0, 40.0]))
    np.testing.assert_allclose(np.concatenate(told), 0.0, atol=1e-12)


@pytest.mark.parametrize(
    ("depth_mm", "deep"),
    [
        pytest.param(-1.0, 0.0, id="in the inner table"),
        pytest.param(3.0, 0.0, id="at the skull"),
        pytest.param(11.5, 0.5, id="between"),
        pytest.param(50.0, 1.0, id="deep"),
    ],
)
def test_what_a_place_says_is_of_the_skull_or_of_the_depth(depth_mm, deep):
    compartments = np.array([[0.1, 0.8, 0.06, 0.04]])
    told = place_evidence(compartments, np.array([depth_mm]))
    whole = told.near_skull + told.deep
    np.testing.assert_allclose(told.deep, deep * whole)
    best = int(whole.argmax())
    assert COMPARTMENTS_OF_TYPE[KINDS[best]] == {tuple(Compartment)[1]}
    assert whole[0, best] == pytest.approx(np.log(0.8 * 4))


def test_the_nearest_bone_may_lie_above(straight):
    upright, _ = straight
    nearest_mm, depth_mm = nearest_bone_mm(upright), upright.depth_mm
    inside = depth_mm > 0
    assert (nearest_mm[inside] <= depth_mm[inside] + 1e-3).all()
    top = int(np.flatnonzero(inside.any(axis=(1, 2)))[-1])
    assert depth_mm[top].max() > 15 > nearest_mm[top].max() > 0
    middle = len(depth_mm) // 2
    assert nearest_mm[middle].max() > 40
    assert (nearest_mm[~inside] == 0).all()


class Moved:
    """Holds the head for one that lies farther to one side than its axes say."""

    def __init__(self, left_mm):
        self._left_mm = left_mm

    def read(self, upright, cells, blood):
        read = AnalyticPlaceReader().read(upright, cells, blood)
        return read._replace(left_mm=read.left_mm + np.float32(self._left_mm))


@pytest.mark.parametrize(
    ("moved_mm", "side"),
    [(0.0, Laterality.LEFT), (-14.0, Laterality.RIGHT)],
)
def test_a_finding_and_its_lesion_have_the_side_that_was_read(moved_mm, side):
    one = head(Ball((20, -20, 7), 6, IPH))
    namer = PlaceNamer(Moved(moved_mm), None)
    said = read_bleeds(one.volume, seeing(one, BUNDLE), BUNDLE, namer=namer)
    assert {place.laterality for place in said.findings[0].places} == {side}
    assert said.lesions[0].laterality is side


class Ventricular:
    """Finds all blood in the ventricles."""

    def read(self, upright, cells, blood):
        read = AnalyticPlaceReader().read(upright, cells, blood)
        compartments = np.full_like(read.compartments, 0.02)
        compartments[:, tuple(Compartment).index(Compartment.VENTRICULAR)] = 0.94
        return replace_compartments(read, compartments)


def replace_compartments(read, compartments):
    return read._replace(compartments=compartments)


def test_a_place_that_contradicts_the_type_turns_it_and_leaves_the_study_as_it_is():
    one = head(Ball((10, 0, 15), 14, EDH))
    predictor = Undecided(one)
    by_geometry = read_bleeds(one.volume, predictor, BUNDLE)
    by_place = read_bleeds(
        one.volume, predictor, BUNDLE, namer=PlaceNamer(Ventricular(), Calibration(0.0, (1.0,)))
    )
    assert by_geometry.findings[0].kind is EDH
    assert by_place.lesions[0].kinds == (IVH,)
    assert by_place.probability == by_geometry.probability
    assert by_place.level is by_geometry.level
    assert by_place.findings[0].places[0].probability is not None


@pytest.mark.parametrize(
    ("center_mm", "on_map", "named"),
    [
        pytest.param((10, 0, 22), 0.4, False, id="deep"),
        pytest.param((10, 0, 22), 0.6, True, id="deep, but rather of its type"),
        pytest.param((10, 0, 62), 0.4, True, id="at the skull"),
    ],
)
def test_a_deep_bleed_whose_place_contradicts_an_unsure_type_has_no_place(center_mm, on_map, named):
    one = head(Ball(center_mm, 6, EDH))
    by_map = {"place_power": 0.0, "slice_power": 0.0}
    deaf = BUNDLE.manifest.rules.naming.model_copy(update=by_map)
    rules = BUNDLE.manifest.rules.model_copy(update={"naming": deaf})
    chosen = replace(BUNDLE, manifest=BUNDLE.manifest.model_copy(update={"rules": rules}))
    namer = PlaceNamer(Ventricular(), Calibration(0.0, (1.0,)))
    said = read_bleeds(one.volume, Undecided(one, (on_map, 0.3)), chosen, namer=namer)
    (lesion,) = said.lesions
    (finding,) = [one for one in said.findings if one.kind is EDH]
    assert lesion.kinds == (EDH,)
    assert bool(finding.places) is named
    assert finding.places_reason == (None if named else CONTRADICTED)
    assert lesion.laterality is Laterality.LEFT


def test_shares_are_of_the_whole_finding_though_a_part_of_it_contradicts_its_type():
    cells, voxels = read_at([20.0] * 4, {Region.PUTAMEN: 1.0})
    (place,) = name_places(IPH, voxels, cells, None, np.array([True, False, False, False]))
    assert (place.region, place.share_of_volume) == (Region.PUTAMEN, 0.75)


class Undecided:
    """Sees the bleed, and holds it for epidural a little more than for intraventricular."""

    device, precision = "none", "exact"

    def __init__(self, one, on_map=(0.6, 0.4)):
        self._seen = seeing(one, BUNDLE)
        self._on_map = on_map

    def predict(self, slices):
        said = self._seen.predict(slices)
        epidural, ventricular = KINDS.index(EDH), KINDS.index(IVH)
        kinds = said.kind_probabilities.copy()
        kinds[:, ventricular] = 0.8 * kinds[:, epidural]
        maps = np.zeros_like(said.kind_maps)
        maps[:, epidural], maps[:, ventricular] = self._on_map
        maps[:, KINDS.index(SAH)] = 1 - sum(self._on_map)
        return said._replace(kind_probabilities=kinds, kind_maps=maps)
