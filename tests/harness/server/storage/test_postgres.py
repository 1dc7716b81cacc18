"""What PostgreSQL does beyond the contract: its log, its slot, and what it must be set up for."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from uuid import UUID

import psycopg
import pytest

from harness.errors import UsageError
from harness.server.storage import postgres_log, postgres_schema
from harness.server.storage.database import open_storage, parse_database
from harness.server.storage.model import StorageUnavailable, Stored
from harness.server.storage.postgres import PostgresStorage
from harness.server.storage.postgres_schema import TRUSTED
from tests.harness.server.storage.backends import (
    USER,
    WAIT_S,
    PostgresBackend,
    create_all,
    draft,
    opened,
    run,
)
from tests.support.postgres import Cluster, cluster

pytestmark = pytest.mark.e2e

INSERT = """
INSERT INTO chatquake.messages (webinar_id, user_id, client_msg_id, body, created_at)
VALUES (42, %s, %s, 'from elsewhere', now())
"""

OUR_LOCKS = """
FROM pg_locks WHERE locktype = 'advisory'
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
END_READER = f"SELECT pg_terminate_backend(pid) {OUR_LOCKS} AND granted"
WAITERS = f"SELECT pid {OUR_LOCKS} AND NOT granted"


def execute(url: str, query: str, *arguments: object) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query.encode(), arguments)
        return cursor.fetchall() if cursor.description else []


