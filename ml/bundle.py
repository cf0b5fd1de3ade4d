"""Weights as data: a folder with a manifest and safetensors files, checked before use.

Nothing is unpickled. The manifest says what the weights are: how the input must look,
how scores become probabilities, from which data they come, under which license, and how
well they did on patients that they had not seen.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from ml.border import BorderRule
from ml.cascade import Cascade
from ml.field import FieldRule
from ml.novelty import Reference
from ml.scoring import Calibration, OperatingPoints
from ml.spec import NetworkSpec
from preread.errors import InvalidBundle
from preread.terms import KINDS, HemorrhageType

MANIFEST_FILE: Final = "manifest.json"
SHIPPED: Final = Path(__file__).parent / "weights"
DEFAULT_BUNDLE: Final = SHIPPED / "ctich-mbv2-06"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputChannel(_Value):
    """One channel, as in ``ml.windows``; here so that the weights describe themselves."""

    slice_offset: int
    low_hu: float
    high_hu: float


class MaskRule(_Value):
    """When a voxel may be blood, from which volume on it is a lesion, and where that ends.

    A flagged study without any lesion of ``least_ml`` keeps its greatest one of
    ``least_alone_ml``, so that it points somewhere; None keeps none. What ``threshold`` finds is
    drawn by ``border``; without one it is drawn as it was found.
    """

    threshold: float
    least_ml: float
    least_alone_ml: float | None = None
    border: BorderRule | None = None


class CalibrationRule(_Value):
    """Curves from log-odds to probabilities, fitted out of fold.

    Those of a slice take what the outline draws and what the classifier says, of the slice and
    of its neighbors; those of the study take the log-odds of its two most suspect slices
    (``ml.evidence``).
    """

    id: str
    any: Calibration
    kinds: tuple[Calibration, ...]
    slice_any: Calibration
    slice_kinds: tuple[Calibration, ...]


class OperatingRule(_Value):
    """Where levels begin; ``rule`` says in words how the points were chosen."""

    id: str
    points: OperatingPoints
    rule: str


class NamingRule(_Value):
    """How blood gets its kinds, fitted out of fold to bleeding patients.

    What speaks for a kind at a voxel is what the detector's map says, what it says of the slice,
    what the place says and what the lesion's contact with the skull says, each to its power; a
    place deep in the head has a power of its own, or that of one near the skull. ``named`` takes,
    for one kind of a study that bleeds, the log-odds of its probability and of its share of the
    outlined blood, and says how likely it is there; without it, kinds are named by their
    thresholds (``ml.study_kinds``).
    """

    map_power: float = 1.0
    slice_power: float = 1.0
    place_power: float = 0.5
    deep_place_power: float | None = None
    contact_power: float = 0.0
    named: Calibration | None = None


class Rules(_Value):
    """How the network's output is read: fitted on patients that it had not seen."""

    mask: MaskRule
    calibration: CalibrationRule
    operating: OperatingRule
    naming: NamingRule = NamingRule()


class Member(_Value):
    """One network of the ensemble: its safetensors file, and what it was kept from.

    ``held_out_fold`` is the fold that it never saw, None if it saw every patient. ``rules``
    were fitted without that fold too, so that network and rules may be judged on it together;
    members of one fold share them, being judged as one.
    """

    file: str
    sha256: str
    size_bytes: int
    held_out_fold: int | None
    rules: Rules


class PlaceFile(_Value):
    """One network that names places; as :class:`Member`, with what it was kept from."""

    file: str
    sha256: str
    size_bytes: int
    held_out_fold: int | None


class PlaceRule(_Value):
    """Networks that name places, whose probabilities are averaged.

    ``calibration`` brings the log-odds of a region's share of a finding to the probability that
    at least a tenth of the finding lies there; it was fitted out of fold.
    """

    files: tuple[PlaceFile, ...] = Field(min_length=1)
    calibration: Calibration
    trained_on: str


