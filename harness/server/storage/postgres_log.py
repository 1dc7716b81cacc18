"""The commit log from PostgreSQL's own: a replication slot that is read by SQL.

A round reads what the slot holds, writes it to the table ``commits``, hands it on, and only then
lets the slot go on. Whatever is killed in between, the next round reads the same again, and the
places of the changes tell which of them are in the table already.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import psycopg

from harness.clock import Clock
from harness.commitlog import Commit
from harness.errors import UsageError
from harness.server.sparing_log import SparingLog
from harness.server.storage.commit_times import Offset, better, committed_s, measured
from harness.server.storage.condition import Condition
from harness.server.storage.model import Change, OnCommit, StorageUnavailable
from harness.server.storage.postgres_schema import Connection, connect, lock, prepare
from harness.server.storage.wal2json import OPTIONS, Decoded, Place, decode, lsn_of, lsn_text

TICK_S = 0.25
"""Others' changes are found after this at the latest; our own wake the reader."""
REST_S = 0.005
"""Between two rounds, so that a busy server does not spend itself on reading its log."""
RETRY_S = 1.0
_PAGE_LINES = 5000

_options = ", ".join(f"'{option}'" for option in OPTIONS)
_PEEK = (
    "SELECT lsn::text, data FROM pg_logical_slot_peek_changes("
    f"%s, NULL, {_PAGE_LINES}, 'add-tables', 'chatquake.messages', {_options})"
)
_ADD = """
INSERT INTO commits (seq, lsn, number, op, row_id, webinar_id, user_id, client_msg_id, body,
                     committed_s)
VALUES (%s, %s::pg_lsn, %s, %s, %s, %s, %s::uuid, %s::uuid, %s, %s)
"""
_ADVANCE = "SELECT pg_replication_slot_advance(%s, %s::pg_lsn)"
_FOREIGN = """
SELECT lsn::text, number, count(*) OVER () FROM commits
WHERE (lsn, number) > (%s::pg_lsn, %s)
AND lsn <= (SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = %s)
ORDER BY seq DESC LIMIT 1
"""
_START = Place(0, 0)

_log = logging.getLogger(__name__)


