"""A private PostgreSQL cluster from the machine's own programs, for tests and benchmarks."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg

from harness.server.storage.postgres_schema import TRUSTED, drop

_DEBIAN = Path("/usr/lib/postgresql")
_UNPRIVILEGED = "postgres"
_START_WITHIN_S = 30.0
_FAST = ("-c", "fsync=off", "-c", "full_page_writes=off")
"""Tests kill our server, not the machine: what PostgreSQL wrote, stays."""


class Missing(Exception):
    """What it takes to run PostgreSQL is not on this machine; says what, and how to get it."""


class _Server:
    """The process of a cluster, which can be started again."""

    def __init__(self, command: Sequence[str | Path], folder: Path, user: str | None) -> None:
        self._command = command
        self._folder = folder
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it lets sessions in."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, user=self._user, cwd=self._folder
            )
        try:
            _wait_until_up(self._folder, self._process)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """At once, without a last checkpoint."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None


@dataclass(frozen=True)
class Cluster:
    """A running cluster that listens on a Unix socket only."""

    folder: Path
    server: _Server

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Away, as by a crash; up again at the end."""
        self.server.stop()
        try:
            yield
        finally:
            self.server.start()

    def url(self, database: str, user: str = "postgres") -> str:
        return _url(self.folder, database, user)

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new, empty database; at the end it and its slot are gone."""
        name = f"chat_{uuid4().hex[:8]}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
            try:
                yield self.url(name)
            finally:
                _wait_for_sessions(connection, name)
                drop(self.url(name))
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def programs() -> Path:
    """Where ``initdb`` and ``postgres`` are. Raises :class:`Missing`."""
    versions = sorted(_DEBIAN.glob("[0-9]*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which("postgres")
    if found is None:
        raise Missing("no PostgreSQL here (Debian: apt install postgresql)")
    folder = Path(found).resolve().parent
    if not any(folder.parent.glob("lib/**/wal2json.so")):
        raise Missing("no wal2json here (Debian: apt install postgresql-15-wal2json)")
    return folder


@contextmanager
def cluster(*settings: str, wal_level: str = "logical") -> Iterator[Cluster]:
    """A cluster that is gone at the end, with further ``-c name=value`` settings.

    Raises :class:`Missing`.
    """
    binaries = programs()
    folder = Path(tempfile.mkdtemp(prefix="cq-pg-"))
    user = _unprivileged(folder)
    data = folder / "data"
    try:
        initdb = (
            *(binaries / "initdb", "--pgdata", data, "--auth", "trust", "--username", "postgres"),
            *("--no-sync", "--encoding", "UTF8", "--no-locale"),
        )
        subprocess.run(initdb, check=True, capture_output=True, user=user, cwd=folder)
        _trust_wal2json(data / "postgresql.conf")
        command: tuple[str | Path, ...] = (
            *(binaries / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses="),
            *("-c", f"wal_level={wal_level}", "-c", "max_replication_slots=20"),
            *_FAST,
            *settings,
        )
        running = Cluster(folder, _Server(command, folder, user))
        running.server.start()
        try:
            yield running
        finally:
            running.server.stop()
    finally:
        shutil.rmtree(folder)


def _trust_wal2json(configuration: Path) -> None:
    """Where this PostgreSQL has a list of the plug-ins that may be used (from 15.19 on)."""
    if TRUSTED in configuration.read_text():
        with configuration.open("a") as file:
            file.write(f"{TRUSTED} = 'pgoutput, test_decoding, wal2json'\n")


def _unprivileged(folder: Path) -> str | None:
    """Whom to run as: PostgreSQL refuses root. The folder is made theirs."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(_UNPRIVILEGED)
    except KeyError:
        reason = f"PostgreSQL refuses root, and there is no user {_UNPRIVILEGED} to run it"
        raise Missing(reason) from None
    shutil.chown(folder, _UNPRIVILEGED)
    return _UNPRIVILEGED


def _url(folder: Path, database: str, user: str = "postgres") -> str:
    return f"postgresql://{user}@/{database}?host={folder}"


def _wait_until_up(folder: Path, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + _START_WITHIN_S
    while True:
        try:
            psycopg.connect(_url(folder, "postgres")).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError((folder / "log").read_text()) from None
            time.sleep(0.05)
        else:
            return


def _wait_for_sessions(connection: psycopg.Connection, database: str) -> None:
    """A killed server's sessions may still hold the slot for a moment."""
    deadline_s = time.monotonic() + _START_WITHIN_S
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
    while connection.execute(query, (database,)).fetchone() != (0,):
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"{database}: sessions are left")
        time.sleep(0.02)
