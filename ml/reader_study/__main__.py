"""``python -m ml.reader_study FOLDER --out OUT``: writes the report of a reading study."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ml.reader_study.report import write_report
from ml.reader_study.truth import read_truth
from preread.errors import PreReadError
from preread.logs import configure_logs
from preread.notice import NOTICE
from preread.printing import say
from preread.reader_study.cases import StudyFolder


def main(words: Sequence[str] | None = None) -> int:
    """Write the report and return the exit status."""
    parser = argparse.ArgumentParser(prog="run reader-study")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args(words)
    configure_logs("ERROR")
    folder = StudyFolder(arguments.out)
    try:
        page = write_report(folder, read_truth(arguments.folder, folder))
    except PreReadError as error:
        say(f"reader-study: {error}")
        return 1
    say(f"Report: {page}")
    say(NOTICE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
