"""The cases of a reading study on disk: what was read, drawn once, and shown to every reader.

::

    plan.json                       seed, whether there is a blinded first read
    answers.jsonl                   what readers said (``journal``)
    cases/0001/case.json            slices and nothing else that a reader may see at once
    cases/0001/pre-read.json        the document that the worker wrote
    cases/0001/identity.json        UIDs, to find the labels; never shown
    cases/0001/brain/000.png        each slice in each window
    cases/0001/outline/012.png      the outline of a slice, transparent
    cases/0001/outline.npz          the same as voxels, for the report
    report/                         what ``--report`` wrote
"""

from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from preread.dicom.picture import WindowName
from preread.errors import SettingsInvalid
from preread.findings import PreRead
from preread.reasons import ReasonCode

SCHEMA_VERSION: Final = "1.0"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Plan(_Value):
    """What is fixed when a reading study begins."""

    schema_version: str
    created_at: datetime
    seed: int
    first_read: bool


class CaseFacts(_Value):
    """One case.

    Attributes
    ----------
    number
        From 1; drawn, so that it says nothing about the order of folders.
    slice_count
        Of the series that was read, feet to head; 0 if it could not be assessed.
    outlined
        The slices that have an outline: not for readers before the pre-read is shown.
    reason
        Why it could not be assessed; such a case is not read by anybody.
    """

    number: int
    slice_count: int
    synthetic: bool
    outlined: tuple[int, ...]
    reason: ReasonCode | None

    @property
    def is_read(self) -> bool:
        """Whether readers see it."""
        return self.reason is None


class Identity(_Value):
    """Which study a case is; UIDs only."""

    study_instance_uid: str
    sop_instance_uids: tuple[str, ...]


class StudyFolder:
    """The output folder of a reading study."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def plan_path(self) -> Path:
        """Where the plan lies."""
        return self.path / "plan.json"

    @property
    def answers_path(self) -> Path:
        """Where the answers lie."""
        return self.path / "answers.jsonl"

    @property
    def report_path(self) -> Path:
        """The folder of the report."""
        return self.path / "report"

    def plan(self) -> Plan:
        """Return the plan.

        Raises
        ------
        SettingsInvalid
            If the folder is that of no reading study.
        """
        if not self.plan_path.exists():
            message = f"{self.path} holds no reading study"
            raise SettingsInvalid(message)
        return Plan.model_validate_json(self.plan_path.read_bytes())

    def numbers(self) -> tuple[int, ...]:
        """Return the numbers of all whole cases."""
        found = (self.path / "cases").glob("[0-9]*/case.json")
        return tuple(sorted(int(path.parent.name) for path in found))

    def case_path(self, number: int) -> Path:
        """Return the folder of a case."""
        return self.path / "cases" / f"{number:04d}"

    def facts(self, number: int) -> CaseFacts:
        """Return what is known of a case without its pre-read."""
        return CaseFacts.model_validate_json((self.case_path(number) / "case.json").read_bytes())

    def pre_read(self, number: int) -> PreRead:
        """Return the pre-read of a case."""
        return PreRead.model_validate_json((self.case_path(number) / "pre-read.json").read_bytes())

    def identity(self, number: int) -> Identity:
        """Return which study a case is."""
        return Identity.model_validate_json((self.case_path(number) / "identity.json").read_bytes())

    def slice_path(self, number: int, window: WindowName, index: int) -> Path:
        """Return the picture of a slice."""
        return self.case_path(number) / window.value / f"{index:03d}.png"

    def outline_path(self, number: int, index: int) -> Path:
        """Return the picture of the outline of a slice."""
        return self.case_path(number) / "outline" / f"{index:03d}.png"

    def voxels_path(self, number: int) -> Path:
        """Return the outline as voxels: ``mask`` in it is packed (S, R, C) bool, ``shape`` (3,)."""
        return self.case_path(number) / "outline.npz"
