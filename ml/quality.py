"""What the voxels themselves tell of an image's fitness: noise, kernel, metal, contrast, skull, coverage.

Each measure is a number with a unit and no opinion; :mod:`ml.gates` says which are unusual.
Motion is not measured: no study of a head that moved was at hand to try a number on, and
from slice to slice of 5 mm the anatomy steps as well.
"""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.crop import BLOCK, VESSEL_HU, Crop, crop_to_head, dilated, eroded
from ml.intracranial import BONE_HU, TISSUE_HU, Interior

# Beyond the inner table partial volume of bone, sinuses and meninges is left behind.
DEEP_MM: Final = 5.0
# Iodine in a vessel: 200-400 HU in an arterial phase, above 100 in a late one, but for a clot
# (at most 80-90 HU, the hemoglobin of packed cells) and for bone and metal.
IODINE_HU: Final = (110.0, VESSEL_HU)
# Enamel and the densest petrous bone stay below 2500 HU; clips, screws and steel do not. A thin
# plate of titanium may, once it is averaged over a thick slice.
METAL_HU: Final = 2500.0
# Plates, screws, valves and leads lie within this of the inner table; dental work does not.
CRANIAL_MM: Final = 14.0
# Bone farther than this from the inner table is not the vault's.
SKULL_REACH_MM: Final = 14.0
# The rim and what lies beneath it, in mm inside the inner table.
RIM_MM: Final = (1.0, 2.7)
UNDER_RIM_MM: Final = 6.3
# Below this share of the head's largest outline the skull tapers off at the vertex.
TAPER_SHARE: Final = 0.6


@dataclass(frozen=True, slots=True)
class Measures:
    """Scalars of one head; NaN where there was nothing to measure.

    Attributes
    ----------
    gray_hu
        Upper quartile of HU deep inside the skull: gray matter, however wide the ventricles.
    noise_hu
        Standard deviation within small squares of even tissue, deep inside the skull.
    grain
        Correlation of neighboring pixels there: smooth kernels are near 1, sharp ones near
        0 or negative.
    rim_hu
        Median HU just inside the inner table less that of the brain under it: a sharp
        kernel swings below.
    iodine_ml
        Volume of vessel-bright voxels deep inside the vault; islands of bone would pass for
        vessels in the skull base.
    iodine_slices
        Slices that hold some of it.
    metal_ml, cranial_metal_ml
        Volume of metal in the head's slices; of this in or at the skull.
    interior_ml
        Volume inside the skull.
    skull_mm, skull_hu
        Mean thickness and mean HU of the vault.
    open_share
        Share of the slices of the vault whose skull does not close.
    top_share, bottom_share
        Area inside the skull on the last and the first slice, as a share of the largest.
    """

    gray_hu: float
    noise_hu: float
    grain: float
    rim_hu: float
    iodine_ml: float
    iodine_slices: float
    metal_ml: float
    cranial_metal_ml: float
    interior_ml: float
    skull_mm: float
    skull_hu: float
    open_share: float
    top_share: float
    bottom_share: float


NAMES: Final = tuple(field.name for field in fields(Measures))


def measure(
    hu: NDArray[np.float32], interior: Interior, thickness_mm: NDArray[np.float64]
) -> Measures:
    """Measure one head.

    Parameters
    ----------
    hu
        (N, size, size) float32 slabs on the model's grid, feet to head.
    interior
        Of ``hu``, on half its grid.
    thickness_mm
        (N,) of the slabs.
    """
    areas = interior.inside.sum(axis=(1, 2))
    if not areas.any():
        return Measures(*(float("nan"),) * len(NAMES))
    crop = crop_to_head(hu, interior, thickness_mm)
    deep = crop.eroded(DEEP_MM) & crop.closed[:, None, None]
    noise_hu, grain = noise_and_grain(crop.fine, deep)
    skull_mm, skull_hu = skull(crop)
    sound = crop.vault & ~interior.open_slices
    iodine = iodine_voxels(crop, deep & sound[:, None, None])
    metal = crop.fine > METAL_HU
    return Measures(
        gray_hu=_quantile(crop.coarse[deep], 0.75),
        noise_hu=noise_hu,
        grain=grain,
        rim_hu=rim(crop),
        iodine_ml=crop.volume_ml(iodine),
        iodine_slices=float(iodine.any(axis=(1, 2)).sum()),
        metal_ml=crop.volume_ml(metal),
        cranial_metal_ml=cranial_ml(crop, metal),
        interior_ml=crop.volume_ml(crop.inside),
        skull_mm=skull_mm,
        skull_hu=skull_hu,
        open_share=open_share(interior, crop),
        top_share=float(areas[-1] / areas.max()),
        # Where the skull base or a soft skull is open, what is inside the first slice is a guess.
        bottom_share=0.0 if interior.open_slices[0] else float(areas[0] / areas.max()),
    )


