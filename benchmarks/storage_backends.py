"""Both kinds of storage with a million rows, for the benchmark."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import UUID

import psycopg

from harness.server.storage.model import Change, Storage
from harness.server.storage.postgres import PostgresStorage
from harness.server.storage.sqlite import SqliteStorage
from tests.support.postgres import cluster

ROWS = 1_000_000
ROOMS_AT_ONCE = 10
"""So many rooms share the first half of the rows, and then fall quiet; as many the second half."""
USER = UUID("11111111-1111-4111-8111-111111111111")
CREATED_AT = "2026-11-23T10:00:00.123456+00:00"

Opened = tuple[Storage, Callable[[], None], Callable[[str], None]]
"""A storage, what puts a million rows into it, and what runs a statement in its database."""


@contextmanager
def sqlite(folder: Path) -> Iterator[Opened]:
    """An SQLite file in a folder."""
    path = folder / "chat.db"

    def load() -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("DELETE FROM messages")
            connection.executemany(
                "INSERT INTO messages (id, webinar_id, user_id, client_msg_id, body, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (n, room_of(n), str(USER), str(UUID(int=n)), f"message {n}", CREATED_AT)
                    for n in range(ROWS)
                ),
            )
            connection.execute("ANALYZE")

    def execute(statement: str) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(statement)

    with closing(SqliteStorage(path, _unheard)) as storage:
        yield storage, load, execute


@contextmanager
def postgres() -> Iterator[Opened]:
    """A database of a private cluster that waits for the disk. Raises :class:`Missing`."""
    # With the default of 4, meant for turning disks, PostgreSQL does not use F4's index here.
    settings = ("-c", "fsync=on", "-c", "full_page_writes=on", "-c", "random_page_cost=1.1")
    with cluster(*settings) as running, running.database() as url:

        def execute(statement: str) -> None:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("SET search_path = chatquake")
                connection.execute(statement.encode())

        def load() -> None:
            # Unlogged rows are in no log, so that nobody decodes a million of them.
            execute("TRUNCATE messages")
            execute("ALTER TABLE messages SET UNLOGGED")
            execute(
                "INSERT INTO messages"
                " (id, webinar_id, user_id, client_msg_id, body, created_at)"
                " OVERRIDING SYSTEM VALUE"
                f" SELECT n, n % {ROOMS_AT_ONCE} + n / {ROWS // 2} * {ROOMS_AT_ONCE},"
                f" '{USER}', lpad(to_hex(n), 32, '0')::uuid, 'message ' || n, '{CREATED_AT}'"
                f" FROM generate_series(0, {ROWS - 1}) n"
            )
            execute("VACUUM ANALYZE messages")

        with closing(PostgresStorage(url, _unheard)) as storage:
            yield storage, load, execute


def _unheard(changes: tuple[Change, ...]) -> None:
    """Nobody listens to what is committed."""


def room_of(row_id: int) -> int:
    """The room of a loaded row."""
    return row_id % ROOMS_AT_ONCE + row_id // (ROWS // 2) * ROOMS_AT_ONCE
