"""The one thread that changes the SQLite file: group commit, and the log of commits.

Everything that waits in its queue goes into one transaction, so that one disk flush serves
every message that waited for it. A commit's true time is known only after COMMIT returned; it
is written with the next transaction, and until then the time inside the transaction stands in
for it. That time is what a reader finds after a crash.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

import msgspec

from harness.clock import Clock
from harness.commitlog import Commit
from harness.server.storage.model import Change, Draft, OnCommit, Op, Stored
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
class Update:
    row_id: int
    body: str | None
    hidden: bool | None
    done: Future[MessageRow | None] = field(default_factory=Future)


@dataclass(frozen=True)
class Delete:
    row_id: int
    done: Future[MessageRow | None] = field(default_factory=Future)


@dataclass(frozen=True)
class Flush:
    """Write down the commit times that are still only in memory."""

    done: Future[None] = field(default_factory=Future)


class Stop:
    """The last thing in the writer's queue."""


Write = Insert | Update | Delete
Job = Write | Flush | Stop


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
            writes = [one for one in jobs if isinstance(one, Write)]
            flushes = [one for one in jobs if isinstance(one, Flush)]
            if writes:
                self._commit(writes)
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

    def _commit(self, writes: list[Write]) -> None:
        changes: list[Change] = []
        answers: list[Callable[[], None]] = []
        try:
            with self._transaction():
                answers = [self._write(one, changes) for one in writes]
        except Exception as error:  # noqa: BLE001
            # Whatever it is, whoever asked is told; the writer must live for the next batch.
            _log.exception("a transaction of %d writes was rolled back", len(writes))
            for write in writes:
                write.done.set_exception(error)
            return
        committed_s = self._clock()
        self._unwritten = (committed_s, [change.commit.seq for change in changes])
        if changes:
            self._on_commit(tuple(_timed(change, committed_s) for change in changes))
        for answer in answers:
            answer()

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

    def _write(self, write: Write, changes: list[Change]) -> Callable[[], None]:
        """Do one write inside the transaction; returns how to answer it once that is durable."""
        match write:
            case Insert(draft, inserted):
                return partial(inserted.set_result, self._insert(draft, changes))
            case Update(row_id, body, hidden, done):
                return partial(done.set_result, self._update(row_id, body, hidden, changes))
            case Delete(row_id, done):
                return partial(done.set_result, self._delete(row_id, changes))

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
        changes.append(Change(self._log("INSERT", row), row))
        return Stored(row, True)

    def _update(
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

    def _delete(self, row_id: int, changes: list[Change]) -> MessageRow | None:
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


def _timed(change: Change, committed_s: float) -> Change:
    commit = msgspec.structs.replace(change.commit, committed_s=committed_s)
    return replace(change, commit=commit)


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
