"""The way of one volume, with a predictor that sees what was painted."""

from dataclasses import replace

import numpy as np
import pytest

from ml.model_slices import interior_of, to_model
from ml.novelty import fit_reference
from ml.pipeline import DEMONSTRATOR, read_bleeds
from ml.prediction import Members
from ml.quality import measure
from preread.dicom.volume import to_radiological
from preread.regions import coarse_region
from preread.terms import HemorrhageType, Laterality, Level, Region
from tests.support.heads import Ball, Head, bundle, head, seeing, volume_of

IPH, SDH, IVH, SAH, EDH = (HemorrhageType(name) for name in ("IPH", "SDH", "IVH", "SAH", "EDH"))
BUNDLE = bundle()
LEFT_DEEP = Ball((0, -15, 25), 16, IPH)


def assess(one, certainty=0.95, chosen=BUNDLE):
    return read_bleeds(one.volume, seeing(one, chosen, certainty), chosen)


def painted_ml(one):
    return float(((one.kinds > 0).sum(axis=(1, 2)) * one.volume.voxel_ml).sum())


def test_a_bleed_comes_out_with_its_kind_side_place_and_millilitres():
    one = head(LEFT_DEEP)
    assessment = assess(one)
    (finding,) = assessment.findings
    assert assessment.level is Level.CRITICAL
    assert finding.kind is IPH
    assert finding.places[0].laterality is Laterality.LEFT
    assert coarse_region(finding.places[0].region) is Region.DEEP_HEMISPHERE
    assert finding.volume_ml == pytest.approx(painted_ml(one), rel=0.03)
    assert finding.density.mean_hu == pytest.approx(65, abs=0.5)


def test_a_quiet_head_is_none_without_findings_or_volume():
    assessment = assess(head())
    assert assessment.level is Level.NONE
    assert assessment.findings == ()
    assert assessment.lesions == ()
    assert assessment.total_volume_ml is None
    assert assessment.total_volume_ml_reason
    assert not assessment.mask.any()
    assert len(assessment.key_slices) == 1


def test_five_kinds_in_one_head_are_five_findings():
    centers = [(20, -40, 30), (20, 40, 30), (20, -40, -30), (20, 40, -30), (-20, 0, 30)]
    kinds = (IPH, SDH, IVH, SAH, EDH)
    one = head(*(Ball(c, 11, k) for c, k in zip(centers, kinds, strict=True)))
    assessment = assess(one)
    assert {finding.kind for finding in assessment.findings} == set(kinds)
    assert len(assessment.lesions) == 5
    assert len(assessment.key_slices) <= 5


def test_two_bleeds_of_one_kind_are_one_finding_with_two_places():
    one = head(Ball((10, 0, 25), 12, IPH), Ball((10, 0, -25), 12, IPH))
    (finding,) = assess(one).findings
    assert finding.lesion_indices == (0, 1)
    assert finding.places[0].laterality is Laterality.BILATERAL


def test_one_lesion_of_two_kinds_is_split_between_them():
    one = head(Ball((10, -10, 25), 18, IPH), Ball((10, 24, 25), 18, IVH))
    assessment = assess(one)
    (lesion,) = assessment.lesions
    assert set(lesion.kinds) == {IPH, IVH}
    assert sum(lesion.kind_shares) == pytest.approx(1)
    volumes = [finding.volume_ml for finding in assessment.findings]
    assert sum(volumes) == pytest.approx(lesion.volume_ml)


@pytest.mark.parametrize(("rows", "columns"), [(1, -1), (-1, 1), (-1, -1)])
def test_turned_images_leave_left_on_the_left(rows, columns):
    """The same head stored upside down or mirrored, with a matching affine."""
    one = head(LEFT_DEEP)
    volume = one.volume
    affine = volume.affine.copy()
    origin = np.zeros(3)
    for axis, sign in ((1, rows), (2, columns)):
        if sign < 0:
            origin += affine[:3, axis] * (volume.hu.shape[axis] - 1)
            affine[:3, axis] *= -1
    affine[:3, 3] += origin
    turned = replace(
        volume,
        hu=np.ascontiguousarray(volume.hu[:, ::rows, ::columns]),
        affine=affine,
        positions_mm=volume.positions_mm + origin,
    )
    assessment = read_bleeds(turned, seeing(one, BUNDLE), BUNDLE)
    assert assessment.findings[0].places[0].laterality is Laterality.LEFT
    assert to_radiological(turned).hu[assessment.mask].mean() == pytest.approx(65, abs=0.5)


