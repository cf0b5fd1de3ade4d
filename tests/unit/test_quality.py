"""Each fault painted into a phantom raises its own flag, and a plain phantom raises none."""

from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from ml.crop import dilated
from ml.gates import ImageFlag, image_flags
from ml.model_slices import interior_of, to_model
from ml.quality import Measures, measure
from preread.dicom.phantom import make_head
from preread.dicom.volume import to_radiological
from tests.support.heads import AIR_HU, head, manifest, volume_of

SPACING_MM = 0.45


@cache
def phantom():
    """A synthetic head on the model's grid, (32, 512, 512) HU; not to be written to."""
    one = make_head(1)
    volume = volume_of(one.hu.astype(np.float32), one.row_mm, np.full(32, 5.0))
    hu = to_model(to_radiological(volume), manifest(size=512)).hu
    hu.setflags(write=False)
    return hu


def measured(hu, slab_mm=5.0) -> Measures:
    return measure(hu, interior_of(hu, SPACING_MM), np.full(len(hu), slab_mm))


def flags(hu, slab_mm=5.0, age=None):
    return set(image_flags(measured(hu, slab_mm), age))


def ball(hu, slices, center, radius, value):
    """Paint a disk of pixels into some slices of a copy."""
    painted = hu.copy()
    rows, columns = np.ogrid[: hu.shape[1], : hu.shape[2]]
    inside = (rows - center[0]) ** 2 + (columns - center[1]) ** 2 <= radius**2
    painted[slices, inside] = value
    return painted


def sharpened(hu):
    """Raise the fine detail, and with it noise and the swing at every edge, as a bone kernel does."""
    fine = hu - ndimage.gaussian_filter(hu, (0, 1.5, 1.5))
    return np.clip(hu + 4 * fine, -1024, 3071)


def noisy(hu, deviation_hu):
    noise = np.random.default_rng(0).standard_normal(hu.shape, dtype=np.float32)
    noise = ndimage.gaussian_filter(noise, (0, 0.9, 0.9))
    return hu + np.float32(deviation_hu) * noise / noise.std()


def with_vessels(hu, value_hu):
    """A ring of arteries, branches up both sides, and a vein in the middle; 4 to 5 ml."""
    painted = ball(hu, slice(15, 17), (256, 256), 34, value_hu)
    painted = ball(painted, slice(15, 17), (256, 256), 28, 30.0)
    for center in ((256, 215), (256, 297), (300, 256)):
        painted = ball(painted, slice(15, 24), center, 5, value_hu)
    return painted


def small(hu, factor):
    """The head in the plane of its slices, shrunk about the middle of the grid."""
    offset = (1 - 1 / factor) * (hu.shape[1] - 1) / 2
    return np.stack(
        [
            ndimage.affine_transform(
                one, [1 / factor] * 2, offset=offset, order=1, mode="constant", cval=AIR_HU
            )
            for one in hu
        ]
    )


def childs(hu):
    """A head of two thirds, whose skull is thinned from outside and softened."""
    shrunk = small(hu, 0.7)
    interior = interior_of(shrunk, SPACING_MM)
    near = dilated(interior.inside, 3).repeat(2, axis=1).repeat(2, axis=2)
    thin = np.where((shrunk > 150) & ~near, 40.0, shrunk)
    return np.where(thin > 300, 0.4 * thin + 180, thin).astype(np.float32)


def opened(hu):
    """Take the bone away from one side of the vault."""
    cut = hu.copy()
    side = cut[14:26, :, :200]
    side[side > 100] = 30.0
    return cut


def test_a_plain_phantom_raises_no_flag():
    assert flags(phantom()) == set()


def test_an_analytic_head_raises_no_flag():
    one = to_model(to_radiological(head().volume), manifest(size=512))
    assert flags(one.hu) == set()


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        pytest.param(
            lambda hu: ball(hu, slice(16, 18), (256, 256), 8, 3000.0),
            {ImageFlag.METAL, ImageFlag.POSTOPERATIVE_METAL},
            id="a clip in the brain",
        ),
        pytest.param(
            lambda hu: ball(hu, slice(2, 3), (120, 256), 8, 3000.0), {ImageFlag.METAL}, id="a tooth"
        ),
        pytest.param(
            lambda hu: with_vessels(hu, 300.0), {ImageFlag.CONTRAST_SUSPECTED}, id="arteries"
        ),
        pytest.param(
            lambda hu: with_vessels(hu, 140.0), {ImageFlag.CONTRAST_SUSPECTED}, id="late vessels"
        ),
        pytest.param(
            sharpened, {ImageFlag.SHARP_KERNEL, ImageFlag.HIGH_NOISE}, id="a sharp kernel"
        ),
        pytest.param(lambda hu: noisy(hu, 12.0), {ImageFlag.HIGH_NOISE}, id="noise"),
        pytest.param(lambda hu: hu[:-7], {ImageFlag.INCOMPLETE_COVERAGE}, id="no vertex"),
        pytest.param(lambda hu: hu[12:], {ImageFlag.INCOMPLETE_COVERAGE}, id="no base"),
        pytest.param(lambda hu: hu + 40.0, {ImageFlag.IMPLAUSIBLE_HU}, id="a wrong intercept"),
        pytest.param(lambda hu: hu / 2, {ImageFlag.IMPLAUSIBLE_HU}, id="a wrong slope"),
        pytest.param(opened, {ImageFlag.SKULL_OPEN}, id="a bone flap taken out"),
    ],
)
def test_a_fault_raises_its_own_flag_and_no_other(fault, raised):
    assert flags(fault(phantom())) == raised


def test_a_small_head_with_a_thin_soft_skull_looks_like_a_childs():
    assert flags(childs(phantom()), 3.5) == {ImageFlag.SMALL_SKULL, ImageFlag.PEDIATRIC_SUSPECTED}


def test_the_age_in_the_header_counts_where_the_skull_does_not_show_it():
    assert flags(phantom(), age=12) == {ImageFlag.PEDIATRIC}
    assert flags(phantom(), age=18) == set()


def test_added_noise_is_measured_within_a_fifth():
    for added in (6.0, 12.0):
        quiet, loud = measured(phantom()).noise_hu, measured(noisy(phantom(), added)).noise_hu
        assert loud == pytest.approx(np.hypot(quiet, added), rel=0.2)


def test_volume_and_thickness_of_an_analytic_skull_are_measured():
    found = measured(to_model(to_radiological(head().volume), manifest(size=512)).hu)
    ellipsoid_ml = 4 / 3 * np.pi * 7.5 * 8.5 * 6.5
    assert found.interior_ml == pytest.approx(ellipsoid_ml, rel=0.06)
    assert found.skull_mm == pytest.approx(8.0, abs=1.0)
    assert found.gray_hu == pytest.approx(35.0, abs=0.1)


def test_air_has_nothing_to_measure():
    found = measured(np.full((4, 512, 512), AIR_HU, np.float32))
    assert np.isnan(found.gray_hu)
    assert np.isnan(found.noise_hu)
