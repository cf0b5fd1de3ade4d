"""``python -m api.reader_study OUT``: serves the page of a prepared reading study on the loopback."""

import argparse
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import uvicorn

from api.reader_study.app import create_app
from preread.errors import PreReadError
from preread.logs import configure_logs
from preread.notice import NOTICE
from preread.printing import say
from preread.reader_study.cases import StudyFolder

HOST: Final = "127.0.0.1"


def main(words: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="run reader-study")
    parser.add_argument("out", type=Path)
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args(words)
    configure_logs("ERROR")
    try:
        app = create_app(StudyFolder(arguments.out))
    except PreReadError as error:
        say(f"reader-study: {error}")
        return 1
    try:
        listener = socket.create_server((HOST, arguments.port))
    except OSError as error:
        say(f"reader-study: port {arguments.port} cannot be used: {error.strerror}")
        return 1
    say(f"The page of the reading study: http://{HOST}:{listener.getsockname()[1]}/")
    say("It can be reached from this machine only; Ctrl-C ends it, and nothing is lost.")
    say(NOTICE)
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
