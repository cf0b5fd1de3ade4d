"""Empty databases at the newest schema: SQLite, and PostgreSQL where its programs are."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from preread.db.engine import Database, open_database
from preread.db.migrate import upgrade

_START_LIMIT_S: Final = 30.0
_INITIAL: Final = ("-U", "preread", "-A", "trust", "-E", "UTF8")


@contextmanager
def migrated(url: str) -> Iterator[Database]:
    """Open a database and bring it to the newest schema."""
    database = open_database(url)
    try:
        upgrade(database)
        yield database
    finally:
        database.close()


def sqlite_url(folder: Path) -> str:
    """Return the URL of a new SQLite file."""
    return f"sqlite:///{folder / 'preread.sqlite'}"


def find_initdb() -> Path | None:
    """Return PostgreSQL's ``initdb``, from PATH or Debian's place for it."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve()
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)


@contextmanager
def postgres_server(initdb: Path, *, lasting: bool = True) -> Iterator[sa.URL]:
    """Run a PostgreSQL on a private socket.

    Parameters
    ----------
    initdb
        Beside the server's program.
    lasting
        With its defaults, fsync on; else nothing in it is worth a sync or an orderly end.
    """
    # A short path: the name of a Unix socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(
        prefix="preread-pg-",
        dir="/tmp",
        ignore_cleanup_errors=True,
    ) as name:
        folder = Path(name)
        # The server refuses to run as root.
        account = "postgres" if os.geteuid() == 0 else None
        if account is not None:
            shutil.chown(folder, account)
        made = _start(
            [initdb, "-D", folder / "data", *_INITIAL, *(() if lasting else ("-N",))],
            folder,
            account,
        ).wait()
        if made:
            message = f"initdb ended with {made}"
            raise RuntimeError(message)
        server = _start(_serving(initdb, folder, lasting=lasting), folder, account)
        url = sa.URL.create(
            "postgresql+psycopg", "preread", database="postgres", query={"host": str(folder)}
        )
        try:
            _wait_until_it_answers(url)
            yield url
        finally:
            server.send_signal(signal.SIGTERM if lasting else signal.SIGQUIT)
            server.wait(_START_LIMIT_S)


def _serving(initdb: Path, folder: Path, *, lasting: bool) -> list[str | Path]:
    hasty = () if lasting else ("-c", "fsync=off", "-c", "max_connections=200")
    return [
        *(initdb.with_name("postgres"), "-D", folder / "data", *hasty),
        *("-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}"),
    ]


def _start(
    command: Sequence[str | Path], folder: Path, account: str | None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - PostgreSQL's own programs
        command,
        cwd=folder,
        user=account,
        env={**os.environ, "LC_ALL": "C"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _wait_until_it_answers(url: sa.URL) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    deadline = time.monotonic() + _START_LIMIT_S
    while True:
        try:
            engine.connect().close()
        except sa.exc.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def create_database(server: sa.URL, name: str) -> str:
    """Make a database on a PostgreSQL server and return its URL."""
    engine = sa.create_engine(server, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    return server.set(database=name).render_as_string(hide_password=False)
