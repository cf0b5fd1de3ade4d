"""Known places: synthetic heads whose bleeds begin where the phantom put them, through the whole pipeline.

No network of places ever saw a phantom. The outline is the true one, so what is judged is the
naming alone: DICOM files, volume, axes of the head, the networks of places, the finding's words.

Two truths, for a bleed need not fill the place where it begins: the group of regions of its
beginning, which the phantom knows, and the group that holds most of it, by the phantom's own axes
and the borders of ``ml.regions``.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.assessment import Assessment
from ml.bundle import Bundle
from ml.evaluation.estimates import Bootstrap, Figures, rate, rounded
from ml.geometry import to_grid
from ml.inspection import inspect_images
from ml.model_slices import ModelSlices, interior_of, to_model
from ml.pipeline import assess
from ml.places.blood import PlaceNamer
from ml.prediction import Prediction
from ml.regions import regions_at
from preread.dicom.phantom import Bleed, Phantom, make_head
from preread.dicom.phantom_files import encode_series
from preread.dicom.volume import read_volume, to_radiological
from preread.regions import COMPARTMENTS_OF_TYPE, coarse_region
from preread.terms import KINDS, Compartment, HemorrhageType, Laterality, Region

FIRST_SEED: Final = 52_000
# Of the map of kinds, as the detector's.
MAP_CELLS: Final = 64
CERTAIN, ABSENT = 0.99, 0.01
# The phantom's origin in MNI space: right, front and up. Its ventricles, nuclei, pons, insula and
# cisterns lie within a centimeter of the atlas's so.
ORIGIN_MNI_MM: Final = (0.0, -6.0, 2.0)

_IPH, _SDH, _IVH, _SAH, _EDH = KINDS
_LEFT, _RIGHT, _MIDDLE, _BOTH = (
    Laterality.LEFT, Laterality.RIGHT, Laterality.MIDLINE, Laterality.BILATERAL,
)  # fmt: skip
# What the heads bleed in turn: every kind on either side and in the middle.
PLANS: Final = (
    (Bleed(_IPH, _LEFT, 8.0), Bleed(_SAH, _RIGHT, 8.0)),
    (Bleed(_IPH, _RIGHT, 14.0), Bleed(_SDH, _MIDDLE, 9.0)),
    (Bleed(_IVH, _BOTH, 14.0), Bleed(_IPH, _LEFT, 6.0)),
    (Bleed(_SAH, _MIDDLE, 10.0), Bleed(_EDH, _RIGHT, 20.0)),
    (Bleed(_IPH, _MIDDLE, 3.0), Bleed(_SDH, _LEFT, 25.0)),
    (Bleed(_SAH, _LEFT, 9.0), Bleed(_IVH, _RIGHT, 6.0)),
    (Bleed(_IPH, _RIGHT, 5.0), Bleed(_EDH, _LEFT, 15.0)),
)


@dataclass(frozen=True)
class KnownPlace:
    """One bleed of a phantom, and what was said of it.

    Attributes
    ----------
    head, kind, side
        Seed of the head; type and side of the bleed.
    regions
        Groups of regions where it begins; empty over the convexity.
    most
        The group that holds most of it.
    said
        Groups of the regions that the finding names, in its order.
    said_side
        Of the greatest.
    """

    head: int
    kind: HemorrhageType
    side: Laterality
    regions: frozenset[Region]
    most: Region
    said: tuple[Region, ...]
    said_side: Laterality | None

    @property
    def compartment(self) -> Compartment:
        """Where its type lies."""
        return next(iter(COMPARTMENTS_OF_TYPE[self.kind]))

    @property
    def is_first(self) -> bool:
        """Whether the first place named is a true one."""
        return bool(self.said) and self.said[0] in self.regions

    @property
    def is_of_most(self) -> bool:
        """Whether the first place named holds most of it."""
        return bool(self.said) and self.said[0] is self.most

    @property
    def is_named(self) -> bool:
        """Whether every true place is among the named ones."""
        return self.regions <= set(self.said)


def read_phantoms(heads: int, bundle: Bundle, namer: PlaceNamer) -> Iterator[KnownPlace]:
    """Read some heads, each with two bleeds of different types."""
    for number in range(heads):
        phantom = make_head(FIRST_SEED + number, PLANS[number % len(PLANS)])
        yield from known_places(phantom, assess_phantom(phantom, bundle, namer))


def assess_phantom(phantom: Phantom, bundle: Bundle, namer: PlaceNamer) -> Assessment:
    """Read a phantom's files as the worker does, with its own mask for the detector's word."""
    files = [BytesIO(content) for content in encode_series(phantom)]
    source = to_radiological(read_volume(files))
    slices = to_model(source, bundle.manifest)
    interior = interior_of(slices.hu, bundle.manifest.network.spacing_mm)
    inspection = inspect_images(
        slices.hu, interior, slices.thickness_mm, bundle.manifest.reference, None
    )
    prediction = true_prediction(phantom.mask, slices)
    return assess(
        source, slices, interior, prediction, bundle.manifest, inspection=inspection, namer=namer
    )


def true_prediction(mask: NDArray[np.uint8], slices: ModelSlices) -> Prediction:
    """Return what a perfect detector would say of (S, R, C) 1 + index of the kind, 0 elsewhere."""
    shares = np.stack(
        [
            to_grid(slices.slabs.average((mask == 1 + kind).astype(np.float32)), slices.placement)
            for kind in range(len(KINDS))
        ],
        axis=1,
    )
    step = shares.shape[-1] // MAP_CELLS
    cells = shares.reshape(*shares.shape[:2], MAP_CELLS, step, MAP_CELLS, step).mean(axis=(3, 5))
    maps = cells + ABSENT / len(KINDS)
    shown = (shares > 0.5).any(axis=(2, 3))  # noqa: PLR2004 - most of a pixel is blood
    return Prediction(
        np.where(shown, CERTAIN, ABSENT).astype(np.float32),
        shares.sum(axis=1).clip(0, 1).astype(np.float32),
        (maps / maps.sum(axis=1, keepdims=True)).astype(np.float32),
    )


def known_places(phantom: Phantom, assessment: Assessment) -> Iterator[KnownPlace]:
    """Put each bleed of a phantom beside the finding of its type."""
    places = {finding.kind: finding.places for finding in assessment.findings}
    for bleed, regions in zip(phantom.bleeds, phantom.regions, strict=True):
        said = places.get(bleed.kind, ())
        yield KnownPlace(
            phantom.seed,
            bleed.kind,
            bleed.side,
            regions,
            most_of(phantom, bleed.kind),
            tuple(dict.fromkeys(coarse_region(place.region) for place in said)),
            said[0].laterality if said else None,
        )


def most_of(phantom: Phantom, kind: HemorrhageType) -> Region:
    """Return the group of regions that holds most of a phantom's bleed of a type."""
    left, back, up = phantom.head_mm(np.argwhere(phantom.mask == 1 + KINDS.index(kind))).T
    mni = np.column_stack([-left, -back, up]) + ORIGIN_MNI_MM
    compartment = next(iter(COMPARTMENTS_OF_TYPE[kind]))
    names, counts = np.unique(regions_at(compartment, mni), return_counts=True)
    volumes: Counter[Region] = Counter()
    for name, count in zip(names, counts, strict=True):
        volumes[coarse_region(Region(str(name)))] += int(count)
    return volumes.most_common(1)[0][0]


def phantom_figures(known: Sequence[KnownPlace], bootstrap: Bootstrap) -> Figures:
    """Return how often places and sides are right, in all and by compartment."""
    return {
        "heads": len({one.head for one in known}),
        "bleeds": len(known),
        "side": rate(
            [one.head for one in known], [one.said_side is one.side for one in known], bootstrap
        ),
        "places_said": rounded(float(np.mean([len(one.said) for one in known]))),
        **_places(known, bootstrap),
        "by_compartment": {
            compartment.value: _places(
                [one for one in known if one.compartment is compartment], bootstrap
            )
            for compartment in Compartment
        },
    }


def _places(known: Sequence[KnownPlace], bootstrap: Bootstrap) -> Figures:
    begun = [one for one in known if one.regions]
    heads = [one.head for one in begun]
    return {
        "first": rate(heads, [one.is_first for one in begun], bootstrap),
        "named": rate(heads, [one.is_named for one in begun], bootstrap),
        "most": rate([one.head for one in known], [one.is_of_most for one in known], bootstrap),
    }
