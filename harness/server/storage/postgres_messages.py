"""The messages table in PostgreSQL: what is asked for on a pool of sessions."""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from psycopg_pool import AsyncConnectionPool

from harness.commitlog import Commit
from harness.server.storage import postgres_schema
from harness.server.storage.model import Draft, Selection, Stored
from harness.server.storage.postgres_schema import Connection
from harness.server.storage.reading import commit_of
from harness.server.storage.selecting import POSTGRES, clauses_of
from harness.wire.changes import MessageRow

MAX_SESSIONS = 24
MAX_HELD = 16
"""Held inserts at once, a session each. A further one waits for one of these to end and takes
its id only then, so that all others always have sessions left."""
_SESSION_WITHIN_S = 5.0
_RECONNECT_WITHIN_S = 2.0
"""Sessions that are missing after this are made anew for whoever asks next; the pool's own
attempts grow rarer and rarer while a database is away, and would go on so after it is back."""

_COLUMNS = (
    "id, webinar_id, user_id::text, client_msg_id::text, body, to_json(created_at) #>> '{}', hidden"
)
_SELECT = f"SELECT {_COLUMNS} FROM messages"
_INSERT = f"""
INSERT INTO messages (webinar_id, user_id, client_msg_id, body, created_at)
VALUES (%s, %s::uuid, %s::uuid, %s, %s::timestamptz)
ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
"""
_INSERT_RESERVED = f"""
INSERT INTO messages (id, webinar_id, user_id, client_msg_id, body, created_at)
OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s::uuid, %s::uuid, %s, %s::timestamptz)
ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
"""
_RESERVE = "SELECT nextval(pg_get_serial_sequence('messages', 'id'))"
_SAME = f"{_SELECT} WHERE webinar_id = %s AND user_id = %s::uuid AND client_msg_id = %s::uuid"
_UPDATE = f"""
UPDATE messages SET body = coalesce(%s, body), hidden = coalesce(%s, hidden)
WHERE id = %s RETURNING {_COLUMNS}
"""
_DELETE = f"DELETE FROM messages WHERE id = %s RETURNING {_COLUMNS}"
_COMMITS = """
SELECT seq, op, row_id, webinar_id, user_id::text, client_msg_id::text, body, committed_s
FROM commits WHERE seq > %s ORDER BY seq LIMIT %s
"""

_Key = tuple[int, str, str]
_Insert = tuple[str, tuple[object, ...]]
"""A statement and its arguments."""


class Messages:
    """The table of one database. Everything runs on the event loop that opened it."""

    def __init__(self, url: str, on_write: Callable[[], None], *, once: bool) -> None:
        """``on_write`` is called after each commit that may have changed something."""
        self._on_write = on_write
        self.once = once
        """Whether the unique key (S5) holds."""
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            kwargs={"autocommit": True},
            configure=postgres_schema.configure,
            reconnect_timeout=_RECONNECT_WITHIN_S,
            min_size=2,
            max_size=MAX_SESSIONS,
            timeout=_SESSION_WITHIN_S,
            open=False,
        )
        self._held: dict[_Key, asyncio.Event] = {}
        self._may_hold = asyncio.Semaphore(MAX_HELD)
        self._closing = asyncio.Event()

    async def open(self) -> None:
        await self._pool.open(wait=True)

    def hurry(self) -> None:
        """Commit at once what is held, now and from now on."""
        self._closing.set()

    async def close(self) -> None:
        """End all sessions; nothing may be asked for any more."""
        await self._pool.close()

    async def reserve(self) -> int:
        async with self._session() as connection:
            row = await (await connection.execute(_RESERVE)).fetchone()
        assert row is not None  # a SELECT without FROM has one
        return int(row[0])

    async def create(self, draft: Draft, hold_s: float, row_id: int | None) -> Stored:
        key = (draft.webinar_id, draft.user_id, draft.client_msg_id)
        # PostgreSQL itself would make a repeat wait for the held one, but in a session.
        while self.once and (end := self._held.get(key)) is not None:
            await end.wait()
        while True:
            insert = _insert_of(draft, row_id)
            if hold_s > 0:
                row = await self._hold(insert, key, hold_s, has_id=row_id is not None)
            else:
                row = await self._insert(insert)
            if row is not None:
                self._on_write()
                return Stored(row, True)
            there = await self._rows(_SAME, key)
            if there:
                return Stored(there[0], False)
            # It was deleted in between: then this one is new after all.

    async def update(self, row_id: int, body: str | None, hidden: bool | None) -> MessageRow | None:
        return await self._write(_UPDATE, (body, hidden, row_id))

    async def delete(self, row_id: int) -> MessageRow | None:
        return await self._write(_DELETE, (row_id,))

    async def select(self, selection: Selection) -> list[MessageRow]:
        clauses, arguments = clauses_of(selection, POSTGRES)
        return await self._rows(f"{_SELECT} {clauses}", arguments)

    async def commits(self, after_seq: int, limit: int) -> list[Commit]:
        async with self._session() as connection:
            cursor = await connection.execute(_COMMITS, (after_seq, limit))
            return [commit_of(row) async for row in cursor]

    async def set_unique(self, on: bool) -> None:
        async with self._session() as connection:
            await postgres_schema.set_unique(connection, on)
        self.once = on

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Connection]:
        """One of the pool's. Those that a restart of the database ended fail nobody; the pool's
        own check would have whoever comes first wait a second for each of them."""
        while True:
            connection = await self._pool.getconn()
            if not _is_over(connection):
                break
            await connection.close()
            await self._pool.putconn(connection)
        try:
            yield connection
        finally:
            await self._pool.putconn(connection)

    async def _insert(self, insert: _Insert) -> MessageRow | None:
        rows = await self._rows(*insert)
        return rows[0] if rows else None

    async def _hold(
        self, insert: _Insert, key: _Key, hold_s: float, *, has_id: bool
    ) -> MessageRow | None:
        """Insert a row and commit it later. One that has its id already waits without a session."""
        end = self._held[key] = asyncio.Event()
        try:
            if has_id:
                await self._wait(hold_s)
                return await self._insert(insert)
            async with (
                self._may_hold,
                self._session() as connection,
                connection.transaction(),
            ):
                row = await (await connection.execute(*insert)).fetchone()
                if row is None:
                    return None
                await self._wait(hold_s)
            return MessageRow(*row)
        finally:
            end.set()
            if self._held.get(key) is end:
                del self._held[key]

    async def _wait(self, hold_s: float) -> None:
        """Until a hold is over, by its time or by the end of the server."""
        with suppress(TimeoutError):
            async with asyncio.timeout(hold_s):
                await self._closing.wait()

    async def _write(self, query: str, arguments: tuple[object, ...]) -> MessageRow | None:
        rows = await self._rows(query, arguments)
        if rows:
            self._on_write()
        return rows[0] if rows else None

    async def _rows(self, query: str, arguments: tuple[object, ...]) -> list[MessageRow]:
        async with self._session() as connection:
            cursor = await connection.execute(query, arguments)
            return [MessageRow(*row) for row in await cursor.fetchall()]


def _is_over(connection: Connection) -> bool:
    """Whether PostgreSQL ended an idle session: then there is something to read, if only the end.

    Costs a system call; a question for each session that is handed out would cost a round trip.
    """
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _insert_of(draft: Draft, row_id: int | None) -> _Insert:
    values = (
        *(draft.webinar_id, draft.user_id, draft.client_msg_id),
        *(draft.body, draft.created_at),
    )
    return (_INSERT, values) if row_id is None else (_INSERT_RESERVED, (row_id, *values))
