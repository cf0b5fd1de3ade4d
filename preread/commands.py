"""Commands that run the service, send to it or say how it is set."""

import argparse
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pydantic import SecretStr

from preread.client import PreReadClient, PreReadFailed
from preread.db.engine import open_database
from preread.db.migrate import upgrade
from preread.errors import SettingsInvalid
from preread.findings import PreRead
from preread.notice import NOTICE
from preread.printing import pre_read_text, progress_bar, say, table
from preread.settings import PREFIX, Settings
from preread.standalone import (
    DEFAULT_FOLDER,
    Address,
    Standalone,
    environment_of,
    find_local,
    local_settings,
    run_standalone,
)

LOCAL_SITE: Final = "local"
"""The site of studies that are sent to the local service without naming one."""

_WAIT_S: Final = 600.0
_CREDENTIALS: Final = re.compile(r"//[^/]*@")


def demo(arguments: argparse.Namespace, settings: Settings) -> int:
    """Show the main job; on a terminal, go on serving."""
    # The phantoms are drawn with scipy, which the image of the API does without.
    from preread.demo import run_demo  # noqa: PLC0415

    named = arguments.port is not None or "bind_port" in settings.model_fields_set
    # A demo must not fail because a port is busy.
    port = arguments.port if named else 0
    with run_demo(settings, data=arguments.data, port=port):
        if not arguments.once and sys.stdout.isatty():
            say("Serving until Ctrl-C.")
            threading.Event().wait()
    return 0


def serve(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run the whole service until it is stopped."""
    folder = arguments.data or DEFAULT_FOLDER
    say("Starting …")
    with run_standalone(settings, folder, port=arguments.port) as service:
        service.start_worker()
        say(f"The page, with this run's own key in it: {service.address.page_url}")
        say(f"Everything is kept in {folder}, and its logs in {folder / 'logs'}.")
        say("Send studies with `./run send FOLDER`; Ctrl-C ends the service.")
        say(NOTICE)
        threading.Event().wait()
    return 0


def send(arguments: argparse.Namespace, settings: Settings) -> int:
    """Send studies, wait for their pre-reads and print them."""
    arguments.url = arguments.url or os.environ.get(f"{PREFIX}URL")
    missing = [path for path in arguments.paths if not path.exists()]
    if missing:
        message = f"There is no {missing[0]}."
        raise SettingsInvalid(message)
    with (
        _service(arguments, settings) as (address, own),
        PreReadClient(address.url, address.key) as client,
    ):
        outcome = client.send(
            arguments.paths,
            progress=progress_bar("sending"),
            # A key of a service elsewhere may know its site; our own is good for all.
            site=arguments.site or (None if arguments.url else LOCAL_SITE),
            order_class=arguments.order_class,
        )
        for file in outcome.files:
            if file.code is not None:
                say(f"file {file.number} was not stored: {file.code}")
        failed = 0
        for study in outcome.studies:
            say(f"\nstudy {study.study_id}, {study.instance_count} images; waiting …")
            try:
                say(pre_read_text(_wait(client, own, study.study_id)))
            except PreReadFailed as failure:
                say(f"There is no pre-read: {failure.reason}")
                failed += 1
    return 1 if failed else 0


def _wait(client: PreReadClient, own: Standalone | None, study_id: str) -> PreRead:
    if own is None:
        return client.wait_for_pre_read(study_id, _WAIT_S)
    return own.wait_for_pre_read(client, study_id, _WAIT_S)


def run_worker(arguments: argparse.Namespace, settings: Settings) -> int:
    """Become a worker supervisor, of the local service unless the settings name another."""
    del arguments
    environment = environment_of(local_settings(settings))
    os.execve(sys.executable, [sys.executable, "-m", "worker"], environment)  # noqa: S606 - ours


def show_settings(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print every setting as our commands use it, where it comes from and what it means."""
    del arguments
    in_force = local_settings(settings)
    rows = []
    for name, field in Settings.model_fields.items():
        value = getattr(in_force, name)
        shown = redacted(value.get_secret_value()) if isinstance(value, SecretStr) else str(value)
        origin = "set" if name in settings.model_fields_set else "default"
        rows.append((f"{PREFIX}{name.upper()}", shown, origin, field.description or ""))
    say(table(("name", "value", "", "meaning"), rows))
    return 0


def migrate(arguments: argparse.Namespace, settings: Settings) -> int:
    """Bring the database to the newest schema."""
    del arguments
    database = open_database(local_settings(settings).database_url.get_secret_value())
    try:
        upgrade(database)
    finally:
        database.close()
    say("The database is at the newest schema.")
    return 0


def redacted(secret: str) -> str:
    """Return a URL without the user and password in it, and nothing of any other secret.

    Examples
    --------
    >>> redacted("redis://:secret@redis:6379/0"), redacted("secret"), redacted("")
    ('redis://***@redis:6379/0', '***', '')
    """
    return _CREDENTIALS.sub("//***@", secret) if "://" in secret else "***" if secret else ""


@contextmanager
def _service(
    arguments: argparse.Namespace, settings: Settings
) -> Iterator[tuple[Address, Standalone | None]]:
    """Yield the service that was named, or runs here, or is started for this time only.

    The second value is the service itself where it was started here.
    """
    url = arguments.url
    if url is not None:
        key = arguments.key or os.environ.get(f"{PREFIX}KEY")
        if key is None:
            message = f"A key for {url} is needed: --key, or {PREFIX}KEY in the environment."
            raise SettingsInvalid(message)
        yield Address(url.rstrip("/"), key), None
        return
    folder = arguments.data or DEFAULT_FOLDER
    running = find_local(folder)
    if running is not None:
        yield running, None
        return
    say(f"No service runs in {folder}; one is started for this time only …")
    with run_standalone(settings, folder, port=0) as service:
        service.start_worker()
        yield service.address, service
