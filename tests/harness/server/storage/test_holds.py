"""Ids that are taken early and committed late (H1), on both kinds of storage."""

from __future__ import annotations

import asyncio
import time

import pytest

from harness.server.storage.model import Storage, Stored
from tests.harness.server.storage.backends import Backend, draft, opened, run

pytestmark = pytest.mark.e2e

FOR_EVER_S = 3600.0
"""Only closing ends such a hold, so that nothing here depends on the machine's speed."""


async def held(storage: Storage, backend: Backend, number: int) -> asyncio.Task[Stored]:
    """The ``number``-th create of a test, begun, with its id, and held for ever."""
    task = asyncio.create_task(storage.create(draft(number), hold_s=FOR_EVER_S))
    await asyncio.sleep(0)
    await backend.ids_given(number)
    return task


def test_greater_ids_are_committed_before_a_held_one(backend: Backend) -> None:
    async def overtake(storage: Storage) -> tuple[Stored, Stored]:
        first = await held(storage, backend, 1)
        second = await storage.create(draft(2))
        await asyncio.to_thread(storage.close)
        return await first, second

    first, second = run(overtake(backend.open(lambda changes: None)))
    with opened(backend) as (storage, _):
        log = run(storage.commits(0, 10))

    assert first.is_new
    assert first.row.id < second.row.id
    assert [commit.row_id for commit in log] == [second.row.id, first.row.id]
    assert log[1].committed_s >= log[0].committed_s


def test_a_hold_ends_when_its_time_is_over(backend: Backend) -> None:
    with opened(backend) as (storage, published):
        before_s = time.monotonic()
        stored = run(storage.create(draft(1), hold_s=0.05))
        after_s = time.monotonic()

        assert after_s - before_s >= 0.05
        assert [change.row for change in published.wait_for(1)] == [stored.row]
        assert run(storage.rows_after(42, 0, 10)) == [stored.row]


def test_a_held_message_is_seen_by_nobody(backend: Backend) -> None:
    async def look(storage: Storage) -> None:
        first = await held(storage, backend, 1)
        second = await storage.create(draft(2))
        held_id = second.row.id - 1

        assert await storage.rows_after(42, 0, 10) == [second.row]
        assert await storage.row(held_id) is None
        assert await storage.update(held_id, hidden=True) is None
        assert await storage.delete(held_id) is None
        assert len(await storage.commits(0, 10)) == 1
        assert not first.done()
        await asyncio.to_thread(storage.close)
        assert (await first).row.id == held_id

    run(look(backend.open(lambda changes: None)))


def test_creates_go_on_while_more_are_held_than_there_are_sessions(backend: Backend) -> None:
    async def crowd(storage: Storage) -> None:
        waiting = [
            asyncio.create_task(storage.create(draft(number), hold_s=FOR_EVER_S))
            for number in range(100)
        ]
        await asyncio.sleep(0)
        await backend.ids_given(10)
        for number in range(100, 130):
            await storage.create(draft(number))
        assert not any(one.done() for one in waiting)
        await asyncio.to_thread(storage.close)
        await asyncio.gather(*waiting)

    run(crowd(backend.open(lambda changes: None)))
    with opened(backend) as (storage, _):
        rows = run(storage.rows_after(42, 0, 500))
        log = run(storage.commits(0, 500))

    assert len(rows) == 130
    assert sorted(commit.row_id for commit in log) == [row.id for row in rows]


def test_retries_of_held_messages_leave_room_for_others(backend: Backend) -> None:
    async def crowd(storage: Storage) -> list[Stored]:
        first = await held(storage, backend, 1)
        retries = [asyncio.create_task(storage.create(draft(1))) for _ in range(50)]
        other = await storage.create(draft(2))
        await asyncio.to_thread(storage.close)
        return [other, *await asyncio.gather(first, *retries)]

    stored = run(crowd(backend.open(lambda changes: None)))

    assert len({one.row.id for one in stored[1:]}) == 1
    assert sum(one.is_new for one in stored) == 2


