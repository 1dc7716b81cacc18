"""The one thread that changes the SQLite file: group commit, and the log of commits.

Everything that waits in its queue goes into one transaction, so that one disk flush serves
every message that waited for it. A commit's true time is known only after COMMIT returned; it
is written with the next transaction, and until then the time inside the transaction stands in
for it. That time is what a reader finds after a crash.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

import msgspec

from harness.clock import Clock
from harness.commitlog import Commit
from harness.server.changes import Change
from harness.server.storage import Draft, OnCommit, Stored
from harness.wire.changes import MessageRow

MAX_BATCH = 256
"""Messages in one transaction at most; bounds how long the first of them waits."""

SELECT_ROW = "SELECT id, webinar_id, user_id, client_msg_id, body, created_at, hidden FROM messages"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Insert:
    draft: Draft
    done: Future[Stored] = field(default_factory=Future)


@dataclass(frozen=True)
class Flush:
    """Write down the commit times that are still only in memory."""

    done: Future[None] = field(default_factory=Future)


class Stop:
    """The last thing in the writer's queue."""


Job = Insert | Flush | Stop


class Writer:
    """The one thread that changes the file."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        queue: SimpleQueue[Job],
        on_commit: OnCommit,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._queue = queue
        self._on_commit = on_commit
        self._clock = clock
        self._unwritten: tuple[float, list[int]] = (0.0, [])
        """The true time of the last transaction and the ``seq`` of its commits."""

    def run(self) -> None:
        """Work until told to stop; what is queued before that is done."""
        going = True
        while going:
            batch = self._drain()
            going = not any(isinstance(one, Stop) for one in batch)
            # From here on nobody can withdraw what was asked for.
            jobs = [
                one
                for one in batch
                if not isinstance(one, Stop) and one.done.set_running_or_notify_cancel()
            ]
            inserts = [one for one in jobs if isinstance(one, Insert)]
            flushes = [one for one in jobs if isinstance(one, Flush)]
            if inserts:
                self._commit(inserts)
            if flushes or not going:
                self._flush(flushes)
        self._connection.close()

    def _drain(self) -> list[Job]:
        batch = [self._queue.get()]
        while len(batch) < MAX_BATCH:
            try:
                batch.append(self._queue.get_nowait())
            except Empty:
                break
        return batch

    def _commit(self, inserts: list[Insert]) -> None:
        changes: list[Change] = []
        try:
            with self._transaction():
                stored = [self._insert(insert.draft, changes) for insert in inserts]
        except Exception as error:  # noqa: BLE001
            # Whatever it is, whoever asked is told; the writer must live for the next batch.
            _log.exception("a transaction of %d messages was rolled back", len(inserts))
            for insert in inserts:
                insert.done.set_exception(error)
            return
        committed_s = self._clock()
        self._unwritten = (committed_s, [change.commit.seq for change in changes])
        if changes:
            self._on_commit(tuple(_timed(change, committed_s) for change in changes))
        for insert, one in zip(inserts, stored, strict=True):
            insert.done.set_result(one)

    def _flush(self, flushes: list[Flush]) -> None:
        try:
            with self._transaction():
                pass
        except Exception as error:  # noqa: BLE001, as above
            _log.exception("the commit times could not be written")
            for flush in flushes:
                flush.done.set_exception(error)
            return
        self._unwritten = (0.0, [])
        for flush in flushes:
            flush.done.set_result(None)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing; takes the last transaction's true time along."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            committed_s, seqs = self._unwritten
            self._connection.executemany(
                "UPDATE commits SET committed_s = ? WHERE seq = ?",
                [(committed_s, seq) for seq in seqs],
            )
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _insert(self, draft: Draft, changes: list[Change]) -> Stored:
        key = (draft.webinar_id, draft.user_id, draft.client_msg_id)
        made = self._connection.execute(
            "INSERT INTO messages (webinar_id, user_id, client_msg_id, body, created_at)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id",
            (*key, draft.body, draft.created_at),
        ).fetchone()
        if made is None:
            where = "WHERE webinar_id = ? AND user_id = ? AND client_msg_id = ?"
            return Stored(
                message_of(self._connection.execute(f"{SELECT_ROW} {where}", key).fetchone()), False
            )
        row = MessageRow(made[0], *key, draft.body, draft.created_at)
        changes.append(Change(self._log(row), row))
        return Stored(row, True)

    def _log(self, row: MessageRow) -> Commit:
        written_s = self._clock()
        content = ("INSERT", row.id, row.webinar_id, row.user_id, row.client_msg_id, row.body)
        (seq,) = self._connection.execute(
            "INSERT INTO commits"
            " (op, row_id, webinar_id, user_id, client_msg_id, body, written_s)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING seq",
            (*content, written_s),
        ).fetchone()
        return commit_of((seq, *content, written_s, written_s))


def _timed(change: Change, committed_s: float) -> Change:
    return Change(msgspec.structs.replace(change.commit, committed_s=committed_s), change.row)


def message_of(columns: tuple[Any, ...]) -> MessageRow:
    """A row of :data:`SELECT_ROW`."""
    row_id, webinar_id, user_id, client_msg_id, body, created_at, hidden = columns
    return MessageRow(row_id, webinar_id, user_id, client_msg_id, body, created_at, bool(hidden))


def commit_of(columns: tuple[Any, ...]) -> Commit:
    """``seq, op, row_id, webinar_id, user_id, client_msg_id, body`` and its two times."""
    seq, op, row_id, webinar_id, user_id, client_msg_id, body, committed_s, written_s = columns
    return Commit(
        seq=seq,
        op=op,
        row_id=row_id,
        webinar_id=webinar_id,
        user_id=user_id,
        client_msg_id=client_msg_id,
        body=body,
        committed_s=committed_s,
        written_s=written_s,
    )
