"""What a synthetic head was drawn with and its files do not tell: thickness and shift in mm.

Draws the same shapes from the same seed as :func:`preread.dicom.phantom.make_head`.
"""

from dataclasses import dataclass

import numpy as np

from preread.dicom.phantom import Phantom
from preread.dicom.phantom_bleeds import Bleed, cut_at_volume
from preread.dicom.phantom_outside import displace, grow_outside
from preread.dicom.phantom_scanner import MATRIX, place_head
from preread.dicom.phantom_skull import draw_form, lay_shells
from tests.support.heads import Head, volume_of

# Half sides, in mm of the head's axes, of the part of the mid-sagittal plane that holds the
# septum pellucidum, and its center.
SEPTUM_MM = np.array([0.6, 22.0, 8.0])
SEPTUM_AT_MM = np.array([0.0, -10.0, 13.0])


@dataclass(frozen=True)
class Truth:
    """Of a head with one bleed outside the brain.

    Attributes
    ----------
    thickness_mm
        The greatest depth of blood under the inner table.
    shift_mm
        Mean place of the septum, positive to the patient's left.
    """

    thickness_mm: float
    shift_mm: float


def truth_of(seed: int, bleed: Bleed, slices: int = 32) -> Truth:
    """Return the truth about ``make_head(seed, [bleed], slices)``."""
    shape_rng, _, blood_rng, _ = np.random.default_rng(seed).spawn(4)
    form = draw_form(shape_rng)
    grid, frame = place_head(shape_rng, slices)
    shells = lay_shells(frame, form)
    growth = grow_outside(bleed, frame, shells, blood_rng)
    untaken = np.zeros((slices, MATRIX, MATRIX), np.uint8)[:, grid.rows, grid.columns]
    cut, _ = cut_at_volume(growth, bleed.volume_ml, grid.voxel_ml, untaken)
    pushed = displace(frame, shells, growth, cut, bleed.side)
    axes = np.stack([pushed.x, pushed.y, pushed.z], axis=-1)
    septum = (np.abs(axes - SEPTUM_AT_MM) < SEPTUM_MM).all(axis=-1)
    return Truth(
        thickness_mm=float(shells.depth[growth.score < cut].max()),
        shift_mm=float(frame.x[septum].mean()),
    )


def as_head(phantom: Phantom) -> Head:
    """Return a phantom as a volume with its blood, for a predictor that sees it."""
    thickness = np.full(len(phantom.hu), phantom.thickness_mm)
    volume = volume_of(phantom.hu.astype(np.float32), phantom.row_mm, thickness)
    return Head(volume, phantom.mask)