class Manifest(_Value):
    """What a bundle says about itself.

    ``members`` read the slices, by ``cascade`` and no more of them than ``field`` says, if there
    are any, and their outputs are averaged; ``rules`` are the ensemble's. ``held_back`` are
    further networks that read nobody's study: each stands beside the member of its fold where
    that is judged on the fold's patients, whom one of the ensemble's networks alone must not
    speak for.
    ``demonstrator`` is true while the study-level AUC out of fold does not clear the floor
    of an ImageNet linear probe; every assessment then says so. ``reference`` holds the
    measures of the training patients' images that a study is compared with. ``places`` are the
    networks that name places; without them places are named by plain geometry.
    """

    schema_version: Literal["2.0"]
    name: str
    version: str
    demonstrator: bool
    members: tuple[Member, ...] = Field(min_length=1)
    network: NetworkSpec
    kinds: tuple[HemorrhageType, ...]
    channels: tuple[InputChannel, ...]
    slab_mm: float
    rules: Rules
    trained_on: str
    training: dict[str, JsonValue]
    evaluation: dict[str, JsonValue]
    license: str
    citations: tuple[str, ...]
    code_version: str
    reference: Reference | None = None
    places: PlaceRule | None = None
    cascade: Cascade | None = None
    field: FieldRule | None = None
    held_back: tuple[Member, ...] = ()

    @property
    def networks(self) -> tuple[Member, ...]:
        """Those that read new patients, then those that are held back."""
        return self.members + self.held_back

    @property
    def identity(self) -> str:
        """One SHA-256 for all weights: of the networks' digests in their order, then the places'."""
        files = () if self.places is None else self.places.files
        digests = [one.sha256 for one in self.networks] + [one.sha256 for one in files]
        joined = "".join(digests)
        return hashlib.sha256(joined.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Bundle:
    """A checked bundle.

    Attributes
    ----------
    manifest
        What it says about itself.
    weights_paths
        The safetensors file of each member; their sha256 are the manifest's.
    place_paths, held_back_paths
        The same of the networks that name places, and of those that are held back.
    """

    manifest: Manifest
    weights_paths: tuple[Path, ...]
    place_paths: tuple[Path, ...] = ()
    held_back_paths: tuple[Path, ...] = ()

    def held_out(self, fold: int) -> "Bundle | None":
        """Return the networks that never saw a fold, as a bundle with their own rules.

        None if every one saw it: then nothing here may be judged on its patients. The
        network that names places never saw the fold either; without one, geometry does.
        """
        paths = self.weights_paths + self.held_back_paths
        kept = [
            (member, path)
            for member, path in zip(self.manifest.networks, paths, strict=True)
            if member.held_out_fold == fold
        ]
        if not kept:
            return None
        members, paths = zip(*kept, strict=True)
        places, place_paths = self._places_without(fold)
        changed = {
            "members": members,
            "rules": members[0].rules,
            "places": places,
            "held_back": (),
        }
        return Bundle(self.manifest.model_copy(update=changed), paths, place_paths)

    def _places_without(self, fold: int) -> tuple[PlaceRule | None, tuple[Path, ...]]:
        rule = self.manifest.places
        if rule is None:
            return None, ()
        for file, path in zip(rule.files, self.place_paths, strict=True):
            if file.held_out_fold == fold:
                return rule.model_copy(update={"files": (file,)}), (path,)
        return None, ()


def load_bundle(folder: Path = DEFAULT_BUNDLE) -> Bundle:
    """Open a bundle and check that it is whole.

    Parameters
    ----------
    folder
        Holds ``manifest.json`` and the weights.

    Returns
    -------
    Bundle
        Safe to use.

    Raises
    ------
    InvalidBundle
        If the manifest is missing or malformed, names other types than this software
        knows, or the weights are not those that it describes.
    """
    manifest = _read_manifest(folder / MANIFEST_FILE)
    if manifest.kinds != KINDS:
        raise InvalidBundle(f"bundle {manifest.name}: types or their order are not {list(KINDS)}")
    files = () if manifest.places is None else manifest.places.files
    return Bundle(
        manifest,
        weights_paths=_checked(folder, manifest.name, manifest.members),
        place_paths=_checked(folder, manifest.name, files),
        held_back_paths=_checked(folder, manifest.name, manifest.held_back),
    )


def _checked(folder: Path, name: str, files: Sequence[Member | PlaceFile]) -> tuple[Path, ...]:
    """Return where the files lie, each being what the manifest says."""
    paths = tuple(folder / one.file for one in files)
    for path, one in zip(paths, files, strict=True):
        if path.parent != folder or not path.is_file():
            raise InvalidBundle(f"bundle {name}: there is no file {one.file}")
        if sha256_of(path) != one.sha256:
            raise InvalidBundle(f"bundle {name}: sha256 of {one.file} is not the manifest's")
    return paths


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, lower-case hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read_manifest(path: Path) -> Manifest:
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise InvalidBundle(f"there is no {MANIFEST_FILE} in {path.parent.name}") from error
    except ValidationError as error:
        raise InvalidBundle(
            f"{MANIFEST_FILE} in {path.parent.name} is malformed: {error.error_count()} errors"
        ) from error
