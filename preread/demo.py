"""The main job, shown: synthetic studies go in, pre-reads come out, the worklist re-ranks.

Everything goes through the packaged client, as it would from a hospital.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from preread.client import PreReadClient, PreReadFailed
from preread.demo_studies import STUDIES, DemoStudy
from preread.errors import PreReadError
from preread.lifeline import tied
from preread.notice import NOTICE
from preread.printing import pre_read_text, say, worklist_table
from preread.settings import Settings
from preread.standalone import Standalone, run_standalone

_WAIT_S: Final = 300.0
_WHOLE_FILES: Final = 3
_CUT_BYTES: Final = 100_000
_POLL_S: Final = 0.05
_PROCESSES: Final = min(2, os.cpu_count() or 1)


class DrawingFailed(PreReadError):
    """A synthetic study could not be drawn."""


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
    with _folder(data) as folder, _drawing(folder / "demo-studies") as drawing:
        say("Starting Redis, the database and the API …")
        with (
            run_standalone(settings, folder, port=port) as service,
            PreReadClient(service.address.url, service.address.key) as client,
        ):
            sent = _send_all(client, drawing)
            before = list(client.worklist())
            say(f"\nThe worklist before the pre-reads\n{worklist_table(before)}")
            _wait_for_all(service, client, sent)
            after = list(client.worklist())
            listed = worklist_table(after, [study.study_id for study in before])
            say(f"\nThe worklist after the pre-reads\n{listed}")
            top = client.pre_read(after[0].study_id)
            say(f"\nThe pre-read of the top study\n{pre_read_text(top)}")
            say(f"\nThe whole took {time.monotonic() - started_at:.0f} s.")
            say(f"The page, with this demo's own key in it: {service.address.page_url}")
            say(f"{NOTICE} The studies of this demo are computed, no patient's.")
            yield


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="preread-demo-", ignore_cleanup_errors=True) as made:
        yield Path(made)


@contextmanager
def _drawing(folder: Path) -> Iterator["Drawing"]:
    """Draw the studies in processes of their own, while the service starts."""
    folder.mkdir(parents=True, exist_ok=True)
    drawing = Drawing(folder, [_draw_part(folder, part) for part in range(_PROCESSES)])
    try:
        yield drawing
    finally:
        for process in drawing.processes:
            process.kill()
            process.wait()


def _draw_part(folder: Path, part: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "preread.demo_studies", str(folder), f"{part}/{_PROCESSES}"]
    # A group of its own, so that Ctrl-C is answered here alone.
    return subprocess.Popen(tied(command), process_group=0)  # noqa: S603 - our own program


@dataclass(frozen=True, slots=True)
class Drawing:
    """Studies that are being drawn into a folder."""

    folder: Path
    processes: Sequence[subprocess.Popen[bytes]]

    def wait_for(self, study: DemoStudy) -> Path:
        """Return the folder of a study once it is whole.

        Raises
        ------
        DrawingFailed
            If nobody draws it any more.
        """
        path = self.folder / study.accession_number
        while not path.exists():
            ended = all(process.poll() is not None for process in self.processes)
            if ended and not path.exists():
                message = f"The study {study.accession_number} could not be drawn."
                raise DrawingFailed(message)
            time.sleep(_POLL_S)
        return path


def _send_all(client: PreReadClient, drawing: Drawing) -> dict[str, str]:
    """Send the studies, one with a damaged file; return accession numbers and study IDs."""
    sent: dict[str, str] = {}
    for number, study in enumerate(STUDIES):
        path = drawing.wait_for(study)
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
            document = service.wait_for_pre_read(client, study_id, _WAIT_S)
        except PreReadFailed as failed:
            say(f"  {accession_number} has no pre-read: {failed.reason}")
        else:
            seconds = document.timing_ms.total / 1000
            say(f"  {accession_number} {document.assessment.level.value} after {seconds:.1f} s")