def test_a_retry_of_a_held_message_makes_no_second_row(backend: Backend) -> None:
    async def retry(storage: Storage) -> list[Stored]:
        first = storage.create(draft(1), hold_s=0.1)
        again = [storage.create(draft(1)), storage.create(draft(1), hold_s=0.05)]
        return await asyncio.gather(first, *again)

    with opened(backend) as (storage, _):
        stored = run(retry(storage))
        rows = run(storage.rows_after(42, 0, 10))
        log = run(storage.commits(0, 10))

    assert [one.row for one in stored] == rows * 3
    assert sum(one.is_new for one in stored) == len(log) == 1


def test_without_the_key_a_retry_does_not_wait_for_the_held_one(backend: Backend) -> None:
    async def retry(storage: Storage) -> None:
        first = await held(storage, backend, 1)
        again = await storage.create(draft(1))
        assert again.is_new
        assert not first.done()
        await asyncio.to_thread(storage.close)
        assert (await first).is_new

    run(retry(backend.open(lambda changes: None, once=False)))


def test_closing_commits_what_is_held(backend: Backend) -> None:
    async def close_early(storage: Storage) -> Stored:
        first = await held(storage, backend, 1)
        await asyncio.to_thread(storage.close)
        return await first

    stored = run(close_early(backend.open(lambda changes: None)))
    with opened(backend) as (storage, _):
        rows = run(storage.rows_after(42, 0, 10))
        log = run(storage.commits(0, 10))

    assert stored.is_new
    assert rows == [stored.row]
    assert [commit.row_id for commit in log] == [stored.row.id]


def test_hurrying_commits_what_is_held_and_lets_the_rest_go_on(backend: Backend) -> None:
    async def hurry(storage: Storage) -> list[Stored]:
        first = await held(storage, backend, 1)
        storage.hurry()
        return [
            await first,
            await storage.create(draft(2), hold_s=FOR_EVER_S),
            await storage.create(draft(3)),
        ]

    with opened(backend) as (storage, _):
        stored = run(hurry(storage))

        assert run(storage.rows_after(42, 0, 10)) == [one.row for one in stored]


def test_a_reserved_id_goes_to_no_other_row_and_may_be_used_later(backend: Backend) -> None:
    with opened(backend) as (storage, _):
        reserved, unused = run(storage.reserve()), run(storage.reserve())
        others = [run(storage.create(draft(number))) for number in range(3)]
        late = run(storage.create(draft(9), row_id=reserved))

        assert late.row.id == reserved
        assert len({reserved, unused, *(one.row.id for one in others)}) == 5


def test_any_number_of_rows_with_reserved_ids_is_held_at_once(backend: Backend) -> None:
    async def crowd(storage: Storage) -> None:
        ids = [await storage.reserve() for _ in range(40)]
        waiting = [
            asyncio.create_task(storage.create(draft(row_id), hold_s=FOR_EVER_S, row_id=row_id))
            for row_id in ids[1:]
        ]
        await asyncio.sleep(0)
        stored = await storage.create(draft(99), hold_s=0.01, row_id=ids[0])
        assert await storage.rows_after(42, 0, 99) == [stored.row]
        await asyncio.to_thread(storage.close)
        assert {(await one).row.id for one in waiting} == set(ids[1:])

    run(crowd(backend.open(lambda changes: None)))


def test_a_reserved_id_goes_to_no_other_row_after_a_restart_either(backend: Backend) -> None:
    given: list[int] = []
    for number in range(3):
        with opened(backend) as (storage, _):
            given += [run(storage.reserve()), run(storage.reserve())]
            given.append(run(storage.create(draft(number))).row.id)
            given.append(run(storage.reserve()))

    assert len(set(given)) == len(given)


def test_a_row_with_a_reserved_id_can_be_held_back(backend: Backend) -> None:
    async def work(storage: Storage) -> tuple[Stored, int]:
        reserved = await storage.reserve()
        task = asyncio.create_task(storage.create(draft(1), hold_s=FOR_EVER_S, row_id=reserved))
        await asyncio.sleep(0)
        other = await storage.create(draft(2))
        assert await storage.rows_after(42, 0, 10) == [other.row]
        await asyncio.to_thread(storage.close)
        return await task, reserved

    held_row, reserved = run(work(backend.open(lambda changes: None)))

    assert held_row.row.id == reserved
