"""``python -m worker.reader_study FOLDER``: reads studies as the service would and keeps what readers see.

Each study goes the way of an upload: intake, claim, pre-read, with a database and a store that
are thrown away afterwards, so that no DICOM file is copied into the output. What stays is the
pre-read, its outline and pictures of the slices, and a second start reads only what is new.
"""

import argparse
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ml.keyimages import outlines_of
from preread.db.engine import open_database
from preread.db.migrate import upgrade
from preread.dicom.header import read_header
from preread.dicom.picture import WINDOW, Plane, draw_outlines, draw_slice
from preread.errors import InvalidRequest, PreReadError, SettingsInvalid
from preread.findings import Mode
from preread.logs import configure_logs
from preread.printing import say
from preread.reader_study.cases import (
    SCHEMA_VERSION,
    CaseFacts,
    Identity,
    Plan,
    StudyFolder,
)
from preread.reader_study.order import draw
from preread.reasons import ReasonCode
from preread.receive import receive
from preread.resources import Resources, open_resources, utc_now
from preread.settings import Settings
from preread.store import Incoming
from preread.submission import Submission
from preread.uploads import Upload, plan_uploads
from preread.work import Claim, claim_next
from worker.model import load_model_reader
from worker.reading import CloseReading

SITE: Final = "reading-study"
_CHUNK: Final = 1 << 20
_LARGEST_SEED: Final = 2**31

Read = Callable[[Claim], CloseReading]


@dataclass(frozen=True, slots=True)
class Found:
    """One study of the folder, by its Study Instance UID."""

    uid: str
    upload: Upload


