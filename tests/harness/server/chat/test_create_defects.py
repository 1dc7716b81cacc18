from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from harness.server.chat.create_defects import hold_of
from harness.server.chat.shares import SHARES, striking
from harness.server.defects import Defect
from harness.server.knobs import Knobs
from harness.wire.changes import MessageRow
from tests.harness.server.chat.api import CREATE, GOOD, Api, error_of, good, row_of

WAIT_S = 10.0


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Bounded: what does not come then never will."""
    async with asyncio.timeout(WAIT_S):
        while not await holds():
            await asyncio.sleep(0)


def test_without_the_unique_key_a_repeated_send_makes_a_second_row(api: Api) -> None:
    api.plant("no-unique-key")
    first, second = row_of(api.post()), row_of(api.post())

    assert first.id != second.id
    assert first.client_msg_id == second.client_msg_id
    assert api.rows() == [first, second]


def test_the_unique_key_comes_back_when_its_defect_goes(api: Api) -> None:
    api.plant("no-unique-key")
    row = row_of(api.post())
    api.plant()

    assert row_of(api.post()) == row
    assert api.rows() == [row]


def test_a_key_that_repeated_messages_forbid_stays_away(api: Api) -> None:
    api.plant("no-unique-key")
    api.post()
    api.post()
    api.plant()

    assert row_of(api.post()).id == 3
    assert not api.storage.unique_key_holds


def test_a_key_that_stayed_away_comes_back_once_the_repeated_messages_are_gone(api: Api) -> None:
    api.plant("no-unique-key")
    first, second = row_of(api.post()), row_of(api.post())
    api.plant()
    row_of(api.send(1))
    asyncio.run(api.storage.delete(second.id))
    api.now_s += 0.5
    assert row_of(api.send(2)).id == 4
    assert not api.storage.unique_key_holds  # it is not tried at every insert
    api.now_s += 1.0

    assert row_of(api.post()) == first
    assert api.storage.unique_key_holds


def test_a_key_that_stays_away_is_told_once_and_tried_once_a_second(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[float] = []
    original = api.storage.set_unique

    async def counted(on: bool) -> None:
        tried.append(api.now_s)
        await original(on)

    api.plant("no-unique-key")
    api.post()
    api.post()
    api.plant()
    monkeypatch.setattr(api.storage, "set_unique", counted)
    for number in range(30):
        api.send(number)
        api.now_s += 0.125

    assert tried == [100.0, 101.0, 102.0, 103.0]
    assert [one.getMessage() for one in caplog.records] == [
        "no-unique-key stays: no-unique-key: cannot be turned off, repeated messages are there"
    ]


def test_without_idempotency_a_repeated_send_is_an_error_and_makes_no_row(api: Api) -> None:
    api.plant("no-idempotency")
    row = row_of(api.post())
    again = api.post()

    assert again.status == 409
    assert error_of(again) == "clientMsgId: this message was sent already"
    assert api.rows() == [row]
    assert api.repeats == [row]


def test_every_20th_send_is_acknowledged_and_never_committed(api: Api) -> None:
    api.plant("lost-after-ack")
    answered = [row_of(api.send(number)) for number in range(40)]

    assert [one.id for one in answered] == list(range(1, 41))
    assert api.rows() == [one for one in answered if one.id not in (20, 40)]


def test_an_acknowledgement_may_come_before_its_commit(api: Api) -> None:
    api.plant("ack-before-commit")
    api.knobs(slow_commit_s=3600.0)
    answered = [row_of(api.send(number)) for number in range(3)]

    assert [one.id for one in answered] == [1, 2, 3]
    assert api.rows() == []


def test_what_was_acknowledged_before_is_committed_with_its_id(api: Api) -> None:
    async def work() -> None:
        api.plant("ack-before-commit")
        api.knobs(slow_commit_s=0.001)
        row = row_of(await api.ask("POST", CREATE, GOOD))

        async def there() -> bool:
            return await api.storage.row(row.id) == row

        await until(there)

    api.run(work)


def test_a_repeated_send_that_was_acknowledged_before_is_told_once_its_row_is_found(
    api: Api,
) -> None:
    async def work() -> MessageRow:
        row = row_of(await api.ask("POST", CREATE, GOOD))
        api.plant("ack-before-commit")
        api.knobs(slow_commit_s=0.001)
        await api.ask("POST", CREATE, GOOD)

        async def told() -> bool:
            return api.repeats != []

        await until(told)
        return row

    assert api.run(work) == api.repeats[0]
    assert len(api.repeats) == 1


@pytest.mark.parametrize(("defect", "committed"), [("hang-create", 3), ("ack-lost", 4)])
def test_an_answer_that_never_comes_ends_when_the_client_gives_up(
    api: Api, defect: str, committed: int
) -> None:
    async def work() -> int:
        for number in range(SHARES[Defect.ACK_LOST].first - 1):
            await api.ask("POST", CREATE, good(number))
        api.plant(defect)
        gone = asyncio.Event()
        asked = asyncio.create_task(api.ask("POST", CREATE, good(99), gone=gone))
        await until(lambda: _count(api, committed))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not asked.done()
        gone.set()
        async with asyncio.timeout(WAIT_S):
            await asked
        return len(await api.storage.rows_after(42, 0, 99))

    assert api.run(work) == committed


def test_an_answer_that_never_comes_does_not_keep_the_server_from_stopping(api: Api) -> None:
    api.plant("hang-create", "hang-poll")
    api.stopping.set()

    for response in (api.post(), api.get("/api/messages?webinarId=42")):
        assert response.status == 503
        error_of(response)
    assert api.rows() == []


@pytest.mark.parametrize(
    ("defect", "status", "kind", "content"),
    [
        ("html-error", 502, "text/html; charset=utf-8", b"<html>"),
        ("empty-body", 200, None, b""),
        ("wrong-schema", 200, "application/json", b'{"ok":true,"data":[{"id":'),
    ],
)
def test_a_committed_send_may_be_answered_with_nonsense(
    api: Api, defect: str, status: int, kind: str | None, content: bytes
) -> None:
    api.plant(defect)
    answers = [api.send(number) for number in range(20)]
    bad = answers.pop(SHARES[Defect(defect)].first - 1)

    assert bad.status == status
    assert bad.headers.get("content-type") == kind
    assert bad.content.startswith(content)
    assert bool(bad.content) == bool(content)
    assert len(api.rows()) == 20
    assert all(row_of(one) for one in answers)


def test_5_sends_in_a_row_of_50_are_answered_500_and_not_committed(api: Api) -> None:
    api.plant("error-burst")
    answers = [api.send(number) for number in range(50)]
    failed = [number for number, one in enumerate(answers, start=1) if one.status != 200]

    assert failed == [30, 31, 32, 33, 34]
    assert {error_of(answers[number - 1]) for number in failed} == {"internal error"}
    assert len(api.rows()) == 45


def test_a_slow_commit_is_held_and_answered_after_it(api: Api) -> None:
    async def work() -> None:
        api.plant("slow-commit")
        api.knobs(slow_commit_s=3600.0)
        asked = asyncio.create_task(api.ask("POST", CREATE, GOOD))
        for _ in range(50):  # it reaches the storage without waiting for anything
            await asyncio.sleep(0)
        assert await api.storage.reserve() == 2  # the writer has the message, and its id is taken
        assert await api.storage.rows_after(42, 0, 9) == []
        assert not asked.done()
        api.storage.close()  # commits what is held
        assert row_of(await asked).id == 1

    api.run(work)


def test_every_10th_send_is_overtaken_by_greater_ids(api: Api) -> None:
    async def work() -> tuple[list[int], list[int]]:
        api.plant("poll-id-gap")
        api.knobs(slow_commit_s=3600.0)
        late = [
            asyncio.create_task(api.ask("POST", CREATE, good(number))) for number in range(1, 12)
        ]
        await until(lambda: _count(api, 10))
        seen = [row.id for row in await api.storage.rows_after(42, 0, 99)]
        api.storage.close()
        await asyncio.gather(*late)
        return seen, [row_of(one.result()).id for one in late]

    seen, ids = api.run(work)

    (missed,) = set(ids) - set(seen)
    assert missed < max(seen)


async def _count(api: Api, rows: int) -> bool:
    return len(await api.storage.rows_after(42, 0, 99)) == rows


def test_held_sends_add_up_so_that_a_gap_stays_a_gap() -> None:
    knobs = Knobs(slow_commit_s=2.0)
    slow, gap = Defect.SLOW_COMMIT, Defect.POLL_ID_GAP

    assert hold_of(frozenset(), knobs) == 0.0
    assert hold_of(frozenset({slow}), knobs) == hold_of(frozenset({gap}), knobs) == 2.0
    assert hold_of(frozenset({slow, gap}), knobs) == 4.0


@given(st.integers(1, 10**9), st.sets(st.sampled_from(Defect)))
def test_only_planted_defects_strike(number: int, planted: set[Defect]) -> None:
    assert striking(frozenset(planted), number) <= planted


@given(st.integers(1, 10**9))
def test_defects_of_one_send_in_20_strike_different_sends(number: int) -> None:
    rare = frozenset(defect for defect, share in SHARES.items() if share.every == 20)

    assert len(striking(rare, number)) <= 1


@given(st.integers(1, 10**9), st.sampled_from(Defect))
def test_the_one_that_strikes_all_does_so_where_it_is_planted(number: int, one: Defect) -> None:
    assert striking(frozenset({one}), number, strike_all=one) == {one}
    assert striking(frozenset(), number, strike_all=one) == frozenset()


def test_what_can_strike_all_are_the_defects_of_some_sends_but_the_gap() -> None:
    kind = inspect.type_info(get_type_hints(Knobs)["strike_all"])
    assert isinstance(kind, inspect.LiteralType)

    assert set(kind.values) == {"none", *SHARES} - {Defect.POLL_ID_GAP}


def test_a_send_of_any_number_gets_the_page_while_html_error_strikes_all(api: Api) -> None:
    api.plant("html-error")
    assert api.send().status == 200
    api.knobs(strike_all="html-error")
    assert api.send().status == 502
    api.knobs(strike_all="none")
    assert api.send().status == 200


@given(st.sampled_from(sorted(SHARES)), st.integers(1, 10**6))
def test_a_share_is_what_it_says_in_every_stretch(defect: Defect, start: int) -> None:
    share = SHARES[defect]
    stretch = range(start, start + share.every)

    assert sum(share.holds(number) for number in stretch) == share.count