def until(holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def refusal(url: str) -> str:
    """Why the database is refused, in one line."""
    with pytest.raises(UsageError) as caught:
        open_storage(parse_database(url), lambda changes: None, once=True).close()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_others_commit_is_found_without_being_told(database: str) -> None:
    with opened(PostgresBackend(database)) as (_, published):
        execute(database, INSERT, USER, UUID(int=1))
        (change,) = published.wait_for(1)

    assert change.row is not None
    assert change.row.body == "from elsewhere"


def test_a_transaction_of_several_changes_is_logged_in_its_order(database: str) -> None:
    with opened(PostgresBackend(database)) as (storage, published):
        with psycopg.connect(database) as connection:
            for number in range(3):
                connection.execute(INSERT.encode(), (USER, UUID(int=number)))
            connection.execute("UPDATE chatquake.messages SET hidden = true WHERE id = 2")
        changes = published.wait_for(4)
        log = run(storage.commits(0, 10))

    assert [(one.op, one.row_id) for one in log] == [
        *(("INSERT", 1), ("INSERT", 2), ("INSERT", 3)),
        ("UPDATE", 2),
    ]
    assert [change.commit for change in changes] == log


def test_what_was_rolled_back_is_not_in_the_log(database: str) -> None:
    with opened(PostgresBackend(database)) as (storage, _):
        with psycopg.connect(database) as connection:
            connection.execute(INSERT.encode(), (USER, UUID(int=1)))
            connection.rollback()
        stored = run(storage.create(draft(2)))
        log = run(storage.commits(0, 10))

    assert [commit.row_id for commit in log] == [stored.row.id] == [2]


def test_what_was_committed_while_nobody_served_is_logged_but_not_published(database: str) -> None:
    with opened(PostgresBackend(database)):
        pass
    execute(database, INSERT, USER, UUID(int=1))
    with opened(PostgresBackend(database)) as (storage, published):
        log = run(storage.commits(0, 10))
        run(storage.create(draft(2)))
        changes = published.wait_for(1)

    assert [(commit.seq, commit.row_id) for commit in log] == [(1, 1)]
    assert [change.commit.seq for change in changes] == [2]


def test_what_is_logged_twice_by_the_slot_is_once_in_the_log(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As after a kill between writing the log and letting the slot go on.
    with monkeypatch.context() as patched:
        patched.setattr(postgres_log, "_ADVANCE", "SELECT %s, %s::pg_lsn")
        with opened(PostgresBackend(database)) as (storage, _):
            run(create_all(storage, [draft(number) for number in range(5)]))
            log = run(storage.commits(0, 10))
    execute(database, INSERT, USER, UUID(int=99))
    with opened(PostgresBackend(database)) as (storage, published):
        run(storage.create(draft(6)))
        again = run(storage.commits(0, 10))
        changes = published.wait_for(1)

    assert again[:5] == log
    assert [commit.seq for commit in again] == list(range(1, 8))
    assert len({commit.row_id for commit in again}) == 7
    assert [change.commit for change in changes] == again[6:]


def test_the_log_goes_on_after_its_session_was_lost(
    database: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_log, "RETRY_S", 0.01)
    with opened(PostgresBackend(database)) as (storage, published):
        run(storage.create(draft(1)))
        published.wait_for(1)
        execute(database, END_READER)
        run(storage.create(draft(2)))
        changes = published.wait_for(2)
        log = run(storage.commits(0, 10))

    assert [commit.seq for commit in log] == [1, 2]
    assert [change.commit for change in changes] == log
    assert "the session that reads the commit log was lost" in caplog.text


def test_a_server_that_lost_its_database_to_another_serves_nobody_until_it_has_it_back(
    database: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_log, "RETRY_S", 0.05)
    backend = PostgresBackend(database)
    with opened(backend) as (storage, published), ThreadPoolExecutor() as threads:
        run(storage.create(draft(1)))
        published.wait_for(1)
        opening = threads.submit(backend.open, lambda changes: None)
        until(lambda: bool(execute(database, WAITERS)))
        execute(database, END_READER)
        with closing(opening.result(WAIT_S)) as other:
            until(lambda: storage.trouble is not None)
            assert storage.trouble == "another server uses this database; one at a time can"
            for work in (storage.create(draft(2)), storage.commits(0, 10)):
                with pytest.raises(StorageUnavailable):
                    run(work)
            for number in (3, 4, 5):
                run(other.create(draft(number)))
            run(other.commits(0, 10))
        until(lambda: storage.trouble is None)
        run(storage.create(draft(6)))
        log = run(storage.commits(0, 10))
        seqs = [change.commit.seq for change in published.wait_for(2)]

    assert [commit.seq for commit in log] == [1, 2, 3, 4, 5]
    assert seqs == [1, 5]
    assert caplog.text.count("3 changes that it logged were not published here") == 1


def test_a_session_that_is_lost_after_a_restart_hides_nothing(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(PostgresBackend(database)) as (storage, _):
        run(storage.create(draft(1)))
    with opened(PostgresBackend(database)) as (storage, published):
        execute(database, END_READER)
        run(storage.commits(0, 10))
        run(storage.create(draft(2)))

        assert [change.commit.seq for change in published.wait_for(1)] == [2]
    assert "another server" not in caplog.text


def test_sessions_that_were_ended_fail_nobody(database: str) -> None:
    async def crowd(storage: PostgresStorage, numbers: range) -> list[Stored]:
        return await create_all(storage, [draft(number) for number in numbers])

    with closing(PostgresStorage(database, lambda changes: None)) as storage:
        run(crowd(storage, range(30)))
        for number in range(30, 33):
            execute(
                database,
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            assert run(storage.create(draft(number))).is_new
        log = run(storage.commits(0, 99))

    assert [commit.seq for commit in log] == list(range(1, 34))


def test_a_database_that_dies_is_told_to_whoever_asks_and_lets_the_server_stop(
    postgres: Cluster, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_log, "RETRY_S", 0.01)
    with cluster() as other, opened(PostgresBackend(other.url("postgres"))) as (storage, _):
        run(storage.create(draft(1)))
        pid = int((other.folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGQUIT)
        with pytest.raises(StorageUnavailable):
            run(storage.commits(0, 10))
        with pytest.raises(StorageUnavailable):
            run(storage.create(draft(2)))

    assert "the slot keeps what the log lacks" in caplog.text


def test_a_caller_who_goes_away_does_not_undo_what_he_asked_for(database: str) -> None:
    async def ask_and_go(storage: PostgresStorage) -> None:
        asked = asyncio.create_task(storage.create(draft(1)))
        await asyncio.sleep(0)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        await asyncio.to_thread(storage.close)

    run(ask_and_go(PostgresStorage(database, lambda changes: None)))
    assert execute(database, "SELECT count(*) FROM chatquake.messages") == [(1,)]


def test_every_session_waits_for_the_disk_whatever_the_database_says(database: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    execute(database, f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    execute(database, f"ALTER DATABASE \"{name}\" SET TimeZone = 'Asia/Seoul'")

    async def shown() -> object:
        connection = await postgres_schema.connect(database)
        async with connection:
            return await (await connection.execute("SHOW synchronous_commit")).fetchone()

    with opened(PostgresBackend(database)) as (storage, _):
        # The pool's sessions were set up too: they find the tables, and tell the time in UTC.
        assert run(storage.create(draft(1))).row.created_at.endswith("+00:00")
    assert execute(database, "SHOW synchronous_commit") == [("off",)]
    assert run(shown()) == ("on",)


def test_a_nul_is_refused_and_nothing_is_written(database: str) -> None:
    with opened(PostgresBackend(database)) as (storage, _):
        with pytest.raises(psycopg.DataError, match="NUL"):
            run(storage.create(draft(1, body="a\x00b")))

        assert run(storage.commits(0, 10)) == []


def test_polling_is_served_by_an_index(database: str) -> None:
    with opened(PostgresBackend(database)):
        pass
    with psycopg.connect(database) as connection:
        connection.execute("SET enable_seqscan = off")
        plan = connection.execute(
            "EXPLAIN SELECT * FROM chatquake.messages WHERE webinar_id = 1 AND id > 5 ORDER BY id"
        ).fetchall()

    assert "Index Scan using messages_by_room" in str(plan)
    assert "Sort" not in str(plan)


def test_one_server_at_a_time_uses_a_database(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_schema, "_PATIENCE", "100ms")
    with opened(PostgresBackend(database)):
        assert "another server uses this database" in refusal(database)


def test_a_log_with_a_gap_is_refused(database: str) -> None:
    with opened(PostgresBackend(database)) as (storage, _):
        run(storage.create(draft(1)))
    execute(database, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")

    assert "may have a gap" in refusal(database)


def test_dropping_leaves_nothing_behind(database: str) -> None:
    with opened(PostgresBackend(database)) as (storage, _):
        run(storage.create(draft(1)))
    postgres_schema.drop(database)

    slots = "SELECT slot_name FROM pg_replication_slots WHERE database = current_database()"
    assert execute(database, slots) == []
    assert execute(database, "SELECT 1 FROM pg_namespace WHERE nspname = 'chatquake'") == []


def test_a_cluster_without_logical_decoding_is_refused(postgres: Cluster) -> None:
    with cluster(wal_level="replica") as other, other.database() as url:
        assert "ALTER SYSTEM SET wal_level = logical" in refusal(url)


def test_a_missing_plugin_is_named(database: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    execute(database, f"ALTER DATABASE \"{name}\" SET dynamic_library_path = '/nowhere'")

    assert "wal2json is not installed" in refusal(database)


def test_a_plugin_that_postgresql_does_not_trust_is_named(database: str) -> None:
    if execute(database, "SELECT current_setting(%s, true)", TRUSTED) == [(None,)]:
        pytest.skip(f"this PostgreSQL is older than {TRUSTED}")
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    execute(database, f'ALTER DATABASE "{name}" SET {TRUSTED} = pgoutput')

    assert f"add it to {TRUSTED}" in refusal(database)


def test_a_missing_privilege_is_named(postgres: Cluster, database: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    role = f"poor_{name}"
    execute(database, f"CREATE ROLE {role} LOGIN")
    try:
        assert "CREATE on the database" in refusal(postgres.url(str(name), role))
        execute(database, f'GRANT CREATE ON DATABASE "{name}" TO {role}')
        assert "attribute REPLICATION" in refusal(postgres.url(str(name), role))
    finally:
        execute(database, f"DROP OWNED BY {role} CASCADE")
        execute(database, f"DROP ROLE {role}")


def test_a_transaction_that_stays_open_is_named(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_schema, "_PATIENCE", "200ms")
    with psycopg.connect(database) as other:
        other.execute("CREATE TABLE something (id int)")

        assert "waits for open transactions" in refusal(database)


def test_no_slot_left_is_named(database: str) -> None:
    with cluster("-c", "max_replication_slots=1") as other, other.database() as url:
        make = "SELECT pg_create_physical_replication_slot('taken')"
        execute(url, make)

        assert "raise max_replication_slots" in refusal(url)
        execute(url, "SELECT pg_drop_replication_slot('taken')")


def test_another_encoding_is_refused(postgres: Cluster) -> None:
    url = postgres.url("latin")
    execute(postgres.url("postgres"), "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    try:
        assert "must be UTF8" in refusal(url)
    finally:
        execute(postgres.url("postgres"), "DROP DATABASE latin WITH (FORCE)")
