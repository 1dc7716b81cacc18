"""The reads that every storage offers beside :meth:`Storage.select`, and rows of the log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from harness.commitlog import Commit
from harness.server.storage.model import Selection
from harness.wire.changes import MessageRow

Select = Callable[[Selection], Awaitable[list[MessageRow]]]


async def read_one(select: Select, row_id: int) -> MessageRow | None:
    """The row of an id."""
    rows = await select(Selection(ids=(row_id,), limit=1))
    return rows[0] if rows else None


async def read_after(
    select: Select, webinar_id: int, after_id: int, limit: int
) -> list[MessageRow]:
    """The first rows of a room with a greater id, by id."""
    return await select(Selection(webinar_id=webinar_id, after_id=after_id, limit=limit))


async def read_last(select: Select, webinar_id: int, limit: int) -> list[MessageRow]:
    """The last rows of a room, by id."""
    selection = Selection(webinar_id=webinar_id, newest_first=True, limit=limit)
    return (await select(selection))[::-1]


def commit_of(columns: tuple[Any, ...]) -> Commit:
    """``seq, op, row_id, webinar_id, user_id, client_msg_id, body, committed_s`` and, where the
    database knows it, ``written_s``."""
    seq, op, row_id, webinar_id, user_id, client_msg_id, body, committed_s, *written = columns
    return Commit(
        seq=seq,
        op=op,
        row_id=row_id,
        webinar_id=webinar_id,
        user_id=user_id,
        client_msg_id=client_msg_id,
        body=body,
        committed_s=committed_s,
        written_s=written[0] if written else None,
    )
