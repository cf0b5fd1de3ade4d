"""What lies beside exported ONNX files: which files they are, and how they agree with torch."""

from enum import StrEnum
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from preread.errors import InvalidBundle
from preread.terms import Level

RECORD_FILE: Final = "engines.json"
# Metadata of each file: SHA-256 of the safetensors file that it was exported from.
WEIGHTS_KEY: Final = "preread_weights_sha256"


class OnnxFormat(StrEnum):
    """Number format of exported files."""

    FLOAT32 = "float32"
    INT8 = "int8"

    def file_of(self, weights_file: str) -> str:
        """Return the name of the file that a member's weights are exported to.

        Examples
        --------
        >>> OnnxFormat.INT8.file_of("fold1.safetensors")
        'fold1.int8.onnx'
        """
        return f"{weights_file.removesuffix('.safetensors')}.{self}.onnx"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ComparedStudy(_Value):
    """One study as ``ml.engine_agreement`` compares it with torch in float32."""

    name: str
    slice_difference: float
    dice: float | None
    reference_level: Level
    level: Level
    agrees: bool


class ComparedEngine(_Value):
    """The files of one number format by name, and the studies that they were compared on."""

    sha256: dict[str, str]
    studies: tuple[ComparedStudy, ...]

    @property
    def agrees(self) -> bool:
        """Whether it may be used: compared, and within the tolerance on every study."""
        return bool(self.studies) and all(study.agrees for study in self.studies)


class OnnxRecord(_Value):
    """``engines.json``: every number format that was exported from one bundle."""

    bundle: str
    engines: dict[OnnxFormat, ComparedEngine]


def read_record(folder: Path, identity: str) -> OnnxRecord:
    """Read the record of a folder of files that were exported from a bundle of this identity.

    Raises
    ------
    InvalidBundle
        If there is none, it is malformed, or it is another bundle's.
    """
    try:
        record = OnnxRecord.model_validate_json((folder / RECORD_FILE).read_bytes())
    except FileNotFoundError as error:
        raise InvalidBundle(
            f"there is no {RECORD_FILE} in {folder.name}: python -m ml.onnx_export makes it"
        ) from error
    except ValidationError as error:
        raise InvalidBundle(f"{RECORD_FILE} is malformed: {error.error_count()} errors") from error
    if record.bundle != identity:
        raise InvalidBundle(f"the files in {folder.name} were exported from another bundle")
    return record


def write_record(folder: Path, record: OnnxRecord) -> None:
    """Write the record, last: without it no file of the folder is used."""
    text = record.model_dump_json(indent=2)
    (folder / RECORD_FILE).write_text(text + "\n", encoding="utf-8")