def test_thin_slices_give_the_volume_of_thick_ones_and_their_own_indices():
    thick, thin = head(LEFT_DEEP), head(LEFT_DEEP, slices=128, thickness_mm=1.25)
    assessment = assess(thin)
    assert assessment.mask.shape[0] == 128
    assert assessment.slice_probabilities.shape == (128, 5)
    assert assessment.findings[0].volume_ml == pytest.approx(painted_ml(thick), rel=0.1)
    span = assessment.findings[0].slices
    assert span.first < span.peak < span.last
    # The painted ball begins 18 mm below its center, (15.5·5 + 10 − 18) mm up: slice 56.
    assert span.first == pytest.approx(56, abs=4)


def test_uneven_slices_count_with_their_own_thickness():
    one = head(LEFT_DEEP)
    thickness = np.where(np.arange(32) < 16, 4.0, 7.0)
    uneven = replace(one, volume=volume_of(one.volume.hu, 1.4, thickness))
    (finding,) = assess(uneven).findings
    assert finding.volume_ml == pytest.approx(painted_ml(uneven), rel=0.03)


def test_blood_outside_the_skull_is_not_intracranial():
    one = head(Ball((0, 0, 0), 10, IPH))
    kinds = one.kinds.copy()
    kinds[14:18, 5:15, 70:90] = 1
    assessment = assess(replace(one, kinds=kinds))
    assert len(assessment.lesions) == 1
    assert assessment.total_volume_ml == pytest.approx(painted_ml(one), rel=0.1)


def test_suspicion_without_an_outline_is_a_finding_without_a_volume():
    one = head(Ball((0, 0, 0), 10, SAH))
    predictor = seeing(one, BUNDLE, 0.8)

    class Blind:
        device, precision = "none", "exact"

        def predict(self, slices):
            prediction = predictor.predict(slices)
            return prediction._replace(mask_probabilities=0 * prediction.mask_probabilities)

    assessment = read_bleeds(one.volume, Blind(), BUNDLE)
    (finding,) = assessment.findings
    assert assessment.level is Level.SUSPECTED
    assert finding.kind is SAH
    assert finding.volume_ml is None
    assert finding.volume_ml_reason
    assert finding.places == ()
    assert finding.places_reason
    assert finding.slices is None


def opened_skull():
    """A head without blood, whose skull is open on the left of the vault."""
    one = head()
    hu = one.volume.hu.copy()
    side = hu[16:26, :, 85:]
    side[side > 200] = 35.0
    return replace(one, volume=replace(one.volume, hu=hu))


def test_an_open_skull_is_indeterminate_where_the_networks_say_none():
    assessment = assess(opened_skull())
    assert assessment.level is Level.INDETERMINATE
    assert assessment.lifted_by == ("SKULL_OPEN",)
    assert assessment.findings == ()
    assert assessment.total_volume_ml is None


def test_a_flag_leaves_a_level_above_none_as_it_is():
    one = head(LEFT_DEEP)
    child = read_bleeds(one.volume, seeing(one, BUNDLE), BUNDLE, patient_age_years=9)
    assert "PEDIATRIC" in child.warnings
    assert child.level is assess(one).level
    assert child.lifted_by == ()


class Ensemble:
    """Sees what was painted; its members say what they are told, on every slice."""

    device, precision = "none", "exact"

    def __init__(self, one, *members):
        self.seeing, self.members = seeing(one, BUNDLE), members

    def predict(self, slices):
        prediction = self.seeing.predict(slices)
        kinds = prediction.kind_probabilities
        said = [np.full_like(kinds, 1 - (1 - p) ** (1 / kinds.shape[1])) for p in self.members]
        drawn = np.stack([prediction.mask_probabilities.astype(np.float16)] * len(said))
        return prediction._replace(members=Members(np.stack(said), drawn))


def test_an_ensemble_gives_an_interval_around_the_probability():
    one = head(LEFT_DEEP)
    found = read_bleeds(one.volume, Ensemble(one, 0.9, 0.95, 0.97), BUNDLE)
    low, high = found.interval95
    assert low <= found.probability <= high
    assert found.interval95_reason is None


