"""What the storage needs in a PostgreSQL database: sessions, tables, the slot of its log."""

from __future__ import annotations

from typing import LiteralString

import psycopg
from psycopg import AsyncConnection, errors
from psycopg.rows import TupleRow

from harness.errors import UsageError

Connection = AsyncConnection[TupleRow]

_SESSION = """
SET synchronous_commit = on;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET search_path = chatquake;
SET idle_in_transaction_session_timeout = 0;
"""
"""``synchronous_commit``: COMMIT returns after the disk flush, whatever the server's default;
no limit on idle transactions: a held insert is one."""

ONCE = """
CREATE UNIQUE INDEX IF NOT EXISTS messages_once
ON messages (webinar_id, user_id, client_msg_id)
"""
NOT_ONCE = "DROP INDEX IF EXISTS messages_once"

_TABLES = """
CREATE SCHEMA IF NOT EXISTS chatquake;
CREATE TABLE IF NOT EXISTS messages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webinar_id bigint NOT NULL,
    user_id uuid NOT NULL,
    client_msg_id uuid NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL,
    hidden boolean NOT NULL DEFAULT false
);
ALTER TABLE messages REPLICA IDENTITY FULL;
CREATE INDEX IF NOT EXISTS messages_by_room ON messages (webinar_id, id);
CREATE TABLE IF NOT EXISTS commits (
    seq bigint PRIMARY KEY,
    lsn pg_lsn NOT NULL,
    number integer NOT NULL,
    op text NOT NULL,
    row_id bigint NOT NULL,
    webinar_id bigint NOT NULL,
    user_id uuid NOT NULL,
    client_msg_id uuid NOT NULL,
    body text NOT NULL,
    committed_s double precision NOT NULL,
    UNIQUE (lsn, number)
);
"""
_LOCK = 0x63686174
"""One server at a time uses a database: two readers of one slot would share its changes."""
TRUSTED = "output_plugin_libraries"
"""The setting that names the plug-ins that may be used, since the minor releases of November 2026
(15.19 and its like, CVE-2026-6471); it is without wal2json at first."""
_PATIENCE = "10s"
"""A killed server's sessions end a moment after it; a new slot waits for open transactions."""
_PATIENCE_AGAIN = "100ms"
"""A session that was lost keeps the lock a moment longer. Whoever has it after that is another
server, and the one that waits must not serve."""


async def connect(url: str) -> Connection:
    """A session for the storage. Raises :class:`psycopg.Error`."""
    connection = await AsyncConnection.connect(url, autocommit=True)
    try:
        await configure(connection)
    except BaseException:
        await connection.close()
        raise
    return connection


async def configure(connection: Connection) -> None:
    """Set up a new session of the storage."""
    await connection.execute(_SESSION)


async def lock(connection: Connection, *, again: bool) -> None:
    """Make this session the database's only reader of the log; ``again``: as one before it was.

    Raises :class:`UsageError` where another server is it.
    """
    patience = _PATIENCE_AGAIN if again else _PATIENCE
    await connection.execute(f"SET lock_timeout = '{patience}'")
    try:
        await connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
    except errors.LockNotAvailable:
        raise UsageError("another server uses this database; one at a time can") from None
    await connection.execute("SET lock_timeout = 0")


async def prepare(connection: Connection) -> str:
    """Make tables and slot where they are not there yet; answers with the slot's name.

    Raises :class:`UsageError` where the database cannot serve and says what to do.
    """
    await _check(connection)
    slot = await slot_name(connection)
    try:
        await connection.execute(_TABLES)
        query = "SELECT 1 FROM pg_replication_slots WHERE slot_name = %s"
        if await _one(connection, query, (slot,)) is None:
            await _make_slot(connection, slot)
    except errors.InsufficientPrivilege as error:
        if TRUSTED in (error.diag.message_hint or ""):
            raise UsageError(
                f"PostgreSQL does not trust the plug-in wal2json; add it to {TRUSTED} (ALTER SYSTEM"
                f" SET {TRUSTED} = pgoutput, test_decoding, wal2json; SELECT pg_reload_conf())"
            ) from None
        raise UsageError(
            f"the role may not do what is needed ({error.diag.message_primary}); it needs"
            " CREATE on the database and the attribute REPLICATION (ALTER ROLE … REPLICATION)"
        ) from None
    return slot


async def set_unique(connection: Connection, on: bool) -> None:
    """Make or drop the unique key (S5); waits for open inserts. Raises :class:`UsageError`."""
    try:
        await connection.execute(ONCE if on else NOT_ONCE)
    except errors.UniqueViolation:
        raise UsageError(
            "holds repeated messages, made under the defect no-unique-key;"
            " use an empty database or that defect again"
        ) from None


async def slot_name(connection: Connection) -> str:
    """The name of the database's slot; slots of all databases of a cluster share one space."""
    row = await _one(
        connection, "SELECT oid::text FROM pg_database WHERE datname = current_database()"
    )
    assert row is not None
    return f"chatquake_{row[0]}"


def drop(url: str) -> None:
    """Remove everything the storage made in a database, its slot first. No server may use it."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
            " WHERE slot_name LIKE 'chatquake_%' AND database = current_database()"
        )
        connection.execute("DROP SCHEMA IF EXISTS chatquake CASCADE")


async def _check(connection: Connection) -> None:
    level = await _one(connection, "SHOW wal_level")
    if level != ("logical",):
        raise UsageError(
            f"wal_level is {level[0] if level else 'unknown'}; it must be logical"
            " (ALTER SYSTEM SET wal_level = logical, then restart PostgreSQL)"
        )
    encoding = await _one(connection, "SHOW server_encoding")
    if encoding != ("UTF8",):
        raise UsageError("the database's encoding must be UTF8 (CREATE DATABASE … ENCODING 'UTF8')")


async def _make_slot(connection: Connection, slot: str) -> None:
    query = "SELECT 1 FROM messages UNION ALL SELECT 1 FROM commits LIMIT 1"
    if await _one(connection, query) is not None:
        raise UsageError(
            "holds messages, but the replication slot of their commit log is gone, so that the"
            " log may have a gap; use an empty database or DROP SCHEMA chatquake CASCADE"
        )
    await connection.execute(f"SET statement_timeout = '{_PATIENCE}'")
    try:
        await connection.execute(
            "SELECT pg_create_logical_replication_slot(%s, 'wal2json')", (slot,)
        )
    except errors.UndefinedFile:
        raise UsageError(
            "the plug-in wal2json is not installed where PostgreSQL runs"
            " (Debian: apt install postgresql-15-wal2json, with your version's number)"
        ) from None
    except errors.ConfigurationLimitExceeded:
        raise UsageError("all replication slots are in use; raise max_replication_slots") from None
    except errors.QueryCanceled:
        raise UsageError(
            f"a new replication slot waits for open transactions, {_PATIENCE} in vain;"
            " end them (pg_stat_activity shows them)"
        ) from None
    await connection.execute("SET statement_timeout = 0")


async def _one(
    connection: Connection, query: LiteralString, arguments: tuple[object, ...] = ()
) -> TupleRow | None:
    return await (await connection.execute(query, arguments)).fetchone()
