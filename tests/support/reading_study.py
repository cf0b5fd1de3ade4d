"""A small prepared reading study: pre-reads from the golden files, pictures of one pixel."""

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from preread.dicom.picture import WindowName
from preread.findings import PreRead
from preread.reader_study.cases import (
    SCHEMA_VERSION,
    CaseFacts,
    Identity,
    Plan,
    StudyFolder,
)

GOLDEN = Path(__file__).parents[1] / "contract" / "golden"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SLICES = 13
SEED = 7


def one_pixel(*rgba: int) -> bytes:
    """A PNG."""
    buffer = io.BytesIO()
    Image.new("RGBA", (1, 1), rgba).save(buffer, "PNG")
    return buffer.getvalue()


SLICE, OUTLINE = one_pixel(90, 90, 90, 255), one_pixel(255, 64, 64, 128)


def golden(name: str) -> PreRead:
    """A pre-read: positive, negative or not_assessed."""
    return PreRead.model_validate_json((GOLDEN / f"pre_read_{name}.json").read_bytes())


@dataclass(frozen=True)
class Case:
    """One case of the study, by the pre-read's golden file."""

    name: str = "positive"

    def write(self, folder: StudyFolder, number: int) -> None:
        """Write its folder."""
        document = golden(self.name)
        reasons = document.eligibility.reasons
        outlined = (12,) if self.name == "positive" else ()
        facts = CaseFacts(
            number=number,
            slice_count=SLICES,
            synthetic=True,
            outlined=outlined,
            reason=reasons[0] if reasons else None,
        )
        identity = Identity(study_instance_uid=f"1.2.{number}", sop_instance_uids=())
        path = folder.case_path(number)
        for window in WindowName:
            (path / window.value).mkdir(parents=True)
            for index in range(SLICES):
                folder.slice_path(number, window, index).write_bytes(SLICE)
        (path / "outline").mkdir()
        for index in outlined:
            folder.outline_path(number, index).write_bytes(OUTLINE)
        mask = np.zeros((SLICES, 4, 4), np.bool_)
        np.savez(folder.voxels_path(number), mask=np.packbits(mask), shape=mask.shape)
        for name, value in (("case", facts), ("pre-read", document), ("identity", identity)):
            (path / f"{name}.json").write_text(value.model_dump_json())


def prepared(path: Path, *cases: Case, first_read: bool = True) -> StudyFolder:
    """The folder of a reading study that can be served."""
    folder = StudyFolder(path)
    path.mkdir(parents=True, exist_ok=True)
    plan = Plan(schema_version=SCHEMA_VERSION, created_at=NOON, seed=SEED, first_read=first_read)
    folder.plan_path.write_text(plan.model_dump_json())
    for number, case in enumerate(cases, start=1):
        case.write(folder, number)
    return folder
