"""The main job, shown: synthetic studies go in, pre-reads come out, the worklist re-ranks.

Everything goes through the packaged client, as it would from a hospital.
"""

import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from preread.client import PreReadClient, PreReadFailed
from preread.dicom.phantom import Bleed, make_head
from preread.dicom.phantom_files import SyntheticStudy, write_body_series, write_series
from preread.lifeline import tie_to
from preread.notice import NOTICE
from preread.printing import pre_read_text, say, worklist_table
from preread.settings import Settings
from preread.standalone import Standalone, run_standalone
from preread.terms import HemorrhageType, Laterality, OrderClass

_WAIT_S: Final = 300.0
_WHOLE_FILES: Final = 3
_CUT_BYTES: Final = 100_000
_PROCESSES: Final = min(2, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class DemoStudy:
    """One synthetic study; ``is_head`` False makes it an abdomen."""

    accession_number: str
    site: str
    order_class: OrderClass
    seed: int
    bleeds: tuple[Bleed, ...] = ()
    is_head: bool = True


STUDIES: Final = (
    DemoStudy("DEMO-01", "north", OrderClass.ROUTINE, seed=11),
    DemoStudy("DEMO-02", "south", OrderClass.ROUTINE, seed=12),
    DemoStudy("DEMO-03", "south", OrderClass.INPATIENT, seed=13, is_head=False),
    DemoStudy("DEMO-04", "north", OrderClass.INPATIENT, seed=14),
    DemoStudy(
        "DEMO-05",
        "north",
        OrderClass.ROUTINE,
        seed=15,
        bleeds=(Bleed(HemorrhageType.SDH, Laterality.RIGHT, 60.0),),
    ),
    DemoStudy(
        "DEMO-06",
        "south",
        OrderClass.INPATIENT,
        seed=16,
        bleeds=(
            Bleed(HemorrhageType.IPH, Laterality.LEFT, 40.0),
            Bleed(HemorrhageType.IVH, Laterality.LEFT, 10.0),
        ),
    ),
    DemoStudy(
        "DEMO-07",
        "north",
        OrderClass.ER,
        seed=17,
        bleeds=(Bleed(HemorrhageType.EDH, Laterality.LEFT, 45.0),),
    ),
    DemoStudy(
        "DEMO-08",
        "south",
        OrderClass.ROUTINE,
        seed=18,
        bleeds=(Bleed(HemorrhageType.SAH, Laterality.BILATERAL, 25.0),),
    ),
    DemoStudy(
        "DEMO-09",
        "south",
        OrderClass.STAT,
        seed=19,
        bleeds=(Bleed(HemorrhageType.IVH, Laterality.BILATERAL, 20.0),),
    ),
)
"""Every type of hemorrhage, one study with two, negatives, no head; the urgent ones last."""


@contextmanager
def run_demo(settings: Settings, *, data: Path | None, port: int | None) -> Iterator[None]:
    """Show the main job, then serve as long as the context lasts.

    Parameters
    ----------
    settings
        What was set explicitly is kept.
    data
        For everything that lasts; None takes a folder that is removed at the end.
    port
        0 takes any free one; None takes the settings'.
    """
    started_at = time.monotonic()
    if "worker_count" not in settings.model_fields_set:
        settings = settings.model_copy(update={"worker_count": _PROCESSES})
    with _folder(data) as folder, _drawn(folder / "demo-studies") as drawn:
        say("Starting Redis, the database and the API …")
        with (
            run_standalone(settings, folder, port=port) as service,
            PreReadClient(service.address.url, service.address.key) as client,
        ):
            sent = _send_all(client, drawn)
            say(f"\nThe worklist before the pre-reads\n{_listed(client)}")
            _wait_for_all(service, client, sent)
            say(f"\nThe worklist after the pre-reads\n{_listed(client)}")
            top = next(iter(client.worklist())).study_id
            say(f"\nThe pre-read of the top study\n{pre_read_text(client.pre_read(top))}")
            say(f"\nThe whole took {time.monotonic() - started_at:.0f} s.")
            say(f"The page, with this demo's own key in it: {service.address.page_url}")
            say(f"{NOTICE} The studies of this demo are computed, no patient's.")
            yield


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="preread-demo-", ignore_cleanup_errors=True) as made:
        yield Path(made)


@contextmanager
def _drawn(folder: Path) -> Iterator[Sequence[Future[Path]]]:
    """Draw the studies in processes of their own, while the service starts."""
    # Spawned: a fork would copy the threads' locks of this process.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(_PROCESSES, context, _prepare_to_draw, (os.getpid(),))
    try:
        yield [pool.submit(draw, study, folder / study.accession_number) for study in STUDIES]
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare_to_draw(parent_pid: int) -> None:
    tie_to(parent_pid)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer


def draw(study: DemoStudy, folder: Path) -> Path:
    """Write the DICOM files of a demo study."""
    filed = SyntheticStudy(accession_number=study.accession_number)
    if study.is_head:
        write_series(make_head(study.seed, study.bleeds), folder, filed)
    else:
        write_body_series(study.seed, folder, filed)
    return folder


def _send_all(client: PreReadClient, drawn: Sequence[Future[Path]]) -> dict[str, str]:
    """Send the studies, one with a damaged file; return accession numbers and study IDs."""
    sent: dict[str, str] = {}
    for number, (study, folder) in enumerate(zip(STUDIES, drawn, strict=True)):
        path = folder.result()
        if number == 0:
            _add_damaged_file(path)
        outcome = client.send([path], site=study.site, order_class=study.order_class)
        refused = [file for file in outcome.files if file.code is not None]
        said = "".join(f"; file {file.number} {file.status}: {file.code}" for file in refused)
        kept = len(outcome.files) - len(refused)
        say(f"  sent {study.accession_number} from {study.site}, {kept} files{said}")
        sent[study.accession_number] = outcome.studies[0].study_id
    return sent


def _add_damaged_file(folder: Path) -> None:
    """Put a copy of one file beside it that ends in the middle of its pixels."""
    whole = sorted(folder.iterdir())[_WHOLE_FILES].read_bytes()
    (folder / "damaged.dcm").write_bytes(whole[:_CUT_BYTES])


def _wait_for_all(service: Standalone, client: PreReadClient, sent: Mapping[str, str]) -> None:
    say("\nStarting the workers; each loads the model once and reads the worklist from its top …")
    service.start_worker()
    for accession_number, study_id in sent.items():
        try:
            document = client.wait_for_pre_read(study_id, _WAIT_S)
        except PreReadFailed as failed:
            say(f"  {accession_number} has no pre-read: {failed.reason}")
        else:
            seconds = document.timing_ms.total / 1000
            say(f"  {accession_number} {document.assessment.level.value} after {seconds:.1f} s")


def _listed(client: PreReadClient) -> str:
    return worklist_table(list(client.worklist()))
