"""Storage in one SQLite file: a writer thread with group commit, and a reader of its own.

Readers and the writer have a connection each, so that neither waits for the other (WAL), and
neither blocks the event loop.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from harness.clock import Clock, monotonic_s
from harness.commitlog import Commit
from harness.errors import UsageError
from harness.server.storage.condition import Condition
from harness.server.storage.model import (
    Draft,
    OnCommit,
    Selection,
    StorageUnavailable,
    Stored,
)
from harness.server.storage.reading import commit_of, read_after, read_last, read_one
from harness.server.storage.selecting import SQLITE, clauses_of
from harness.server.storage.sqlite_file import claim_file
from harness.server.storage.sqlite_jobs import (
    Delete,
    Flush,
    Hurry,
    Insert,
    Job,
    Reserve,
    SetUnique,
    Stop,
    Update,
)
from harness.server.storage.sqlite_rows import NOT_ONCE, ONCE, SELECT_ROW, message_of
from harness.server.storage.sqlite_writer import Writer
from harness.wire.changes import MessageRow

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    webinar_id INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    client_msg_id TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at TEXT NOT NULL,
    hidden INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS messages_by_room ON messages (webinar_id, id);
CREATE TABLE IF NOT EXISTS commits (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    op TEXT NOT NULL,
    row_id INTEGER NOT NULL,
    webinar_id INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    client_msg_id TEXT NOT NULL,
    body TEXT NOT NULL,
    written_s REAL NOT NULL,
    committed_s REAL
);
"""
BUSY_S = 2.0
"""How long a transaction waits for a lock that another program holds on the file; a request
waits for two of them at most, which is less than a send's own timeout (S3)."""
T = TypeVar("T")


class SqliteStorage:
    """A :class:`harness.server.storage.Storage` in a file. One process may have it open."""

    def __init__(
        self,
        path: Path,
        on_commit: OnCommit,
        *,
        once: bool = True,
        clock: Clock = monotonic_s,
        busy_s: float = BUSY_S,
    ) -> None:
        """Open or make the file. ``once=False`` takes the unique key away (no-unique-key).

        Raises :class:`UsageError` where the file is no database, cannot be opened, is another
        server's, or holds repeated messages that the unique key forbids.
        """
        self._queue: SimpleQueue[Job] = SimpleQueue()
        self._closed = False
        self._claim = claim_file(path)
        with ExitStack() as undo, _opening(path):
            undo.enter_context(self._claim)
            connection = undo.enter_context(closing(_connect(path, busy_s)))
            connection.executescript(_SCHEMA)
            connection.execute(ONCE if once else NOT_ONCE)
            self._reader_connection = _connect(path, busy_s)
            undo.pop_all()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="sqlite-reader")
        self._condition = Condition(clock)
        self._writer = Writer(connection, self._queue, on_commit, clock, self._condition, once=once)
        self._thread = threading.Thread(target=self._writer.run, name="sqlite-writer", daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> str | None:
        return self._condition.trouble

    @property
    def unique_key_holds(self) -> bool:
        return self._writer.once

    async def reserve(self) -> int:
        reserve = Reserve()
        self._put(reserve)
        return await asyncio.wrap_future(reserve.done)

    async def create(
        self, draft: Draft, *, hold_s: float = 0.0, row_id: int | None = None
    ) -> Stored:
        insert = Insert(draft, hold_s, row_id)
        self._put(insert)
        return await asyncio.wrap_future(insert.done)

    async def row(self, row_id: int) -> MessageRow | None:
        return await read_one(self.select, row_id)

    async def update(
        self, row_id: int, *, body: str | None = None, hidden: bool | None = None
    ) -> MessageRow | None:
        update = Update(row_id, body, hidden)
        self._put(update)
        return await asyncio.wrap_future(update.done)

    async def delete(self, row_id: int) -> MessageRow | None:
        delete = Delete(row_id)
        self._put(delete)
        return await asyncio.wrap_future(delete.done)

    async def select(self, selection: Selection) -> list[MessageRow]:
        clauses, arguments = clauses_of(selection, SQLITE)
        return await self._read(f"{SELECT_ROW} {clauses}", arguments, message_of)

    async def rows_after(self, webinar_id: int, after_id: int, limit: int) -> list[MessageRow]:
        return await read_after(self.select, webinar_id, after_id, limit)

    async def last_rows(self, webinar_id: int, limit: int) -> list[MessageRow]:
        return await read_last(self.select, webinar_id, limit)

    async def commits(self, after_seq: int, limit: int) -> list[Commit]:
        flush = Flush()
        self._put(flush)
        await asyncio.wrap_future(flush.done)
        query = """
            SELECT seq, op, row_id, webinar_id, user_id, client_msg_id, body,
                   coalesce(committed_s, written_s), written_s
            FROM commits WHERE seq > ? ORDER BY seq LIMIT ?
        """
        return await self._read(query, (after_seq, limit), commit_of)

    async def set_unique(self, on: bool) -> None:
        job = SetUnique(on)
        self._put(job)
        await asyncio.wrap_future(job.done)

    def hurry(self) -> None:
        self._queue.put(Hurry())

    def close(self) -> None:
        self._closed = True
        self._queue.put(Stop())
        self._thread.join()
        self._reader.shutdown()
        self._reader_connection.close()
        self._claim.close()

    def _put(self, job: Job) -> None:
        # Behind a Stop nobody would ever answer it.
        if self._closed:
            raise StorageUnavailable("it is closed")
        self._queue.put(job)

    async def _read(
        self, query: str, arguments: tuple[Any, ...], make: Callable[[tuple[Any, ...]], T]
    ) -> list[T]:
        def run() -> list[T]:
            return [make(row) for row in self._reader_connection.execute(query, arguments)]

        try:
            return await asyncio.get_running_loop().run_in_executor(self._reader, run)
        except sqlite3.OperationalError as error:
            raise StorageUnavailable(str(error)) from error


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError:
        raise UsageError(
            f"{path}: holds repeated messages, made under the defect no-unique-key;"
            " use a new --database file or that defect again"
        ) from None
    except (OSError, sqlite3.Error) as error:
        raise UsageError(
            f"{path}: cannot be used as a database ({error});"
            " --database must be an SQLite file or a new file in an existing directory"
        ) from None


def _connect(path: Path, busy_s: float) -> sqlite3.Connection:
    # Opened here, used by one thread only afterwards; transactions are begun by hand.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {round(busy_s * 1000)}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection
