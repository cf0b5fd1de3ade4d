"""The places of a prepared set on disk: label maps beside where each head lies in MNI space.

A folder with ``regions.npy`` (N, M, R, C) uint8, a row per slice of the prepared set and a map
per compartment, on the encoder's grid; ``left_mm.npy`` (N, R, C) float16, the mm to the left of
the midsagittal plane; and ``regions.json``, which is written last and makes the folder whole.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.training.places.labels import COMPARTMENTS
from preread.regions import FINE_REGIONS
from preread.terms import Region

NO_PLACE = 255
"""In a head that could not be registered."""


@dataclass(frozen=True)
class PlacedStudy:
    """How one study was registered.

    Attributes
    ----------
    study
        As in the prepared set.
    first, stop
        Its rows there.
    to_mni
        (4, 4): slice within the study, row, column to MNI mm (right, front, up).
    loss
        Of the registration; −1 would be perfect.
    good
        Whether the loss is below the gate; else the study has no places.
    """

    study: str
    first: int
    stop: int
    to_mni: NDArray[np.float64]
    loss: float
    good: bool


@dataclass(frozen=True)
class PlacedSet:
    """A folder of places, opened; the maps stay on disk.

    Attributes
    ----------
    labels
        (N, M, R, C) uint8 indices into ``regions``, or ``NO_PLACE``.
    left_mm
        (N, R, C) float16, positive to the patient's left; NaN in a head without places.
    regions
        What the indices mean.
    studies
        In the order of the prepared set.
    spacing_mm
        Between slices, rows and columns.
    """

    labels: NDArray[np.uint8]
    left_mm: NDArray[np.float16]
    regions: tuple[Region, ...]
    studies: tuple[PlacedStudy, ...]
    spacing_mm: tuple[float, float, float]


def write_index(
    folder: Path,
    studies: tuple[PlacedStudy, ...],
    spacing_mm: tuple[float, float, float],
    gates: dict[int, float],
) -> None:
    """Write ``regions.json`` all at once; ``gates`` are the losses that each fold trusts."""
    index = {
        "regions": list(FINE_REGIONS),
        "compartments": list(COMPARTMENTS),
        "spacing_mm": spacing_mm,
        "gates": gates,
        "studies": [{**asdict(one), "to_mni": one.to_mni.tolist()} for one in studies],
    }
    partial = folder / "regions.json.partial"
    partial.write_text(json.dumps(index, indent=1) + "\n")
    partial.replace(folder / "regions.json")


def open_places(folder: Path) -> PlacedSet:
    """Open a folder that ``places`` wrote."""
    index = json.loads((folder / "regions.json").read_text())
    studies = tuple(
        PlacedStudy(**{**one, "to_mni": np.array(one["to_mni"])}) for one in index["studies"]
    )
    labels: NDArray[np.uint8] = np.load(folder / "regions.npy", mmap_mode="r")
    aside: NDArray[np.float16] = np.load(folder / "left_mm.npy", mmap_mode="r")
    up, back, left = index["spacing_mm"]
    regions = tuple(Region(name) for name in index["regions"])
    return PlacedSet(labels, aside, regions, studies, (up, back, left))
