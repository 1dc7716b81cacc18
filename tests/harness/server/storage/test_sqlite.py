"""What SQLite does beyond the contract: its clock, its file, and a crash."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.server.storage.model import Change, StorageUnavailable, Stored
from harness.server.storage.sqlite import SqliteStorage
from harness.server.storage.sqlite_jobs import Holds, Insert
from tests.harness.server.storage.backends import create_all, draft, run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


def nothing(changes: tuple[Change, ...]) -> None:
    """Where nobody wants to know what was committed."""


def ticking() -> Callable[[], float]:
    """A clock that is one second later at each look."""
    ticks = itertools.count(1)
    return lambda: float(next(ticks))


def test_a_commit_is_timed_after_commit_returned_and_before_its_answer(path: Path) -> None:
    clock = ticking()
    published: list[Change] = []
    storage = SqliteStorage(path, published.extend, clock=clock)
    run(storage.create(draft()))
    answered_s = clock()
    (commit,) = run(storage.commits(0, 10))
    storage.close()

    # The first look at the clock is inside the transaction, the second after COMMIT.
    assert commit.committed_s == published[0].commit.committed_s == 2.0 < answered_s
    assert commit.written_s == published[0].commit.written_s == 1.0


def test_publishing_comes_before_the_answer(path: Path) -> None:
    order: list[str] = []
    storage = SqliteStorage(path, lambda changes: order.append("published"))

    async def send() -> None:
        await storage.create(draft())
        order.append("answered")

    run(send())
    storage.close()
    assert order == ["published", "answered"]


def test_a_closed_storage_opens_again_with_all_times(path: Path) -> None:
    for number in (1, 2):
        storage = SqliteStorage(path, nothing, clock=ticking())
        run(storage.create(draft(number)))
        log = run(storage.commits(0, 10))
        storage.close()

    assert [(commit.seq, commit.row_id, commit.committed_s) for commit in log] == [
        (1, 1, 2.0),
        (2, 2, 2.0),
    ]


def test_after_a_crash_everything_answered_is_there(path: Path, tmp_path: Path) -> None:
    crashed = tmp_path / "crashed.db"
    storage = SqliteStorage(path, nothing, clock=ticking())
    run(storage.create(draft(1)))
    run(storage.create(draft(2)))
    # What a killed process leaves: the file and its log, as they are at this moment.
    shutil.copy(path, crashed)
    shutil.copy(f"{path}-wal", f"{crashed}-wal")
    storage.close()

    storage = SqliteStorage(crashed, nothing)
    log = run(storage.commits(0, 10))
    again = run(storage.create(draft(2)))
    storage.close()

    # The second commit's true time was still in memory: its time inside stands in.
    assert [(commit.row_id, commit.committed_s) for commit in log] == [(1, 2.0), (2, 3.0)]
    assert not again.is_new


def test_an_id_that_was_reserved_before_a_crash_goes_to_no_other_row(
    path: Path, tmp_path: Path
) -> None:
    crashed = tmp_path / "crashed.db"
    storage = SqliteStorage(path, nothing)
    reserved = [run(storage.reserve()), run(storage.reserve())]
    shutil.copy(path, crashed)
    shutil.copy(f"{path}-wal", f"{crashed}-wal")
    storage.close()

    storage = SqliteStorage(crashed, nothing)
    row_id = run(storage.create(draft(1))).row.id
    storage.close()

    assert reserved == [1, 2]
    assert row_id == 3


def test_what_waits_together_is_one_transaction(path: Path) -> None:
    batches: list[int] = []
    first, go_on = threading.Event(), threading.Event()

    def on_commit(changes: tuple[Change, ...]) -> None:
        batches.append(len(changes))
        first.set()
        go_on.wait(10)

    async def crowd() -> None:
        one = asyncio.create_task(storage.create(draft(0)))
        await asyncio.to_thread(first.wait, 10)
        # The writer stands still in its callback: all of these wait for it.
        rest = [asyncio.create_task(storage.create(draft(n))) for n in range(1, 101)]
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(one, *rest)

    storage = SqliteStorage(path, on_commit)
    run(crowd())
    storage.close()
    assert batches == [1, 100]


def test_ids_of_deleted_rows_are_not_given_again(path: Path) -> None:
    storage = SqliteStorage(path, nothing)
    last: list[Stored] = run(create_all(storage, [draft(1), draft(2)]))
    run(storage.delete(last[1].row.id))
    storage.close()
    storage = SqliteStorage(path, nothing)
    again = run(storage.create(draft(3)))
    storage.close()

    assert again.row.id == 3


def test_a_file_that_is_no_database_is_refused_in_one_line(path: Path) -> None:
    path.write_text("not a database, but long enough to be looked at" * 100)

    with pytest.raises(UsageError, match=r"chat\.db: cannot be used as a database"):
        SqliteStorage(path, nothing)


def test_a_new_file_and_what_sqlite_keeps_beside_it_are_for_the_owner_alone(path: Path) -> None:
    storage = SqliteStorage(path, nothing)
    run(storage.create(draft(1)))
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    storage.close()

    assert modes == {"chat.db": 0o600, "chat.db-wal": 0o600, "chat.db-shm": 0o600}


def test_polling_is_served_by_an_index(path: Path) -> None:
    SqliteStorage(path, nothing).close()
    connection = sqlite3.connect(path)
    plan = connection.execute(
        "EXPLAIN QUERY PLAN SELECT * FROM messages WHERE webinar_id = 1 AND id > 5 ORDER BY id"
    ).fetchall()
    connection.close()

    assert "messages_by_room (webinar_id=? AND id>?)" in str(plan)


def test_held_inserts_come_out_when_they_are_due() -> None:
    holds = Holds()
    assert not holds
    assert holds.wait_s(5.0) is None
    for row_id, due_s in ((1, 9.0), (2, 7.0), (3, 8.0)):
        holds.add(Insert(draft(row_id)), row_id, due_s)

    assert holds.wait_s(5.0) == 2.0
    assert holds.take(6.9) == []
    assert [one.row_id for one in holds.take(8.0)] == [2, 3]
    assert holds.wait_s(10.0) == 0.0
    assert [one.row_id for one in holds.take(10.0)] == [1]
    assert not holds


def test_whoever_asks_after_the_end_is_refused_and_does_not_wait(path: Path) -> None:
    storage = SqliteStorage(path, nothing)
    storage.close()

    with pytest.raises(StorageUnavailable, match="closed"):
        run(storage.create(draft()))


def test_a_change_that_cannot_be_handed_on_is_answered_and_the_next_one_too(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(changes: tuple[Change, ...]) -> None:
        raise RuntimeError("the loop is gone")

    storage = SqliteStorage(path, fails)
    ids = [run(storage.create(draft(number))).row.id for number in (1, 2)]
    storage.close()

    assert ids == [1, 2]
    assert "could not be handed on" in caplog.text


def test_a_file_that_is_refused_is_not_left_open(path: Path) -> None:
    storage = SqliteStorage(path, nothing, once=False)
    run(create_all(storage, [draft(), draft()]))
    storage.close()

    with pytest.raises(UsageError, match="repeated messages"):
        SqliteStorage(path, nothing)

    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
