"""The rows of the SQLite file as its writer changes them, each with its entry in the log."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from harness.clock import Clock
from harness.commitlog import Commit
from harness.server.storage.model import Change, Op, Stored
from harness.server.storage.reading import commit_of
from harness.server.storage.sqlite_jobs import Insert
from harness.wire.changes import MessageRow

SELECT_ROW = "SELECT id, webinar_id, user_id, client_msg_id, body, created_at, hidden FROM messages"

ONCE = """
CREATE UNIQUE INDEX IF NOT EXISTS messages_once
ON messages (webinar_id, user_id, client_msg_id)
"""
NOT_ONCE = "DROP INDEX IF EXISTS messages_once"
_LAST_ID = """
SELECT max(coalesce((SELECT max(id) FROM messages), 0),
           coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'messages'), 0))
"""
# SQLite's own note of the greatest id, which an insert moves too; its row is made by the first.
_KEEP_ID = "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'messages'"
_KEEP_FIRST_ID = "INSERT INTO sqlite_sequence (name, seq) VALUES ('messages', ?)"


class Rows:
    """Changes within a transaction that the caller began; used by one thread."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self.last_id: int = connection.execute(_LAST_ID).fetchone()[0]
        """The greatest id that was ever given away."""

    def next_id(self) -> int:
        """Give an id away."""
        self.last_id += 1
        return self.last_id

    def reserve(self) -> int:
        """Give an id away for good: also who opens the file after a kill gives it to no other."""
        row_id = self.next_id()
        if not self._connection.execute(_KEEP_ID, (row_id,)).rowcount:
            self._connection.execute(_KEEP_FIRST_ID, (row_id,))
        return row_id

    def insert(self, insert: Insert, changes: list[Change]) -> Stored:
        draft = insert.draft
        key = (draft.webinar_id, draft.user_id, draft.client_msg_id)
        row_id = self.last_id + 1 if insert.row_id is None else insert.row_id
        made = self._connection.execute(
            "INSERT INTO messages (id, webinar_id, user_id, client_msg_id, body, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id",
            (row_id, *key, draft.body, draft.created_at),
        ).fetchone()
        if made is None:
            where = "WHERE webinar_id = ? AND user_id = ? AND client_msg_id = ?"
            return Stored(
                message_of(self._connection.execute(f"{SELECT_ROW} {where}", key).fetchone()), False
            )
        self.last_id = max(self.last_id, row_id)
        row = MessageRow(row_id, *key, draft.body, draft.created_at)
        changes.append(Change(self._log("INSERT", row), row))
        return Stored(row, True)

    def update(
        self, row_id: int, body: str | None, hidden: bool | None, changes: list[Change]
    ) -> MessageRow | None:
        old = self._row(row_id)
        if old is None:
            return None
        new = msgspec.structs.replace(
            old,
            body=old.body if body is None else body,
            hidden=old.hidden if hidden is None else hidden,
        )
        self._connection.execute(
            "UPDATE messages SET body = ?, hidden = ? WHERE id = ?", (new.body, new.hidden, row_id)
        )
        changes.append(Change(self._log("UPDATE", new), new, old))
        return new

    def delete(self, row_id: int, changes: list[Change]) -> MessageRow | None:
        old = self._row(row_id)
        if old is not None:
            self._connection.execute("DELETE FROM messages WHERE id = ?", (row_id,))
            changes.append(Change(self._log("DELETE", old), None, old))
        return old

    def _row(self, row_id: int) -> MessageRow | None:
        found = self._connection.execute(f"{SELECT_ROW} WHERE id = ?", (row_id,)).fetchone()
        return None if found is None else message_of(found)

    def _log(self, op: Op, row: MessageRow) -> Commit:
        written_s = self._clock()
        content = (op, row.id, row.webinar_id, row.user_id, row.client_msg_id, row.body)
        (seq,) = self._connection.execute(
            "INSERT INTO commits"
            " (op, row_id, webinar_id, user_id, client_msg_id, body, written_s)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING seq",
            (*content, written_s),
        ).fetchone()
        return commit_of((seq, *content, written_s, written_s))


def message_of(columns: tuple[Any, ...]) -> MessageRow:
    """A row of :data:`SELECT_ROW`."""
    row_id, webinar_id, user_id, client_msg_id, body, created_at, hidden = columns
    return MessageRow(row_id, webinar_id, user_id, client_msg_id, body, created_at, bool(hidden))
