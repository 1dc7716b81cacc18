"""SQLite while its file cannot be written: a lock of somebody else's, and what it says then."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from queue import SimpleQueue

import pytest

from harness.server.storage.condition import Condition
from harness.server.storage.model import StorageUnavailable, Stored
from harness.server.storage.sqlite import SqliteStorage
from harness.server.storage.sqlite_jobs import Flush, Insert, Job, Stop
from harness.server.storage.sqlite_writer import MAX_BATCH, Writer
from tests.harness.server.storage.backends import draft, run

BUSY_S = 0.02


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


@pytest.fixture
def storage(path: Path) -> Iterator[SqliteStorage]:
    with closing(SqliteStorage(path, lambda changes: None, busy_s=BUSY_S)) as one:
        yield one


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """While somebody else writes and does not end it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def many(storage: SqliteStorage, numbers: range) -> list[Stored | BaseException]:
    creates = (storage.create(draft(number)) for number in numbers)
    return await asyncio.gather(*creates, return_exceptions=True)


def refusals(answers: list[Stored | BaseException]) -> set[str]:
    assert all(isinstance(one, StorageUnavailable) for one in answers), answers
    return {str(one) for one in answers}


class Attempts(Condition):
    """Counts how often the file could not be written."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)
        self.failed = 0

    def lost(self, why: str) -> None:
        self.failed += 1
        super().lost(why)


def test_a_lock_fails_all_that_wait_together_and_not_one_after_another(path: Path) -> None:
    SqliteStorage(path, lambda changes: None).close()
    inserts = [Insert(draft(number)) for number in range(10 * MAX_BATCH)]
    flush = Flush()
    queue: SimpleQueue[Job] = SimpleQueue()
    jobs: list[Job] = [*inserts, flush, Stop()]
    for job in jobs:
        queue.put(job)
    attempts = Attempts()
    connection = sqlite3.connect(path, isolation_level=None, timeout=0.0)
    writer = Writer(connection, queue, lambda changes: None, lambda: 0.0, attempts, once=True)
    with locked(path):
        writer.run()

    # One full batch, and once that has failed everything else, what is no write too.
    assert attempts.failed == 2
    refused = {str(one.done.exception(0)) for one in inserts}
    assert refused == {"database is locked"} == {str(flush.done.exception(0))}


def test_after_a_lock_creates_go_on_and_the_log_is_the_table(
    storage: SqliteStorage, path: Path
) -> None:
    first = run(storage.create(draft(0)))
    with locked(path):
        refusals(run(many(storage, range(1, 50))))
        assert storage.trouble == "database is locked"
        # Readers do not mind.
        assert run(storage.rows_after(42, 0, 99)) == [first.row]
    again = run(many(storage, range(50)))
    rows = run(storage.rows_after(42, 0, 99))
    log = run(storage.commits(0, 99))

    assert storage.trouble is None
    assert [one.row for one in again if isinstance(one, Stored)] == rows
    assert len(rows) == 50
    assert [(one.row_id, one.client_msg_id) for one in log] == [
        (row.id, row.client_msg_id) for row in rows
    ]
    assert [one.seq for one in log] == list(range(1, 51))


def test_a_file_that_can_be_written_again_is_found_without_a_request(
    storage: SqliteStorage, path: Path
) -> None:
    async def found() -> None:
        while storage.trouble is not None:
            await asyncio.sleep(0.005)

    with locked(path):
        refusals(run(many(storage, range(3))))
    run(found())


def test_a_locked_file_does_not_keep_the_storage_from_closing(path: Path) -> None:
    async def stop() -> list[Stored | BaseException]:
        storage = SqliteStorage(path, lambda changes: None, busy_s=BUSY_S)
        with locked(path):
            asked = [asyncio.create_task(storage.create(draft(n))) for n in range(600)]
            asked.append(asyncio.create_task(storage.create(draft(999), hold_s=3600.0)))
            await asyncio.sleep(0)
            await asyncio.to_thread(storage.close)
            return await asyncio.gather(*asked, return_exceptions=True)

    assert refusals(run(stop())) == {"database is locked"}


def test_the_log_and_the_unique_key_say_that_the_file_is_locked(
    storage: SqliteStorage, path: Path
) -> None:
    run(storage.create(draft(1)))
    with locked(path):
        with pytest.raises(StorageUnavailable):
            run(storage.commits(0, 10))
        with pytest.raises(StorageUnavailable):
            run(storage.set_unique(False))
        assert storage.unique_key_holds
    assert len(run(storage.commits(0, 10))) == 1


def test_a_write_that_is_bad_by_itself_takes_no_other_with_it(storage: SqliteStorage) -> None:
    async def crowd() -> list[Stored | BaseException]:
        bad = draft(2, room=2**70)
        creates = (storage.create(one) for one in (draft(1), bad, draft(3)))
        return await asyncio.gather(*creates, return_exceptions=True)

    one, two, three = run(crowd())

    assert isinstance(one, Stored)
    assert isinstance(two, OverflowError)
    assert isinstance(three, Stored)
    assert storage.trouble is None


def test_trouble_is_logged_when_it_begins_and_ends_and_not_at_each_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    condition = Condition(lambda: 0.0)
    for _ in range(1000):
        condition.lost("database is locked")
    condition.well()
    condition.well()

    assert [one.getMessage() for one in caplog.records] == [
        "the storage is unavailable: database is locked",
        "the storage is back",
    ]
    assert all(one.exc_info is None for one in caplog.records)


def test_a_database_that_comes_and_goes_does_not_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    condition = Condition(lambda: 0.0)
    for _ in range(1000):
        condition.lost("no")
        condition.well()

    assert len(caplog.records) <= 20
