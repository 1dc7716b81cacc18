"""Where messages are kept, as the rest of the server sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from harness.commitlog import Commit
from harness.wire.changes import MessageRow

Op = Literal["INSERT", "UPDATE", "DELETE"]


@dataclass(frozen=True)
class Change:
    """One entry of the commit log with the rows that Realtime sends."""

    commit: Commit
    row: MessageRow | None
    """The row after the change; ``None`` for DELETE."""
    old: MessageRow | None = None
    """The row before the change; ``None`` for INSERT."""


OnCommit = Callable[[tuple[Change, ...]], None]
"""Is handed new changes in commit order as soon as they are durable. Called from the storage's
own thread, before the requests that made the changes are answered; must not block."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A message that has no id yet."""

    webinar_id: int
    user_id: str
    client_msg_id: str
    body: str
    created_at: str


class Stored(msgspec.Struct, frozen=True):
    """What became of a draft."""

    row: MessageRow
    is_new: bool
    """False for a repeated send: the row was already there (S5)."""


class Storage(Protocol):
    """Durable messages and the log of their commits. Methods may be called concurrently."""

    async def create(self, draft: Draft) -> Stored:
        """Commit a message, once for each ``(webinar, user, client_msg_id)`` (S5)."""
        ...

    async def row(self, row_id: int) -> MessageRow | None:
        """The committed row of an id; ``None`` if there is none."""
        ...

    async def update(
        self, row_id: int, *, body: str | None = None, hidden: bool | None = None
    ) -> MessageRow | None:
        """Commit a change of a row; ``None`` leaves a column as it is.

        Answers with the row after it, or ``None`` if there is no such row. Where nothing
        changes there is a commit all the same, as in PostgreSQL.
        """
        ...

    async def delete(self, row_id: int) -> MessageRow | None:
        """Commit the end of a row. Answers with the row as it was, ``None`` if there is none."""
        ...

    async def rows_after(self, webinar_id: int, after_id: int, limit: int) -> list[MessageRow]:
        """The first ``limit`` rows of a room with a greater id, by id (F4)."""
        ...

    async def last_rows(self, webinar_id: int, limit: int) -> list[MessageRow]:
        """The last ``limit`` rows of a room, by id."""
        ...

    async def commits(self, after_seq: int, limit: int) -> list[Commit]:
        """The first ``limit`` commits after ``after_seq``, in commit order."""
        ...

    def close(self) -> None:
        """Finish what was begun, make it durable and release everything. Blocks shortly."""
        ...
