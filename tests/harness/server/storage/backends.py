"""Both kinds of storage behind one face, for the tests that both must pass."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import UUID

from psycopg import AsyncConnection

from harness.server.storage.model import Change, Draft, OnCommit, Storage, Stored
from harness.server.storage.postgres import PostgresStorage
from harness.server.storage.sqlite import SqliteStorage

T = TypeVar("T")

USER = "11111111-1111-4111-8111-111111111111"
OTHER = "99999999-9999-4999-8999-999999999999"
WAIT_S = 10.0
"""What has not come after this never will."""


class Backend(Protocol):
    """A database that can be opened again and again."""

    def open(self, on_commit: OnCommit, *, once: bool = True) -> Storage: ...

    async def ids_given(self, count: int) -> None:
        """Return once so many ids were taken, committed or not."""
        ...


@dataclass(frozen=True)
class SqliteBackend:
    path: Path

    def open(self, on_commit: OnCommit, *, once: bool = True) -> Storage:
        return SqliteStorage(self.path, on_commit, once=once)

    async def ids_given(self, count: int) -> None:
        """Nothing to wait for: the writer takes everything in the order it was asked for."""


@dataclass(frozen=True)
class PostgresBackend:
    url: str

    def open(self, on_commit: OnCommit, *, once: bool = True) -> Storage:
        return PostgresStorage(self.url, on_commit, once=once)

    async def ids_given(self, count: int) -> None:
        query = "SELECT last_value FROM chatquake.messages_id_seq WHERE is_called"
        async with await AsyncConnection.connect(self.url, autocommit=True) as connection:
            while True:
                row = await (await connection.execute(query)).fetchone()
                if row is not None and row[0] >= count:
                    return
                await asyncio.sleep(0.005)


class Published:
    """What a storage handed on, in the order of its calls."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._changes: list[Change] = []

    def __call__(self, changes: tuple[Change, ...]) -> None:
        with self._changed:
            self._changes += changes
            self._changed.notify_all()

    def wait_for(self, count: int) -> list[Change]:
        """The first ``count`` changes and what came with them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._changes) >= count, WAIT_S)
            return list(self._changes)

    def now(self) -> list[Change]:
        with self._changed:
            return list(self._changes)


@contextmanager
def opened(backend: Backend, *, once: bool = True) -> Iterator[tuple[Storage, Published]]:
    published = Published()
    storage = backend.open(published, once=once)
    try:
        yield storage, published
    finally:
        storage.close()


def draft(number: int = 0, *, room: int = 42, user: str = USER, body: str = "") -> Draft:
    return Draft(
        webinar_id=room,
        user_id=user,
        client_msg_id=str(UUID(int=number)),
        body=body or f"text {number}",
        created_at="2026-11-23T10:00:00.123456+00:00",
    )


async def create_all(storage: Storage, drafts: list[Draft]) -> list[Stored]:
    return await asyncio.gather(*(storage.create(one) for one in drafts))


def run(work: Coroutine[Any, Any, T]) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(2 * WAIT_S):
            return await work

    return asyncio.run(bounded())
