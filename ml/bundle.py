"""Weights as data: a folder with a manifest and a safetensors file, checked before use.

Nothing is unpickled. The manifest says what the weights are: how the input must look,
how scores become probabilities, from which data they come, under which license, and how
well they did on patients that they had not seen.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from ml.novelty import Reference
from ml.scoring import Calibration, OperatingPoints
from ml.spec import NetworkSpec
from preread.errors import InvalidBundle
from preread.terms import KINDS, HemorrhageType

MANIFEST_FILE: Final = "manifest.json"
SHIPPED: Final = Path(__file__).parent / "weights"
DEFAULT_BUNDLE: Final = SHIPPED / "ctich-mbv2-01"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WeightsFile(_Value):
    """The safetensors file beside the manifest."""

    file: str
    sha256: str
    size_bytes: int


class InputChannel(_Value):
    """One channel, as in ``ml.windows``; here so that the weights describe themselves."""

    slice_offset: int
    low_hu: float
    high_hu: float


class MaskRule(_Value):
    """When a voxel is blood, and from which volume on it is a lesion."""

    threshold: float
    least_ml: float


class CalibrationRule(_Value):
    """Curves from scores to probabilities, fitted out of fold."""

    id: str
    any: Calibration
    kinds: tuple[Calibration, ...]


class OperatingRule(_Value):
    """Where levels begin; ``rule`` says in words how the points were chosen."""

    id: str
    points: OperatingPoints
    rule: str


class Manifest(_Value):
    """What a bundle says about itself.

    ``demonstrator`` is true while the study-level AUC out of fold does not clear the floor
    of an ImageNet linear probe; every assessment then says so. ``reference`` holds the
    measures of the training patients' images that a study is compared with.
    """

    schema_version: Literal["1.0"]
    name: str
    version: str
    demonstrator: bool
    weights: WeightsFile
    network: NetworkSpec
    kinds: tuple[HemorrhageType, ...]
    channels: tuple[InputChannel, ...]
    slab_mm: float
    mask: MaskRule
    calibration: CalibrationRule
    operating: OperatingRule
    trained_on: str
    training: dict[str, JsonValue]
    evaluation: dict[str, JsonValue]
    license: str
    citations: tuple[str, ...]
    code_version: str
    reference: Reference | None = None


@dataclass(frozen=True, slots=True)
class Bundle:
    """A checked bundle.

    Attributes
    ----------
    manifest
        What it says about itself.
    weights_path
        The safetensors file; its sha256 is the manifest's.
    """

    manifest: Manifest
    weights_path: Path


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
    path = folder / manifest.weights.file
    if path.parent != folder or not path.is_file():
        raise InvalidBundle(f"bundle {manifest.name}: there is no file {manifest.weights.file}")
    if sha256_of(path) != manifest.weights.sha256:
        raise InvalidBundle(f"bundle {manifest.name}: sha256 of the weights is not the manifest's")
    return Bundle(manifest, path)


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
