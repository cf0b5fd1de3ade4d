"""``python -m preread``: everything that a person does from a terminal."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import httpx
from pydantic import ValidationError

from preread.client import ProblemError
from preread.commands import demo, migrate, run_worker, send, serve, show_settings
from preread.errors import PreReadError
from preread.key_commands import end_key, make_key, show_keys
from preread.log_commands import verify_log
from preread.logs import configure_logs
from preread.printing import say
from preread.reader_study.command import add_arguments, reader_study
from preread.settings import Settings
from preread.terms import OrderClass

Command = Callable[[argparse.Namespace, Settings], int]

_INTERRUPTED: Final = 130


def main(words: Sequence[str] | None = None) -> int:
    """Carry out one command line and return its exit status."""
    arguments = _parser().parse_args(words)
    command: Command = arguments.command
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        settings = Settings()
        configure_logs("ERROR")  # a person reads here; children log to their files
        return command(arguments, settings)
    except ValidationError as error:
        names = sorted(
            {f"PREREAD_{'.'.join(map(str, one['loc']))}".upper() for one in error.errors()}
        )
        say(f"Not valid: {', '.join(names)}. `./run settings --help` says where they come from.")
    except ProblemError as problem:
        say(str(problem))
        for number, code in problem.files:
            say(f"file {number} was not stored: {code}")
    except (PreReadError, TimeoutError) as error:
        say(str(error))
    except httpx.TransportError as error:
        say(f"The service cannot be reached ({type(error).__name__}).")
    except KeyboardInterrupt:
        say()
        return _INTERRUPTED
    return 1


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise KeyboardInterrupt  # the way of Ctrl-C: everything is stopped in order


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run", description="Pre-reads of head CTs.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    shown = commands.add_parser("demo", help="the whole service with synthetic head CTs")
    shown.add_argument("--once", action="store_true", help="end after showing instead of serving")
    _add_place(shown)
    shown.set_defaults(command=demo)

    served = commands.add_parser("serve", help="the whole service for your own studies")
    _add_place(served)
    served.set_defaults(command=serve)

    sent = commands.add_parser("send", help="send studies and show their pre-reads")
    sent.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="folder, file or ZIP")
    sent.add_argument("--url", help="of the service; PREREAD_URL; else the local one")
    sent.add_argument("--key", help="API key; better in PREREAD_KEY, where no one lists it")
    sent.add_argument("--site", help="the hospital that sends")
    sent.add_argument("--order-class", type=OrderClass, choices=list(OrderClass))
    sent.add_argument("--data", type=Path, help="folder of the local service")
    sent.set_defaults(command=send)

    worked = commands.add_parser("worker", help="one more worker, as the settings say")
    worked.set_defaults(command=run_worker)

    shown_settings = commands.add_parser(
        "settings",
        help="the settings in force, secrets redacted",
        description="Settings come from PREREAD_<NAME>, or from the file PREREAD_<NAME>_FILE.",
    )
    shown_settings.set_defaults(command=show_settings)

    migrated = commands.add_parser("migrate", help="bring the database to the newest schema")
    migrated.set_defaults(command=migrate)

    verified = commands.add_parser("verify-log", help="whether the event log was tampered with")
    verified.add_argument(
        "--noted", metavar="SEQ:SHA256", help="what this command printed at an earlier time"
    )
    verified.set_defaults(command=verify_log)

    studied = commands.add_parser("reader-study", help="radiologists score pre-reads of a folder")
    add_arguments(studied)
    studied.set_defaults(command=reader_study)

    _add_key_commands(commands.add_parser("key", help="make, list and revoke API keys"))
    return parser


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, help="of the API and the page; 0 takes any free one")
    parser.add_argument("--data", type=Path, help="folder for everything that lasts")


def _add_key_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    create = commands.add_parser("create", help="make a key and print it, once")
    create.add_argument(
        "--role", required=True, choices=["sender", "reader", "coordinator", "admin"]
    )
    create.add_argument(
        "--site", action="append", help="the site that it is good for; once for each of several"
    )
    create.add_argument(
        "--license", action="append", help="what its reader may read, as US-TX; once for each"
    )
    create.add_argument("--label", required=True, help="whose it is, for the list")
    create.add_argument("--days", type=int, help="for how long it is good")
    create.set_defaults(command=make_key)
    listing = commands.add_parser("list", help="all keys, without their secrets")
    listing.set_defaults(command=show_keys)
    revoke = commands.add_parser("revoke", help="make a key useless")
    revoke.add_argument("key_id")
    revoke.set_defaults(command=end_key)


if __name__ == "__main__":
    sys.exit(main())
