"""``./run reader-study``: three programs one after the other, each with what it may load.

The worker's prepares the cases, the web's serves them, the models' writes the report.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from preread.settings import Settings

OUT: Final = Path("var") / "reader-study"
PREPARE: Final = "worker.reader_study"
SERVE: Final = "api.reader_study"
REPORT: Final = "ml.reader_study"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="of DICOM studies, in any layout"
    )
    parser.add_argument(
        "--out", type=Path, default=OUT, help=f"cases, answers and report; it shows patients; {OUT}"
    )
    parser.add_argument(
        "--report",
        "--results",
        action="store_true",
        help="write tables and charts of what was answered so far, with labels where FOLDER has them",
    )
    parser.add_argument("--seed", type=int, help="of every reader's order; drawn if not given")
    parser.add_argument(
        "--no-first-read",
        action="store_true",
        help="show the pre-read at once: quicker, and draws readers towards it",
    )
    parser.add_argument("--port", type=int, default=0, help="of the page; any free one")


def reader_study(arguments: argparse.Namespace, settings: Settings) -> int:
    """Prepare what is new and serve the page, or write the report."""
    del settings
    out = ["--out", str(arguments.out)]
    if arguments.report:
        return _become(REPORT, str(arguments.folder), *out)
    options = [] if arguments.seed is None else ["--seed", str(arguments.seed)]
    options += ["--no-first-read"] if arguments.no_first_read else []
    prepared = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-m", PREPARE, str(arguments.folder), *out, *options], check=False
    )
    if prepared.returncode:
        return prepared.returncode
    return _become(SERVE, str(arguments.out), "--port", str(arguments.port))


def _become(module: str, *words: str) -> int:
    os.execv(sys.executable, [sys.executable, "-m", module, *words])  # noqa: S606 - our own
