"""The web process for tests: inside the test, or on a real socket in a thread."""

import socket
import threading
import time
import zipfile
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from io import BytesIO
from unittest.mock import patch

from starlette.testclient import TestClient

from api import housekeeping
from api.main import create_app
from api.server import Server
from preread.keys import Role
from preread.reconcile import reconcile
from tests.builders import key_for

OURS = {"Sec-Fetch-Site": "same-origin"}
"""What a browser says of a request that our own page makes."""


def with_settings(resources, **changes):
    """Return the resources under other settings."""
    return replace(resources, settings=resources.settings.model_copy(update=changes))


class _Idle:
    """In the place of the courier: tests send by themselves."""

    def __init__(self, *_):
        pass

    def look(self):
        pass

    def close(self):
        pass


@contextmanager
def client_of(resources):
    """A client of the application, without sockets and without a key."""
    quiet = with_settings(resources, reconcile_interval_s=3600.0)
    app = create_app(quiet.settings, lambda _: nullcontext(quiet))
    kept = threading.Event()

    def keep(resources):
        try:
            reconcile(resources)
        finally:
            kept.set()

    with (
        patch.object(housekeeping, "reconcile", keep),
        patch.object(housekeeping, "Courier", _Idle),
        TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client,
    ):
        kept.wait(10)  # or the first round of housekeeping would ring among what a test does
        yield client


def bearer(resources, role=Role.COORDINATOR, site=None):
    """Return the header of a new key."""
    return {"Authorization": f"Bearer {key_for(resources, role, site)}"}


def sign_in(visitor, key, **fields):
    """Sign in on the page with a key; gives the answer."""
    answer = visitor.post("/sign-in", data={"key": key, **fields}, headers=OURS)
    assert answer.status_code == 303
    return answer


def files(*contents):
    """Return the parts of a form."""
    return [("files", (f"{n}.dcm", content)) for n, content in enumerate(contents)]


def zipped(*contents):
    """Return a ZIP whose names lead astray and name a patient."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"../PATIENT^NAME/{number}.dcm", content)
    return stream.getvalue()


def left_in_incoming(resources):
    """Return what an upload left behind."""
    return list((resources.settings.store_dir / "incoming").iterdir())


@contextmanager
def server_of(resources):
    """Serve on a free port of the loopback; gives the base URL and the server."""
    app = create_app(resources.settings, lambda _: nullcontext(resources))
    server = Server(app, resources.settings)
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        deadline = time.monotonic() + 10
        while not server.started:
            if time.monotonic() > deadline or not thread.is_alive():
                message = "the server did not start"
                raise RuntimeError(message)
            time.sleep(0.01)
        yield url, server
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
