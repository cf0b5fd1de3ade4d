"""A volume on a regular grid, for sources that are no DICOM."""

import numpy as np
from numpy.typing import NDArray

from preread.dicom.phantom_files import derive_uid
from preread.dicom.volume import Volume


def regular_volume(hu: NDArray[np.float32], affine: NDArray[np.float64], *names: object) -> Volume:
    """Return a volume of equally spaced slices.

    Parameters
    ----------
    hu
        (S, R, C) float32 HU, feet to head.
    affine
        (4, 4) float64: (s, r, c, 1), voxel centers at whole numbers, to LPS mm.
    names
        Of source and study: the UIDs are derived from them, the same again for the same names,
        under the root for UUIDs, 2.25 (PS3.5 B.2), as those of the phantoms are.
    """
    step, along, across = (affine[:3, axis] for axis in range(3))
    normal = np.cross(across, along)
    normal /= np.linalg.norm(normal)
    thickness_mm = abs(float(step @ normal))
    slices = np.arange(len(hu))
    aside = float(np.linalg.norm(step - (step @ normal) * normal))
    return Volume(
        hu=hu,
        affine=affine,
        positions_mm=affine[:3, 3] + slices[:, None] * step,
        pixel_spacing_mm=(float(np.linalg.norm(along)), float(np.linalg.norm(across))),
        thickness_mm=np.full(len(hu), thickness_mm),
        sop_instance_uids=tuple(derive_uid(*names, "slice", number) for number in slices),
        instance_numbers=tuple(int(number) + 1 for number in slices),
        series_instance_uid=derive_uid(*names, "series"),
        gantry_tilt_deg=float(np.degrees(np.arctan2(aside, thickness_mm))),
        flags=(),
    )
