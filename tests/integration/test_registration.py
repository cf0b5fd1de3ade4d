"""Heads registered to a template: how well a known pose is found again, and what labels follow."""

import numpy as np
import pytest
from scipy import ndimage

from ml.geometry import mean_of_blocks
from ml.sources.ctich import read_ctich
from ml.training.places.head import Head
from ml.training.places.labels import label_head, left_mm_of
from ml.training.places.reference import build_reference
from ml.training.places.registration import Registrar
from ml.training.places.template import Template, read_atlas, read_template
from preread.dicom.phantom import make_head
from preread.dicom.volume import to_radiological

BLOCK = 4
LOWEST_MM = -72.0


@pytest.fixture(scope="module")
def phantom():
    """A synthetic head of 128 × 128 pixels."""
    made = make_head(11, slices=28)
    hu = mean_of_blocks(made.hu.astype(np.float32), BLOCK)
    return Head(hu, (made.thickness_mm, BLOCK * made.row_mm, BLOCK * made.column_mm))


def as_template(head):
    """The head as if its middle were that of MNI space, as smooth as a mean of many."""
    smooth = ndimage.gaussian_filter(head.hu, [3.4 / mm for mm in head.spacing_mm])
    hu = smooth.transpose(2, 1, 0)[::-1, ::-1]
    affine = np.diag([*head.spacing_mm[::-1], 1.0])
    affine[:3, 3] = [*(-(n - 1) / 2 * mm for n, mm in zip(hu.shape, np.diag(affine), strict=False))]
    affine[2, 3] = LOWEST_MM
    return Template(np.ascontiguousarray(hu), affine)


def posed(head, pose):
    """The head as a scanner sees it after (4, 4) ``pose``, mm to mm, took it back."""
    voxels = np.linalg.inv(head.affine) @ pose @ head.affine
    moved = ndimage.affine_transform(
        head.hu, voxels[:3, :3], voxels[:3, 3], order=1, mode="constant", cval=-1000.0
    )
    return Head(moved, head.spacing_mm)


def turn(axis, degrees):
    """(4, 4) rotation about x, y or z of a head's mm."""
    matrix = np.eye(4)
    first, second = ((1, 2), (2, 0), (0, 1))[axis]
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    matrix[np.ix_((first, second), (first, second))] = [[cosine, -sine], [sine, cosine]]
    return matrix


def about_the_middle(matrix):
    """The same, about a point 80 mm above the first slice, and a shift."""
    middle = np.eye(4)
    middle[2, 3] = 80.0
    shift = np.eye(4)
    shift[:3, 3] = (6.0, -9.0, 4.0)
    return shift @ middle @ matrix @ np.linalg.inv(middle)


@pytest.mark.slow
def test_a_known_pose_is_found_again_within_two_millimeters_and_two_degrees(phantom):
    template = as_template(phantom)
    pose = about_the_middle(turn(2, 14) @ turn(0, 9) @ np.diag([1.06, 0.97, 1.03, 1.0]))
    registrar = Registrar(template, coarse_mm=12.0, fine_mm=6.0)
    fit = registrar.register(posed(phantom, pose))
    _, to_mni = template.as_head()
    true = to_mni @ np.linalg.inv(phantom.affine) @ pose @ phantom.affine
    brain = np.argwhere((phantom.hu > 20) & (phantom.hu < 50))[::50]
    error = (fit.to_mni - true)[:3] @ np.column_stack([brain, np.ones(len(brain))]).T
    assert np.linalg.norm(error, axis=0).mean() < 2.0
    found, wanted = (rotation_of(one, phantom.spacing_mm) for one in (fit.to_mni, true))
    angle = np.arccos(np.clip((np.trace(found @ wanted.T) - 1) / 2, -1, 1))
    assert np.rad2deg(angle) < 2.0
    assert fit.loss < -0.9


def rotation_of(to_mni, spacing_mm):
    """The rotation nearest to an affine."""
    left, _, right = np.linalg.svd(to_mni[:3, :3] / np.array(spacing_mm))
    return left @ right


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_patient_and_its_mirror_image_have_mirrored_places(shared_data):
    folder = shared_data / "atlas"
    regions = folder / "regions31"
    reference = build_reference(
        read_atlas(regions / "atlas_template_space.nii.gz", regions / "atlas_labels.csv")
    )
    study = next(read_ctich(shared_data / "ct-ich"))
    hu = mean_of_blocks(to_radiological(study.volume).hu, 5)
    heads = [Head(one, (5.0, 1.75, 1.75)) for one in (hu, np.ascontiguousarray(hu[..., ::-1]))]
    registrar = Registrar(read_template(folder / "scct.nii"), coarse_mm=12.0, fine_mm=6.0)
    fits = [registrar.register(head) for head in heads]
    labels = [
        label_head(head, fit.to_mni, reference) for head, fit in zip(heads, fits, strict=True)
    ]
    assert max(fit.loss for fit in fits) < -0.75
    inside = np.broadcast_to(((hu > 0) & (hu < 80))[:, None], labels[0].shape)
    assert (labels[0] == labels[1][..., ::-1])[inside].mean() > 0.95
    left = [left_mm_of(head, fit.to_mni) for head, fit in zip(heads, fits, strict=True)]
    assert np.abs(left[0] + left[1][..., ::-1])[inside[:, 0]].mean() < 2.0