def noise_and_grain(fine: NDArray[np.float32], deep: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the noise in HU and the correlation of neighbors, in even squares of tissue.

    As in Christianson et al., AJR 2015;205:W93-W99, who read the noise of clinical images
    from the local deviations of soft tissue; the lower quartile stands for tissue without a
    border in it. Every other slice is read.
    """
    step = fine.shape[-1] // deep.shape[-1]
    side = BLOCK // step
    count, rows, columns = deep[::2].shape
    whole = deep[::2].reshape(count, rows // side, side, columns // side, side).all(axis=(2, 4))
    if not whole.any():
        return float("nan"), float("nan")
    blocks = fine[::2].reshape(count, rows // side, BLOCK, columns // side, BLOCK)
    chosen = blocks.transpose(0, 1, 3, 2, 4)[whole]
    chosen = chosen - chosen.mean(axis=(1, 2), keepdims=True)
    variance = (chosen**2).mean(axis=(1, 2))
    quiet = variance <= np.quantile(variance, 0.5)
    even = chosen[quiet]
    beside = ((even[:, :, 1:] * even[:, :, :-1]).mean() + (even[:, 1:] * even[:, :-1]).mean()) / 2
    power = float((even**2).mean())
    grain = float(beside) / power if power > 0 else float("nan")
    return float(np.sqrt(np.quantile(variance, 0.25))), grain


def rim(crop: Crop) -> float:
    """Return median HU of the rim less that of the brain under it, in the vault."""
    vault = crop.inside[crop.vault]
    if not len(vault):
        return float("nan")
    near, far, under = (eroded(vault, crop.pixels(mm)) for mm in (*RIM_MM, UNDER_RIM_MM))
    coarse = crop.coarse[crop.vault]
    return _quantile(coarse[near & ~far]) - _quantile(coarse[far & ~under])


def iodine_voxels(crop: Crop, deep: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return vessel-bright voxels, (N, h, w), that are no partial volume of bone beside or below."""
    bright = deep & (crop.coarse > IODINE_HU[0]) & (crop.coarse < IODINE_HU[1])
    bone = crop.coarse > IODINE_HU[1]
    bone[1:] |= crop.coarse[:-1] > IODINE_HU[1]
    bone[:-1] |= crop.coarse[1:] > IODINE_HU[1]
    return bright & ~dilated(bone, crop.pixels(DEEP_MM / 2))


def cranial_ml(crop: Crop, metal: NDArray[np.bool_]) -> float:
    """Return the volume of metal inside the skull or in its wall."""
    if not metal.any():
        return 0.0
    step = metal.shape[-1] // crop.inside.shape[-1]
    near = dilated(crop.inside, crop.pixels(CRANIAL_MM))
    return crop.volume_ml(metal & near.repeat(step, axis=1).repeat(step, axis=2))


def skull(crop: Crop) -> tuple[float, float]:
    """Return mean thickness in mm and mean HU of the bone around the vault's interior.

    Thickness is the area of bone over the length of its middle line, as of a ring.
    """
    vault, coarse = crop.inside[crop.vault], crop.coarse[crop.vault]
    if not len(vault):
        return float("nan"), float("nan")
    bone = dilated(vault, crop.pixels(SKULL_REACH_MM)) & ~vault & (coarse > BONE_HU)
    if not bone.any():
        return 0.0, float("nan")
    ring_mm2 = bone.sum(axis=(1, 2)) * crop.spacing_mm**2
    inner_mm2 = vault.sum(axis=(1, 2)) * crop.spacing_mm**2
    # Two circles of the areas inside and with the bone: their radii differ by the thickness.
    thickness = (np.sqrt(inner_mm2 + ring_mm2) - np.sqrt(inner_mm2)) / np.sqrt(np.pi)
    return _quantile(thickness), float(coarse[bone].mean())


def open_share(interior: Interior, crop: Crop) -> float:
    """Return the share of slices from the widest one up whose skull does not close.

    Below the widest slice the holes of the skull base open many a healthy skull; the vertex,
    where the skull tapers off, is left out as well.
    """
    outline = np.count_nonzero(crop.coarse > TISSUE_HU, axis=(1, 2))
    widest = int(crop.inside.sum(axis=(1, 2)).argmax())
    due = outline[widest:] >= TAPER_SHARE * outline.max()
    return float(interior.open_slices[widest:][due].mean()) if due.any() else 0.0


def _quantile(values: NDArray[np.float32], share: float = 0.5) -> float:
    return float(np.quantile(values, share)) if values.size else float("nan")
