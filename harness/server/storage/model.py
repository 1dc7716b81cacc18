"""Where messages are kept, as the rest of the server sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from harness.commitlog import Commit
from harness.errors import ChatquakeError
from harness.wire.changes import MessageRow

Op = Literal["INSERT", "UPDATE", "DELETE"]


class StorageUnavailable(ChatquakeError):
    """The database is away, locked or full just now: one line, which never holds a password.

    What was asked for may be asked again. It was not committed, save where a session was lost
    after its COMMIT was sent: then nobody knows, and the unique key makes a repeat safe (S5).
    """


@dataclass(frozen=True)
class Change:
    """One entry of the commit log with the rows that Realtime sends."""

    commit: Commit
    row: MessageRow | None
    """The row after the change; ``None`` for DELETE."""
    old: MessageRow | None = None
    """The row before the change; ``None`` for INSERT."""


OnCommit = Callable[[tuple[Change, ...]], None]
"""Is handed the changes since opening, in commit order, each once and soon after it is durable.

Called from the storage's own thread; must not block. Whether the request that made a change is
answered before or after is not promised, as it is not where a real deployment decodes its log.
"""


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


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which committed rows to read; every condition that is set must hold."""

    limit: int
    webinar_id: int | None = None
    after_id: int | None = None
    """Only greater ids."""
    before_id: int | None = None
    """Only lesser ids."""
    ids: tuple[int, ...] | None = None
    """Only these; an empty tuple selects nothing."""
    newest_first: bool = False
    """Whether the rows come by falling id instead of rising."""
    offset: int = 0
    """Rows of that order to skip."""


class Storage(Protocol):
    """Durable messages and the log of their commits. Methods may be called concurrently.

    All of them raise :class:`StorageUnavailable` soon where the database cannot serve.
    """

    @property
    def trouble(self) -> str | None:
        """Why the database cannot serve, in one line, as it was found last; ``None``: it does."""
        ...

    @property
    def unique_key_holds(self) -> bool:
        """Whether repeated messages are found (S5); see :meth:`set_unique`."""
        ...

    async def reserve(self) -> int:
        """Take an id that no other row will get, whatever becomes of the server; durable as a
        commit is. That it is used is not asked for."""
        ...

    async def create(
        self, draft: Draft, *, hold_s: float = 0.0, row_id: int | None = None
    ) -> Stored:
        """Commit a message, once for each ``(webinar, user, client_msg_id)`` (S5).

        With ``hold_s`` the row takes its id now and is committed that much later, so that
        greater ids may be committed before it (H1). Where the same message is committed
        meanwhile, that row is the answer. :meth:`hurry` and :meth:`close` commit at once what is
        still held.
        ``row_id`` is one that was reserved; ``None`` takes the next.
        """
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

    async def select(self, selection: Selection) -> list[MessageRow]:
        """The committed rows of a selection, in its order."""
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

    async def set_unique(self, on: bool) -> None:
        """Let the unique key of S5 hold from now on, or not (the defect of a missing key).

        Raises :class:`harness.errors.UsageError` where it is to hold again but repeated messages
        are already there; it stays off then.
        """
        ...

    def hurry(self) -> None:
        """Commit at once what is held, and hold nothing from now on: the end is near.

        Everything else goes on as before. Does not block.
        """
        ...

    def close(self) -> None:
        """Finish what was begun, make it durable and release everything. Blocks shortly."""
        ...