def test_networks_that_disagree_forbid_to_say_none():
    one = head()
    agreed = read_bleeds(one.volume, Ensemble(one, 0.04, 0.05, 0.06), BUNDLE)
    split = read_bleeds(one.volume, Ensemble(one, 0.03, 0.05, 0.7), BUNDLE)
    assert agreed.level is Level.NONE
    assert split.level is Level.INDETERMINATE
    assert split.lifted_by == ("NETWORKS_DISAGREE",)


def test_a_head_far_from_the_reference_patients_is_never_none():
    measures = replace(quality_of(head()), grain=0.7)  # without noise there is none to measure
    usual = fit_reference([measures], "one head")
    strange = fit_reference([replace(measures, skull_hu=4000.0)], "no head")
    near, far = (
        replace(BUNDLE, manifest=BUNDLE.manifest.model_copy(update={"reference": reference}))
        for reference in (usual, strange)
    )
    assert assess(head(), chosen=near).ood_score == 0
    assert assess(head(), chosen=near).level is Level.NONE
    assert assess(head(), chosen=far).ood_score > 0.5
    assert assess(head(), chosen=far).lifted_by == ("UNUSUAL_IMAGES",)


def quality_of(one):
    slices = to_model(to_radiological(one.volume), BUNDLE.manifest)
    interior = interior_of(slices.hu, BUNDLE.manifest.network.spacing_mm)
    return measure(slices.hu, interior, slices.thickness_mm)


def test_every_null_has_its_reason():
    for one in (head(), head(LEFT_DEEP)):
        assessment = assess(one)
        for reading in (assessment, *assessment.findings):
            names = [
                name
                for name in reading.__dataclass_fields__
                if f"{name}_reason" in reading.__dataclass_fields__
            ]
            assert names
            for name in names:
                value = getattr(reading, name)
                missing = value is None or value == ()
                assert missing == bool(getattr(reading, f"{name}_reason"))


def test_a_demonstrator_says_so_with_every_assessment():
    assert DEMONSTRATOR in assess(head(), chosen=bundle(demonstrator=True)).warnings
    assert DEMONSTRATOR not in assess(head()).warnings


def soft_ball():
    grid = np.stack(
        np.meshgrid(*[np.linspace(-1, 1, size) for size in (32, 160, 160)], indexing="ij")
    )
    return np.where((grid**2).sum(0) < 0.8, 40.0, -1000.0).astype(np.float32)


@pytest.mark.parametrize(
    "hu",
    [
        pytest.param(np.full((32, 160, 160), -1000, np.float32), id="air"),
        pytest.param(soft_ball(), id="a soft ball without bone"),
    ],
)
def test_what_has_no_skull_is_said_to_have_none(hu):
    volume = volume_of(hu, 1.4, np.full(32, 5.0))
    assessment = assess(Head(volume, np.zeros(hu.shape, np.uint8)))
    assert {"NO_SKULL_FOUND", "LOCATION_LOW_CONFIDENCE"} <= set(assessment.warnings)


def test_a_head_has_a_skull():
    assert "NO_SKULL_FOUND" not in assess(head()).warnings


@pytest.mark.parametrize(("age", "unsure"), [(9, True), (40, False), (None, False)])
def test_places_are_less_certain_in_a_head_unlike_those_that_they_were_learned_from(age, unsure):
    one = head(LEFT_DEEP)
    said = read_bleeds(one.volume, seeing(one, BUNDLE), BUNDLE, patient_age_years=age)
    assert ("LOCATION_LOW_CONFIDENCE" in said.warnings) is unsure


def test_the_same_volume_gives_the_same_assessment():
    one = head(LEFT_DEEP)
    first, second = assess(one), assess(one)
    assert first.findings == second.findings
    assert first.probability == second.probability
    assert (first.mask == second.mask).all()


def test_the_key_slices_show_the_peaks_of_the_lesions():
    one = head(LEFT_DEEP, Ball((-20, 40, -30), 12, SDH))
    assessment = assess(one)
    assert [key.slice for key in assessment.key_slices] == [
        lesion.slices.peak for lesion in assessment.lesions
    ]
    assert assessment.key_slices[0].kinds == (IPH,)
    assert all(key.has_outline for key in assessment.key_slices)