class LogReader:
    """Reads the slot of one database. Everything runs on the event loop that opened it."""

    def __init__(self, url: str, on_commit: OnCommit, clock: Clock, condition: Condition) -> None:
        """``condition`` is told when the database is away, and when it is back."""
        self._url = url
        self._on_commit = on_commit
        self._clock = clock
        self._condition = condition
        self._connection: Connection | None = None
        self._slot = ""
        self._wake = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        self._sparing = SparingLog()
        self._offset: Offset | None = None
        self._read_lsn = 0
        """All transactions that ended up to here were read."""
        self._logged: tuple[int, Place] = (0, _START)
        """``seq`` and place of the last entry of the table."""
        self._published = _START
        self._last_committed_s = float("-inf")

    async def open(self) -> Connection:
        """Take the database, prepare it, and write down what was committed before.

        Answers with the session that holds it. Raises :class:`UsageError` and
        :class:`psycopg.Error`.
        """
        connection = await self._connect()
        while await self._round(connection, publish=False):
            pass
        self._published = max(self._published, self._logged[1])
        return connection

    async def run(self) -> None:
        """Read for ever: soon after a wake, and at each tick."""
        while True:
            waiting, self._waiting = self._waiting, []
            had_session = self._connection is not None
            try:
                connection = self._connection or await self._connect()
                while await self._round(connection, publish=True):
                    pass
            except (psycopg.OperationalError, UsageError) as error:
                await self.close()
                if had_session:
                    # The session alone may be lost: only a new one tells.
                    self._warn("the session that reads the commit log was lost", error)
                    self._waiting = waiting + self._waiting
                    continue
                self._condition.lost(one_line(error))
                _tell(waiting, one_line(error))
                await asyncio.sleep(RETRY_S)
                continue
            except Exception as error:  # noqa: BLE001
                # Whatever it is, who asked is told; the log goes on once that is over.
                self._warn("the commit log cannot be read", error)
                _tell(waiting, f"its log cannot be read ({one_line(error)})")
                await self.close()
                await asyncio.sleep(RETRY_S)
                continue
            self._condition.well()
            for one in waiting:
                if not one.done():  # whoever asked may have given up
                    one.set_result(None)
            await asyncio.sleep(REST_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._wake.wait()
            self._wake.clear()

    def wake(self) -> None:
        """Something was committed."""
        self._wake.set()

    async def catch_up(self) -> None:
        """Return once everything that was committed before this call is in the table."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self.wake()
        await done

    async def close(self) -> None:
        """Let the database go; the slot keeps what is not read yet."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()

    def _warn(self, what: str, error: Exception) -> None:
        self._say(f"{what}: {type(error).__name__}: {one_line(error)}")

    def _say(self, text: str) -> None:
        line = self._sparing.line(text, self._clock())
        if line is not None:
            _log.error(line)

    async def _connect(self) -> Connection:
        connection = await connect(self._url)
        try:
            again = self._slot != ""
            await lock(connection, again=again)
            self._slot = await prepare(connection)
            if again:
                await self._pass_over(connection)
            cursor = await connection.execute(
                "SELECT seq, lsn::text, number FROM commits ORDER BY seq DESC LIMIT 1"
            )
            last = await cursor.fetchone()
        except BaseException:
            await connection.close()
            raise
        self._logged = (last[0], Place(lsn_of(last[1]), last[2])) if last else (0, _START)
        self._read_lsn = 0
        self._connection = connection
        return connection

    async def _pass_over(self, connection: Connection) -> None:
        """Take notice of what another server has logged since our session was lost: the slot has
        it no more, so that it is never published here."""
        place = (lsn_text(self._published.lsn), self._published.number)
        last = await (await connection.execute(_FOREIGN, (*place, self._slot))).fetchone()
        if last is not None:
            lsn, number, count = last
            self._published = Place(lsn_of(lsn), number)
            self._say(
                "another server used this database meanwhile:"
                f" {count} changes that it logged were not published here"
            )

    async def _round(self, connection: Connection, *, publish: bool) -> bool:
        """Read once; whether there may be more at once."""
        flushed_lsn = await self._look(connection)
        if flushed_lsn == self._read_lsn:
            return False
        async with connection.transaction():
            lines = await (await connection.execute(_PEEK, (self._slot,))).fetchall()
            decoded = [one for one in decode(lines) if one.place > self._published]
            changes = await self._add(connection, decoded)
        if decoded:
            self._published = decoded[-1].place
            if publish:
                self._on_commit(changes)
        more = len(lines) >= _PAGE_LINES
        read_lsn = lsn_of(lines[-1][0]) if lines else 0
        self._read_lsn = read_lsn if more else max(read_lsn, flushed_lsn)
        await connection.execute(_ADVANCE, (self._slot, lsn_text(self._read_lsn)))
        return more

    async def _look(self, connection: Connection) -> int:
        """How far the log is on disk; measures the database's clock on the way."""
        asked_s = self._clock()
        cursor = await connection.execute(
            "SELECT pg_current_wal_flush_lsn()::text,"
            " extract(epoch FROM clock_timestamp())::double precision"
        )
        row = await cursor.fetchone()
        assert row is not None
        offset = measured(asked_s, row[1], self._clock())
        self._offset = offset if self._offset is None else better(self._offset, offset)
        return lsn_of(row[0])

    async def _add(self, connection: Connection, decoded: list[Decoded]) -> tuple[Change, ...]:
        """Write what is not in the table yet."""
        logged_seq, logged = self._logged
        known = sum(one.place <= logged for one in decoded)
        first_seq = logged_seq - known + 1
        changes = tuple(self._change(one, first_seq + at) for at, one in enumerate(decoded))
        new = list(zip(decoded, changes, strict=True))[known:]
        if new:
            async with connection.cursor() as cursor:
                await cursor.executemany(
                    _ADD, [_entry(one.place, change.commit) for one, change in new]
                )
            self._logged = (changes[-1].commit.seq, decoded[-1].place)
        return changes

    def _change(self, one: Decoded, seq: int) -> Change:
        row = one.row or one.old
        assert row is not None
        assert self._offset is not None
        at_s = committed_s(
            one.committed_unix_s, self._offset, self._last_committed_s, self._clock()
        )
        self._last_committed_s = at_s
        commit = Commit(
            seq=seq,
            op=one.op,
            row_id=row.id,
            webinar_id=row.webinar_id,
            user_id=row.user_id,
            client_msg_id=row.client_msg_id,
            body=row.body,
            committed_s=at_s,
        )
        return Change(commit, one.row, one.old)


def one_line(error: Exception) -> str:
    """What went wrong, for a log or an answer."""
    return " ".join(str(error).split()) or type(error).__name__


def _tell(waiting: list[asyncio.Future[None]], why: str) -> None:
    for one in waiting:
        if not one.done():
            one.set_exception(StorageUnavailable(why))


def _entry(place: Place, commit: Commit) -> tuple[object, ...]:
    return (
        *(commit.seq, lsn_text(place.lsn), place.number, commit.op, commit.row_id),
        *(commit.webinar_id, commit.user_id, commit.client_msg_id, commit.body),
        commit.committed_s,
    )
