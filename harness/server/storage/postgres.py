"""Storage in PostgreSQL: a pool of sessions for the messages, and one that reads the log.

Both live on an event loop in a thread of their own, so that decoding the log never holds up the
server's loop, and whoever asks may come from any loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

import psycopg

from harness.clock import Clock, monotonic_s
from harness.commitlog import Commit
from harness.errors import ChatquakeError
from harness.server.storage import postgres_schema
from harness.server.storage.condition import Condition
from harness.server.storage.loop_thread import LoopThread
from harness.server.storage.model import (
    Draft,
    OnCommit,
    Selection,
    StorageUnavailable,
    Stored,
)
from harness.server.storage.postgres_log import LogReader, one_line
from harness.server.storage.postgres_messages import Messages
from harness.server.storage.reading import read_after, read_last, read_one
from harness.wire.changes import MessageRow

T = TypeVar("T")

_log = logging.getLogger(__name__)


class PostgresStorage:
    """A :class:`harness.server.storage.Storage` in a database. One process may have it open.

    What differs from SQLite: a change is published once it was decoded, which may be after the
    answer to its request; its time is PostgreSQL's own stamp.
    """

    def __init__(
        self, url: str, on_commit: OnCommit, *, once: bool = True, clock: Clock = monotonic_s
    ) -> None:
        """Open a database and make in it what is missing. Blocks until the log is up to date.

        ``once=False`` takes the unique key away (no-unique-key). Raises
        :class:`harness.errors.UsageError` where the database cannot serve, and
        :class:`psycopg.Error` where it cannot be reached.
        """
        self._condition = Condition(clock)
        self._reader = LogReader(url, on_commit, clock, self._condition)
        self._messages = Messages(url, self._reader.wake, once=once)
        self._asked: set[asyncio.Task[Any]] = set()
        self._loop = LoopThread("postgres")
        try:
            self._reading = self._loop.wait(self._open(once))
        except BaseException:
            self._loop.close()
            raise

    @property
    def trouble(self) -> str | None:
        return self._condition.trouble

    @property
    def unique_key_holds(self) -> bool:
        return self._messages.once

    async def reserve(self) -> int:
        return await self._ask(self._messages.reserve())

    async def create(
        self, draft: Draft, *, hold_s: float = 0.0, row_id: int | None = None
    ) -> Stored:
        return await self._ask(self._messages.create(draft, hold_s, row_id))

    async def row(self, row_id: int) -> MessageRow | None:
        return await read_one(self.select, row_id)

    async def update(
        self, row_id: int, *, body: str | None = None, hidden: bool | None = None
    ) -> MessageRow | None:
        return await self._ask(self._messages.update(row_id, body, hidden))

    async def delete(self, row_id: int) -> MessageRow | None:
        return await self._ask(self._messages.delete(row_id))

    async def select(self, selection: Selection) -> list[MessageRow]:
        return await self._ask(self._messages.select(selection))

    async def rows_after(self, webinar_id: int, after_id: int, limit: int) -> list[MessageRow]:
        return await read_after(self.select, webinar_id, after_id, limit)

    async def last_rows(self, webinar_id: int, limit: int) -> list[MessageRow]:
        return await read_last(self.select, webinar_id, limit)

    async def commits(self, after_seq: int, limit: int) -> list[Commit]:
        return await self._ask(self._commits(after_seq, limit))

    async def set_unique(self, on: bool) -> None:
        await self._ask(self._messages.set_unique(on))

    def hurry(self) -> None:
        self._loop.call(self._messages.hurry)

    def close(self) -> None:
        self._loop.wait(self._close())
        self._loop.close()

    async def _open(self, once: bool) -> asyncio.Task[None]:
        try:
            connection = await self._reader.open()
            await postgres_schema.set_unique(connection, once)
            await self._messages.open()
        except BaseException:
            await self._messages.close()
            await self._reader.close()
            raise
        return asyncio.create_task(self._reader.run())

    async def _commits(self, after_seq: int, limit: int) -> list[Commit]:
        await self._reader.catch_up()
        return await self._messages.commits(after_seq, limit)

    async def _close(self) -> None:
        self._messages.hurry()
        # Whoever asked gets the errors of what was begun.
        await asyncio.gather(*self._asked, return_exceptions=True)
        try:
            await self._reader.catch_up()
        except (psycopg.Error, ChatquakeError) as error:
            _log.error("the slot keeps what the log lacks until the next start: %s", error)
        self._reading.cancel()
        await asyncio.wait([self._reading])
        await self._reader.close()
        await self._messages.close()

    async def _ask(self, work: Coroutine[Any, Any, T]) -> T:
        return await self._loop.run(self._tracked(work))

    async def _tracked(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.current_task()
        assert task is not None
        self._asked.add(task)
        try:
            if self._condition.trouble is not None:
                work.close()
                raise StorageUnavailable(self._condition.trouble)
            return await work
        except psycopg.OperationalError as error:
            raise StorageUnavailable(one_line(error)) from error
        finally:
            self._asked.discard(task)
