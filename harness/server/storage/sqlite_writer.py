"""The one thread that changes the SQLite file: group commit, and the log of commits.

Everything that waits in its queue goes into one transaction, so that one disk flush serves
every message that waited for it. A commit's true time is known only after COMMIT returned; it
is written with the next transaction, and until then the time inside the transaction stands in
for it. That time is what a reader finds after a crash.

The writer gives the ids away itself, so that one can be reserved and others go on (H1).
"""

from __future__ import annotations

import logging
import math
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from queue import Empty, SimpleQueue

import msgspec

from harness.clock import Clock
from harness.errors import UsageError
from harness.server.storage.condition import Condition
from harness.server.storage.model import Change, OnCommit, StorageUnavailable
from harness.server.storage.sqlite_jobs import (
    Delete,
    Flush,
    Holds,
    Hurry,
    Insert,
    Job,
    Reserve,
    SetUnique,
    Stop,
    Update,
    Write,
)
from harness.server.storage.sqlite_rows import NOT_ONCE, ONCE, Rows

MAX_BATCH = 256
"""Messages in one transaction at most; bounds how long the first of them waits."""
_LOOK_AGAIN_S = 1.0
"""So often a file that was locked is tried while nobody asks for anything."""

_log = logging.getLogger(__name__)


class Writer:
    """The one thread that changes the file."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        queue: SimpleQueue[Job],
        on_commit: OnCommit,
        clock: Clock,
        condition: Condition,
        *,
        once: bool,
    ) -> None:
        self._connection = connection
        self._queue = queue
        self._on_commit = on_commit
        self._clock = clock
        self._condition = condition
        self._locked = False
        """Whether the trouble is a lock: to begin a transaction shows that it is over. Where the
        disk is full only a message shows it, for something smaller may find room."""
        self.once = once
        """Whether the unique key (S5) holds."""
        self._unwritten: tuple[float, list[int]] = (0.0, [])
        """The true time of the last transaction and the ``seq`` of its commits."""
        self._holds = Holds()
        self._hurried = False
        """Whether nothing is held any more."""
        self._rows = Rows(connection, clock)

    def run(self) -> None:
        """Work until told to stop; what was begun before that is finished, held or not."""
        going = True
        while going:
            batch = self._drain()
            going = not any(isinstance(one, Stop) for one in batch)
            self._hurried |= any(isinstance(one, Hurry | Stop) for one in batch)
            # From here on nobody can withdraw what was asked for.
            jobs = [
                one
                for one in batch
                if not isinstance(one, Hurry | Stop) and one.done.set_running_or_notify_cancel()
            ]
            writes = self._writes(jobs)
            others = [one for one in jobs if isinstance(one, SetUnique | Flush)]
            if writes and not self._commit(writes):
                # Another attempt would wait as long, and whoever comes next behind it.
                self._refuse(others)
                continue
            for job in others:
                if isinstance(job, SetUnique):
                    self._set_unique(job)
            flushes = [one for one in others if isinstance(one, Flush)]
            if flushes or not going or self._locked:
                self._flush(flushes)
        self._connection.close()

    def _drain(self) -> list[Job]:
        """What is asked for, up to a full batch; nothing where a held insert is due first.

        All of it where the file could not be written: if that is so still, they all learn it now.
        """
        troubled = self._condition.trouble is not None
        wait_s = self._holds.wait_s(self._clock()) if self._holds else None
        if self._locked:
            wait_s = _LOOK_AGAIN_S if wait_s is None else min(wait_s, _LOOK_AGAIN_S)
        batch: list[Job] = []
        with suppress(Empty):
            batch.append(self._queue.get(timeout=wait_s))
            while troubled or len(batch) < MAX_BATCH:
                batch.append(self._queue.get_nowait())
        return batch

    def _writes(self, jobs: Sequence[Job]) -> list[Write]:
        """What to commit now: what was asked for, then what was held until now."""
        writes: list[Write] = []
        for job in jobs:
            if isinstance(job, Insert) and job.hold_s > 0:
                row_id = self._rows.next_id() if job.row_id is None else job.row_id
                self._holds.add(job, row_id, self._clock() + job.hold_s)
            elif isinstance(job, Write):
                writes.append(job)
        if self._holds:
            writes += self._holds.take(math.inf if self._hurried else self._clock())
        return writes

    def _commit(self, writes: list[Write]) -> bool:
        """Commit them, or tell each why not; false where the file cannot be written at all."""
        changes: list[Change] = []
        answers: list[Callable[[], None]] = []
        try:
            with self._transaction():
                answers = [self._write(one, changes) for one in writes]
        except sqlite3.OperationalError as error:
            # A lock, the disk: it would meet each of them alone as well.
            self._lost(error)
            self._refuse(writes)
            return False
        except Exception as error:  # noqa: BLE001
            if len(writes) > 1:
                return self._one_by_one(writes)
            # Whatever it is, whoever asked is told; the writer must live for the next batch.
            _log.exception("a transaction was rolled back")
            writes[0].done.set_exception(error)
            return True
        self._locked = False
        self._condition.well()
        committed_s = self._clock()
        self._unwritten = (committed_s, [change.commit.seq for change in changes])
        if changes:
            self._hand_on(tuple(_timed(change, committed_s) for change in changes))
        for answer in answers:
            answer()
        return True

    def _hand_on(self, changes: tuple[Change, ...]) -> None:
        try:
            self._on_commit(changes)
        except Exception:  # noqa: BLE001, as above
            # They are committed, and whoever asked must learn it; the writer must live on.
            _log.exception("%d committed changes could not be handed on", len(changes))

    def _one_by_one(self, writes: list[Write]) -> bool:
        """One that cannot be written must not take the others with it."""
        for at, write in enumerate(writes):
            if not self._commit([write]):
                self._refuse(writes[at + 1 :])
                return False
        return True

    def _lost(self, error: sqlite3.OperationalError) -> None:
        self._locked = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
        self._condition.lost(str(error))

    def _refuse(self, jobs: Sequence[Write | SetUnique | Flush]) -> None:
        why = self._condition.trouble or "the file cannot be written"
        for job in jobs:
            job.done.set_exception(StorageUnavailable(why))

    def _set_unique(self, job: SetUnique) -> None:
        try:
            self._connection.execute(ONCE if job.on else NOT_ONCE)
        except sqlite3.IntegrityError:
            job.done.set_exception(
                UsageError("no-unique-key: cannot be turned off, repeated messages are there")
            )
        except sqlite3.OperationalError as error:
            self._lost(error)
            self._refuse([job])
        except Exception as error:  # noqa: BLE001, as for a transaction
            job.done.set_exception(error)
        else:
            self.once = job.on
            job.done.set_result(None)

    def _flush(self, flushes: list[Flush]) -> None:
        try:
            with self._transaction():
                pass
        except sqlite3.OperationalError as error:
            self._lost(error)
            self._refuse(flushes)
            return
        except Exception as error:  # noqa: BLE001, as above
            _log.exception("the commit times could not be written")
            for flush in flushes:
                flush.done.set_exception(error)
            return
        if self._locked:
            self._locked = False
            self._condition.well()
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
            case Insert(done=inserted):
                return partial(inserted.set_result, self._rows.insert(write, changes))
            case Update(row_id, body, hidden, done):
                return partial(done.set_result, self._rows.update(row_id, body, hidden, changes))
            case Delete(row_id, done):
                return partial(done.set_result, self._rows.delete(row_id, changes))
            case Reserve(reserved):
                return partial(reserved.set_result, self._rows.reserve())


def _timed(change: Change, committed_s: float) -> Change:
    commit = msgspec.structs.replace(change.commit, committed_s=committed_s)
    return replace(change, commit=commit)
