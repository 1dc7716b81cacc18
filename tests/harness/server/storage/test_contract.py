"""What every storage must do, shown on both kinds."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from harness.errors import UsageError
from harness.server.storage.model import Draft, Storage
from tests.harness.server.storage.backends import (
    OTHER,
    Backend,
    create_all,
    draft,
    opened,
    run,
)


def test_a_created_message_is_read_as_it_was_sent(backend: Backend) -> None:
    sent = draft(1, body="안녕 'quoted' \\ \n \u2028 end")
    with opened(backend) as (storage, _):
        stored = run(storage.create(sent))
        row = run(storage.row(stored.row.id))

    assert stored.is_new
    assert row == stored.row
    assert (row.webinar_id, row.user_id, row.client_msg_id, row.body, row.created_at) == (
        *(sent.webinar_id, sent.user_id, sent.client_msg_id, sent.body),
        sent.created_at,
    )
    assert row.hidden is False


def test_a_repeated_send_answers_with_the_row_that_is_there(backend: Backend) -> None:
    with opened(backend) as (storage, published):
        first = run(storage.create(draft(body="first")))
        again = run(storage.create(draft(body="again")))
        log = run(storage.commits(0, 10))

        assert (first.is_new, again.is_new) == (True, False)
        assert again.row == first.row
        assert len(log) == len(published.wait_for(1)) == 1


def test_many_repeats_at_once_make_one_row(backend: Backend) -> None:
    with opened(backend) as (storage, _):
        stored = run(create_all(storage, [draft()] * 50))
        rows = run(storage.rows_after(42, 0, 500))
        log = run(storage.commits(0, 100))

    assert [one.row for one in stored] == rows * 50
    assert sum(one.is_new for one in stored) == len(log) == 1


def test_the_key_is_webinar_user_and_client_message(backend: Backend) -> None:
    drafts = [draft(1), draft(2), draft(1, room=43), draft(1, user=OTHER)]
    with opened(backend) as (storage, _):
        stored = run(create_all(storage, drafts))

    assert all(one.is_new for one in stored)


def test_without_the_key_a_repeated_send_makes_a_second_row(backend: Backend) -> None:
    with opened(backend, once=False) as (storage, _):
        run(storage.create(draft()))
        again = run(storage.create(draft()))
        log = run(storage.commits(0, 10))

    assert again.is_new
    assert len(log) == 2


def test_the_key_can_be_taken_away_and_given_back_while_running(backend: Backend) -> None:
    with opened(backend) as (storage, _):
        run(storage.set_unique(False))
        kept, doubled = run(create_all(storage, [draft()] * 2))
        run(storage.delete(doubled.row.id))
        run(storage.set_unique(True))
        again = run(storage.create(draft()))

    assert again == type(again)(kept.row, False)


def test_the_key_cannot_be_given_back_over_repeated_messages(backend: Backend) -> None:
    with opened(backend, once=False) as (storage, _):
        run(create_all(storage, [draft()] * 2))
        with pytest.raises(UsageError, match="repeated messages"):
            run(storage.set_unique(True))

        assert run(storage.create(draft())).is_new


def test_repeated_messages_cannot_be_opened_under_the_key(backend: Backend) -> None:
    with opened(backend, once=False) as (storage, _):
        run(create_all(storage, [draft()] * 2))

    with pytest.raises(UsageError, match="no-unique-key"), opened(backend):
        pass
    with opened(backend, once=False) as (storage, _):
        assert len(run(storage.rows_after(42, 0, 10))) == 2


def test_an_update_changes_what_it_names_and_leaves_the_rest(backend: Backend) -> None:
    with opened(backend) as (storage, published):
        row = run(storage.create(draft(1))).row
        hidden = run(storage.update(row.id, hidden=True))
        edited = run(storage.update(row.id, body="better"))
        changes = published.wait_for(3)

        assert hidden is not None
        assert edited is not None
        assert (hidden.body, hidden.hidden) == (row.body, True)
        assert (edited.body, edited.hidden) == ("better", True)
        assert run(storage.row(row.id)) == edited
        assert [one.commit.op for one in changes] == ["INSERT", "UPDATE", "UPDATE"]
        assert [(one.old, one.row) for one in changes] == [
            *((None, row), (row, hidden)),
            (hidden, edited),
        ]
        assert changes[2].commit.body == "better"


def test_an_update_that_changes_nothing_is_a_commit_all_the_same(backend: Backend) -> None:
    with opened(backend) as (storage, _):
        row = run(storage.create(draft(1))).row
        same = run(storage.update(row.id))
        log = run(storage.commits(0, 10))

    assert same == row
    assert [commit.op for commit in log] == ["INSERT", "UPDATE"]


def test_a_long_body_survives_an_update_of_another_column(backend: Backend) -> None:
    # PostgreSQL keeps long values apart, and its log leaves out those that did not change.
    body = "".join(str(number) for number in range(20_000))
    with opened(backend) as (storage, published):
        row = run(storage.create(draft(1, body=body))).row
        hidden = run(storage.update(row.id, hidden=True))
        changes = published.wait_for(2)

    assert (changes[1].row, changes[1].old) == (hidden, row)


def test_a_deleted_row_is_answered_logged_and_gone(backend: Backend) -> None:
    with opened(backend) as (storage, published):
        row = run(storage.create(draft(1))).row
        deleted = run(storage.delete(row.id))
        changes = published.wait_for(2)

        assert deleted == row
        assert run(storage.row(row.id)) is None
        assert (changes[1].commit.op, changes[1].commit.row_id) == ("DELETE", row.id)
        assert (changes[1].row, changes[1].old) == (None, row)


def test_a_deleted_message_can_be_sent_again_under_a_new_id(backend: Backend) -> None:
    with opened(backend) as (storage, _):
        row = run(storage.create(draft(1))).row
        run(storage.delete(row.id))
        again = run(storage.create(draft(1)))

    assert again.is_new
    assert again.row.id > row.id


@pytest.mark.parametrize("change", ["update", "delete"])
def test_what_is_not_there_is_not_changed(backend: Backend, change: str) -> None:
    with opened(backend) as (storage, _):
        answer = run(getattr(storage, change)(7))
        log = run(storage.commits(0, 10))

    assert answer is None
    assert log == []


def test_the_commit_log_is_published_in_its_own_order(backend: Backend) -> None:
    with opened(backend) as (storage, published):
        before_s = time.monotonic()
        stored = run(create_all(storage, [draft(number) for number in range(300)]))
        log = run(storage.commits(0, 1000))
        changes = published.wait_for(300)
        after_s = time.monotonic()

    assert [commit.seq for commit in log] == list(range(1, 301))
    assert [change.commit for change in changes] == log
    assert {change.row for change in changes} == {one.row for one in stored}
    times = [commit.committed_s for commit in log]
    assert times == sorted(times)
    # PostgreSQL's stamps go through a measured offset; a second of slack is far above its error.
    assert before_s - 1 < times[0]
    assert times[-1] <= after_s


def test_the_log_has_what_was_answered_before_it_was_asked_for(backend: Backend) -> None:
    async def each(storage: Storage) -> list[int]:
        return [
            len(await storage.commits(seq - 1, 10))
            for seq in range(1, 20)
            if await storage.create(draft(seq))
        ]

    with opened(backend) as (storage, _):
        assert run(each(storage)) == [1] * 19


def test_a_closed_storage_opens_again_with_everything(backend: Backend) -> None:
    with opened(backend) as (storage, _):
        first = run(storage.create(draft(1)))
        log = run(storage.commits(0, 10))
    with opened(backend) as (storage, published):
        again = run(storage.create(draft(1)))
        second = run(storage.create(draft(2)))
        later = run(storage.commits(0, 10))
        changes = published.wait_for(1)

    assert again == type(again)(first.row, False)
    assert second.row.id > first.row.id
    assert later[:1] == log
    assert [(commit.seq, commit.row_id) for commit in later[1:]] == [(2, second.row.id)]
    assert [change.row for change in changes] == [second.row]


def test_closing_finishes_what_was_begun(backend: Backend) -> None:
    async def create_and_close(storage: Storage) -> list[int]:
        asked = [asyncio.create_task(storage.create(draft(number))) for number in range(100)]
        await asyncio.sleep(0)
        await asyncio.to_thread(storage.close)
        return [stored.row.id for stored in await asyncio.gather(*asked)]

    storage = backend.open(lambda changes: None)
    ids = run(create_and_close(storage))
    with opened(backend) as (again, _):
        rows = run(again.rows_after(42, 0, 500))
        log = run(again.commits(0, 500))

    assert sorted(ids) == [row.id for row in rows] == sorted(one.row_id for one in log)


BAD = Draft(
    webinar_id=2**70,
    user_id=OTHER,
    client_msg_id="33333333-3333-4333-8333-333333333333",
    body="the webinar's number fits no column",
    created_at="2026-11-23T10:00:00+00:00",
)


def test_a_write_that_fails_is_told_and_the_next_one_works(backend: Backend) -> None:
    with opened(backend) as (storage, _):
        with pytest.raises(Exception, match=r"too large|out of range"):
            run(storage.create(BAD))
        stored = run(storage.create(draft(2)))
        log = run(storage.commits(0, 10))

    assert [commit.row_id for commit in log] == [stored.row.id]


def test_a_write_that_fails_does_not_take_others_with_it(backend: Backend) -> None:
    async def together(storage: Storage) -> list[Any]:
        drafts = [draft(1), BAD, draft(2)]
        return await asyncio.gather(*map(storage.create, drafts), return_exceptions=True)

    with opened(backend) as (storage, _):
        outcomes = run(together(storage))
        log = run(storage.commits(0, 10))

    assert isinstance(outcomes[1], Exception)
    assert {commit.row_id for commit in log} == {outcomes[0].row.id, outcomes[2].row.id}
