"""What every storage must do, shown on the one that there is."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.commitlog import Commit
from harness.errors import UsageError
from harness.server.storage.model import Change, Draft, Stored
from harness.server.storage.sqlite import SqliteStorage

Published = list[Change]


def draft(number: int = 0, *, room: int = 42, user: str = "u") -> Draft:
    return Draft(
        webinar_id=room,
        user_id=user,
        client_msg_id=f"m{number}",
        body=f"text {number}",
        created_at="2026-11-23T10:00:00.000000+00:00",
    )


@contextmanager
def opened(path: Path, **options: Any) -> Iterator[tuple[SqliteStorage, Published]]:
    published: Published = []
    storage = SqliteStorage(path, published.extend, **options)
    try:
        yield storage, published
    finally:
        storage.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


def ticking() -> Callable[[], float]:
    """A clock that is one second later at each look."""
    ticks = itertools.count(1)
    return lambda: float(next(ticks))


async def create_all(storage: SqliteStorage, drafts: list[Draft]) -> list[Stored]:
    return await asyncio.gather(*(storage.create(one) for one in drafts))


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def test_a_repeated_send_answers_with_the_row_that_is_there(path: Path) -> None:
    with opened(path) as (storage, published):
        first = run(storage.create(draft()))
        again = run(storage.create(draft()))

    assert (first.is_new, again.is_new) == (True, False)
    assert again.row == first.row
    assert len(published) == 1


def test_many_repeats_at_once_make_one_row(path: Path) -> None:
    with opened(path) as (storage, published):
        stored = run(create_all(storage, [draft()] * 50))
        rows = run(storage.rows_after(42, 0, 500))

    assert [one.row for one in stored] == rows * 50
    assert sum(one.is_new for one in stored) == 1
    assert len(published) == 1


def test_the_key_is_webinar_user_and_client_message(path: Path) -> None:
    drafts = [draft(1), draft(2), draft(1, room=43), draft(1, user="other")]
    with opened(path) as (storage, _):
        stored = run(create_all(storage, drafts))

    assert all(one.is_new for one in stored)


def test_without_the_key_a_repeated_send_makes_a_second_row(path: Path) -> None:
    with opened(path, once=False) as (storage, published):
        run(storage.create(draft()))
        again = run(storage.create(draft()))

    assert again.is_new
    assert len(published) == 2


def test_the_commit_log_is_published_in_its_own_order(path: Path) -> None:
    with opened(path) as (storage, published):
        run(create_all(storage, [draft(number) for number in range(300)]))
        log = run(storage.commits(0, 1000))

    assert [commit.seq for commit in log] == list(range(1, 301))
    assert [change.commit for change in published] == log
    assert all(change.row and change.row.id == change.commit.row_id for change in published)


def test_the_commit_log_is_read_in_pages(path: Path) -> None:
    with opened(path) as (storage, _):
        run(create_all(storage, [draft(number) for number in range(5)]))
        page: list[Commit] = run(storage.commits(2, 2))

    assert [commit.seq for commit in page] == [3, 4]


def test_a_commit_is_timed_after_commit_returned_and_before_its_answer(path: Path) -> None:
    clock = ticking()
    with opened(path, clock=clock) as (storage, published):
        run(storage.create(draft()))
        answered_s = clock()
        (commit,) = run(storage.commits(0, 10))

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


def test_rows_after_an_id_are_ordered_bounded_and_of_one_room(path: Path) -> None:
    with opened(path) as (storage, _):
        run(create_all(storage, [draft(number, room=number % 2) for number in range(10)]))
        rows = run(storage.rows_after(1, 2, 3))

    assert [row.id for row in rows] == [4, 6, 8]


def test_last_rows_are_the_newest_oldest_first(path: Path) -> None:
    with opened(path) as (storage, _):
        run(create_all(storage, [draft(number) for number in range(10)]))
        rows = run(storage.last_rows(42, 3))

    assert [row.id for row in rows] == [8, 9, 10]


def test_a_closed_storage_opens_again_with_all_times(path: Path) -> None:
    with opened(path, clock=ticking()) as (storage, _):
        run(storage.create(draft(1)))
    with opened(path, clock=ticking()) as (storage, _):
        run(storage.create(draft(2)))
        log = run(storage.commits(0, 10))

    assert [(commit.seq, commit.row_id, commit.committed_s) for commit in log] == [
        (1, 1, 2.0),
        (2, 2, 2.0),
    ]


def test_after_a_crash_everything_answered_is_there(path: Path, tmp_path: Path) -> None:
    crashed = tmp_path / "crashed.db"
    with opened(path, clock=ticking()) as (storage, _):
        run(storage.create(draft(1)))
        run(storage.create(draft(2)))
        # What a killed process leaves: the file and its log, as they are at this moment.
        shutil.copy(path, crashed)
        shutil.copy(f"{path}-wal", f"{crashed}-wal")

    with opened(crashed) as (storage, _):
        log = run(storage.commits(0, 10))
        again = run(storage.create(draft(2)))

    # The second commit's true time was still in memory: its time inside stands in.
    assert [(commit.row_id, commit.committed_s) for commit in log] == [(1, 2.0), (2, 3.0)]
    assert not again.is_new


def test_a_failed_transaction_is_told_and_the_next_one_works(path: Path) -> None:
    too_great = draft(1, room=2**70)
    with opened(path) as (storage, published):
        with pytest.raises(OverflowError):
            run(storage.create(too_great))
        stored = run(storage.create(draft(2)))

    assert stored.row.id == published[0].commit.row_id
    assert len(published) == 1


def test_a_file_that_is_no_database_is_refused_in_one_line(path: Path) -> None:
    path.write_text("not a database, but long enough to be looked at" * 100)

    with pytest.raises(UsageError, match=r"chat\.db: cannot be used as a database"):
        SqliteStorage(path, lambda changes: None)


def test_repeated_messages_cannot_be_opened_under_the_key(path: Path) -> None:
    with opened(path, once=False) as (storage, _):
        run(create_all(storage, [draft()] * 2))

    with pytest.raises(UsageError, match="no-idempotency"):
        SqliteStorage(path, lambda changes: None)


def test_polling_is_served_by_an_index(path: Path) -> None:
    with opened(path):
        pass
    connection = sqlite3.connect(path)
    plan = connection.execute(
        "EXPLAIN QUERY PLAN SELECT * FROM messages WHERE webinar_id = 1 AND id > 5 ORDER BY id"
    ).fetchall()
    connection.close()

    assert "messages_by_room (webinar_id=? AND id>?)" in str(plan)