def main(words: Sequence[str] | None = None) -> int:
    """Prepare the cases of a reading study and return the exit status."""
    parser = argparse.ArgumentParser(prog="run reader-study", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--no-first-read", action="store_true")
    arguments = parser.parse_args(words)
    configure_logs("ERROR")
    target = StudyFolder(arguments.out)
    try:
        plan = begin(target, seed=arguments.seed, first_read=not arguments.no_first_read)
        new = unread(find_studies(arguments.folder), target, plan.seed)
        if new:
            with tempfile.TemporaryDirectory(prefix="preread-") as folder:
                _read_all(new, target, Path(folder))
    except PreReadError as error:
        say(f"reader-study: {error}")
        return 1
    _tell(target)
    return 0


def begin(target: StudyFolder, *, seed: int | None, first_read: bool) -> Plan:
    """Return the plan of the study in a folder, made now if there is none.

    Raises
    ------
    SettingsInvalid
        If a study that has begun was planned otherwise.
    """
    if target.plan_path.exists():
        plan = target.plan()
        if (plan.first_read and not first_read) or seed not in {None, plan.seed}:
            message = (
                f"{target.path} holds a reading study with seed {plan.seed} and "
                f"{'a' if plan.first_read else 'no'} first read; take the same, or another --out"
            )
            raise SettingsInvalid(message)
        return plan
    drawn = secrets.randbelow(_LARGEST_SEED) if seed is None else seed
    plan = Plan(
        schema_version=SCHEMA_VERSION, created_at=utc_now(), seed=drawn, first_read=first_read
    )
    target.path.mkdir(parents=True, exist_ok=True)
    target.plan_path.write_text(plan.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return plan


def find_studies(folder: Path) -> list[Found]:
    """Return the studies of a folder, laid out in any way.

    Raises
    ------
    SettingsInvalid
        If there is none.
    """
    if not folder.is_dir():
        message = f"{folder} is no folder"
        raise SettingsInvalid(message)
    found = []
    for upload in plan_uploads([folder]):
        if upload.is_archive:
            say(f"left out: {upload.files[0].name} is an archive; unpack it first")
            continue
        try:
            with upload.files[0].open("rb") as stream:
                found.append(Found(read_header(stream).study_instance_uid, upload))
        except InvalidRequest:
            say("left out: there is no readable DICOM file in the folder")
    if not found:
        message = f"{folder} holds no study"
        raise SettingsInvalid(message)
    return found


def unread(found: Sequence[Found], target: StudyFolder, seed: int) -> list[tuple[int, Found]]:
    """Return the studies that are no cases yet, numbered on in an order drawn by the seed."""
    numbers = target.numbers()
    known = {target.identity(number).study_instance_uid for number in numbers}
    new = sorted(
        (one for one in found if one.uid not in known), key=lambda one: draw(seed, one.uid)
    )
    return list(enumerate(new, start=max(numbers, default=0) + 1))


def _read_all(new: Sequence[tuple[int, Found]], target: StudyFolder, scratch: Path) -> None:
    settings = Settings().model_copy(
        update={
            "database_url": Settings(database_url=f"sqlite:///{scratch}/read.sqlite").database_url,
            "store_dir": scratch / "store",
            "mode": Mode.RESEARCH_PREREAD,
        }
    )
    database = open_database(settings.database_url.get_secret_value())
    upgrade(database)
    database.close()
    with open_resources(settings) as resources:
        say("loading the model …")
        read = load_model_reader(resources).read_closely
        for done, (number, one) in enumerate(new, start=1):
            facts = make_case(resources, read, one, number, target)
            result = "read" if facts.reason is None else f"not assessed: {facts.reason.value}"
            say(f"{done} of {len(new)}: case {number}, {len(one.upload.files)} files, {result}")


def make_case(
    resources: Resources, read: Read, one: Found, number: int, target: StudyFolder
) -> CaseFacts:
    """Read one study and keep its case; it is there when it is whole.

    Raises
    ------
    NothingStored
        If not one file of the study can be read.
    """
    claim, close = _read(resources, read, one)
    whole = target.case_path(number)
    part = whole.with_name(f".{whole.name}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    facts = CaseFacts(
        number=number,
        slice_count=0 if close.volume is None else len(close.volume.hu),
        synthetic=claim.study.synthetic,
        outlined=_outlined(close),
        reason=_reason(close),
    )
    identity = Identity(
        study_instance_uid=one.uid,
        sop_instance_uids=tuple(i.sop_instance_uid for i in claim.instances),
    )
    _draw(close, facts, part)
    for name, value in (
        ("case.json", facts),
        ("pre-read.json", close.result.document),
        ("identity.json", identity),
    ):
        (part / name).write_text(value.model_dump_json(indent=1) + "\n", encoding="utf-8")
    part.rename(whole)
    return facts


def _read(resources: Resources, read: Read, one: Found) -> tuple[Claim, CloseReading]:
    """Take a study in as an upload and read it as the worker does."""
    submission = Submission(
        site=SITE,
        order_class=None,
        accession_number=None,
        complete=True,
        actor=SITE,
        idempotency_key=None,
    )
    receive(resources, [_incoming(resources, path) for path in one.upload.files], submission)
    claim = claim_next(resources, SITE)
    if claim is None or claim.study.study_instance_uid != one.uid:
        message = "the study that was taken in is not the one that waits"
        raise RuntimeError(message)
    try:
        return claim, read(claim)
    finally:
        for instance in claim.instances:
            resources.store.path(instance.sha256).unlink(missing_ok=True)


def _incoming(resources: Resources, path: Path) -> Incoming:
    writer = resources.store.incoming()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            writer.write(chunk)
    return writer.close()


def _reason(close: CloseReading) -> ReasonCode | None:
    reasons = close.result.document.eligibility.reasons
    return reasons[0] if reasons else None


def _outlined(close: CloseReading) -> tuple[int, ...]:
    if close.assessment is None:
        return ()
    return tuple(int(i) for i in np.flatnonzero(close.assessment.mask.any(axis=(1, 2))))


def _draw(close: CloseReading, facts: CaseFacts, folder: Path) -> None:
    """Draw every slice in every window, and the outlines."""
    if close.volume is None or close.assessment is None:
        return
    spacing_mm = close.volume.pixel_spacing_mm
    planes = [Plane(hu, spacing_mm) for hu in close.volume.hu]
    for name, window in WINDOW.items():
        (folder / name.value).mkdir()
        for index, plane in enumerate(planes):
            png = draw_slice(plane, (), window=window, synthetic=facts.synthetic)
            (folder / name.value / f"{index:03d}.png").write_bytes(png)
    (folder / "outline").mkdir()
    for index in facts.outlined:
        png = draw_outlines(planes[index], outlines_of(close.assessment, index))
        (folder / "outline" / f"{index:03d}.png").write_bytes(png)
    mask = close.assessment.mask
    np.savez_compressed(folder / "outline.npz", mask=np.packbits(mask), shape=mask.shape)


def _tell(target: StudyFolder) -> None:
    facts = [target.facts(number) for number in target.numbers()]
    read = sum(one.is_read for one in facts)
    say(f"{read} cases for readers, {len(facts) - read} not assessed, in {target.path}")


if __name__ == "__main__":
    sys.exit(main())
