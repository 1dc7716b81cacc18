"""The polls themselves: period and jitter, what they ask for, how they end (F3, F4)."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.client.policy import Policy
from harness.records import Fate, Path, PollEnded, PollStarted
from harness.wire.api import ListAnswer
from tests.support.page import HARDENED, Page, encoded, live_page, polling_page, row


def causes(page: Page) -> list[str]:
    return [one.cause for one in page.events(PollStarted)]


def ends(page: Page) -> list[tuple[str, int]]:
    return [(one.outcome, one.rows) for one in page.events(PollEnded)]


def gaps_s(page: Page, count: int) -> list[float]:
    """The times between the next ``count`` periodic polls, each answered at once."""
    begun = [page.now_s]
    page.heartbeats_are_answered = True
    while len(begun) <= count:
        known = len(page.polls)
        page.wait(0.01)
        if len(page.polls) > known:
            begun.append(page.events(PollStarted)[-1].t_s)
            page.answers_poll()
    return [after - before for before, after in pairwise(begun)]


@given(seed=st.integers(0, 2**32))
def test_f3_every_period_is_3_seconds_give_or_take_400_milliseconds(seed: int) -> None:
    gaps = gaps_s(polling_page(seed=seed), 6)

    assert all(2.6 <= gap <= 3.4 for gap in gaps)
    assert len({round(gap, 6) for gap in gaps}) > 1  # drawn per tick


def test_f3_the_jitter_reaches_both_sides() -> None:
    gaps = gaps_s(polling_page(), 60)

    assert min(gaps) < 2.75
    assert max(gaps) > 3.25


def test_f3_a_jitter_drawn_once_stays_for_the_session_and_differs_between_sessions() -> None:
    policy = Policy(name="once", poll_jitter_drawn="session")

    pages = [gaps_s(polling_page(policy, seed=seed), 4) for seed in range(3)]

    for gaps in pages:
        assert gaps == pytest.approx([gaps[0]] * 4)
    assert len({round(gaps[0], 6) for gaps in pages}) == 3


def test_f3_period_and_jitter_are_the_policys() -> None:
    policy = Policy(name="fixed", poll_period_s=5.0, poll_jitter_s=0.0)

    assert gaps_s(polling_page(policy), 3) == pytest.approx([5.0] * 3)


def test_f4_the_history_comes_first_and_polls_go_on_after_it() -> None:
    page = Page(Policy(name="p", fallback_after_failures=1, poll_limit=7, history_limit=33))
    page.starts()
    page.answers_history([row(4), row(9)])
    assert [one.path for one in page.requests] == ["/api/messages?webinarId=42&limit=33"]

    page.socket_closes()

    assert page.polls[0].path == "/api/messages?webinarId=42&after=9&limit=7"
    assert page.polls[0].method == "GET"
    assert page.polls[0].body is None


def test_f4_before_anything_is_known_a_poll_asks_for_the_history() -> None:
    page = Page(Policy(name="p", fallback_after_failures=1, poll_limit=7))
    page.starts()

    page.socket_closes()

    assert page.polls[0].path == "/api/messages?webinarId=42&limit=7"


def test_f4_an_empty_room_is_known_to_be_empty() -> None:
    page = polling_page()

    assert page.polls[0].path.endswith("&after=0&limit=100")


def test_f4_each_poll_asks_for_what_follows_the_last() -> None:
    page = polling_page()
    page.wait(3.5)
    page.answers_poll([row(1), row(2)])

    page.wait(3.5)

    assert "&after=2&" in page.polls[-1].path
    assert page.screen == [(1, Path.POLL, Fate.SHOWN), (2, Path.POLL, Fate.SHOWN)]
    assert ends(page)[-1] == ("ok", 2)


def test_f4_an_older_answer_never_moves_the_cursor_back() -> None:
    page = live_page()
    page.wait(10.0)
    page.receives(row(9))

    page.answers_poll([row(3)])
    page.wait(10.0)

    assert "&after=9&" in page.polls[-1].path


def test_one_poll_at_a_time_and_the_ticks_go_on() -> None:
    page = polling_page()
    known = len(page.polls)
    page.wait(9.9)
    assert len(page.polls) == known + 1

    page.answers_poll()
    page.wait(3.4)

    assert len(page.polls) == known + 2


def test_a_poll_is_aborted_at_its_timeout_and_the_next_tick_polls_again() -> None:
    page = polling_page(Policy(name="p", poll_timeout_s=4.0, poll_jitter_s=0.0))
    page.wait(3.0)
    (hanging,) = page.polls[1:]

    page.wait(4.0)
    assert page.aborted == [hanging.request]
    assert ends(page)[-1] == ("timeout", 0)
    page.wait(2.0)

    assert len(page.polls) == 3


def test_an_answer_after_the_timeout_is_not_heard() -> None:
    page = polling_page(Policy(name="p", poll_timeout_s=1.0))
    page.wait(3.5)
    late = page.polls[-1]
    page.wait(1.0)

    page.answers(late, encoded(ListAnswer(True, [row(1)])))

    assert page.screen == []


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"<html>", "bad_answer"),
        (b"", "bad_answer"),
        (b'{"success":true,"messages":[{"id":1}]}', "bad_answer"),
        (b'{"success":true,"messages":"\xff"}', "bad_answer"),
        (b'{"success":true,"messages":[' + b"[" * 100_000, "bad_answer"),
        (b'{"success":false,"error":"no"}', "refused"),
    ],
    ids=["html", "empty", "half-a-row", "no-utf8", "too-deep", "refused"],
)
def test_s8_a_bad_answer_to_a_poll_is_counted_and_polling_goes_on(
    body: bytes, outcome: str
) -> None:
    page = polling_page()
    page.wait(3.5)

    page.answers(page.polls[-1], body)
    page.wait(3.5)

    assert ends(page)[-1] == (outcome, 0)
    assert len(page.polls) == 3


def test_a_poll_without_an_answer_is_counted_and_polling_goes_on() -> None:
    page = polling_page()
    page.wait(3.5)

    page.fails(page.polls[-1])
    page.wait(3.5)

    assert ends(page)[-1] == ("network", 0)
    assert len(page.polls) == 3


@pytest.mark.parametrize("body", [b"<html>", b'{"success":false,"error":"no"}'])
def test_s8_a_bad_answer_to_the_history_is_a_finding_and_polls_ask_for_it_again(
    body: bytes,
) -> None:
    page = Page()
    page.starts()
    page.answers(page.requests[0], body)
    page.wait(10.0)

    assert [one.what for one in page.findings] in (["history_bad_answer"], ["history_refused"])
    assert "after" not in page.polls[0].path


def test_a_history_without_an_answer_is_a_finding() -> None:
    page = Page()
    page.starts()

    page.fails(page.requests[0])

    assert [one.what for one in page.findings] == ["history_failed"]


def test_a_full_page_of_a_catch_up_goes_on_at_once() -> None:
    page = live_page(msgspec.structs.replace(HARDENED, poll_limit=2))
    page.socket_closes()
    page.wait(1.0)
    page.goes_live()

    page.answers_poll([row(1), row(2)])
    page.answers_poll([row(3), row(4)])
    page.answers_poll([row(5)])

    assert [one.path.split("after=")[1] for one in page.polls[1:]] == [
        "0&limit=2",
        "2&limit=2",
        "4&limit=2",
    ]
    assert causes(page)[1:] == ["subscribed"] * 3


def test_a_full_page_of_a_periodic_poll_waits_for_the_next_tick() -> None:
    page = polling_page(Policy(name="p", poll_limit=2))
    page.wait(3.5)

    page.answers_poll([row(1), row(2)])

    assert len(page.polls) == 2


def test_a_catch_up_that_is_answered_with_the_same_page_again_stops() -> None:
    page = live_page(msgspec.structs.replace(HARDENED, poll_limit=2))
    page.system()

    page.answers_poll([row(1), row(2)])
    page.answers_poll([row(1), row(2)])

    assert len(page.polls) == 3  # the first one was answered when the page went live


def test_a_catch_up_that_failed_is_repeated_after_a_period() -> None:
    page = live_page(HARDENED)
    page.system()
    page.fails(page.polls[-1])
    known = len(page.polls)
    page.wait(2.5)
    assert len(page.polls) == known

    page.wait(1.0)

    assert len(page.polls) == known + 1
    assert causes(page)[-1] == "subscribed"
    page.answers_poll()
    page.wait(4.0)
    assert len(page.polls) == known + 1


def test_a_failed_catch_up_of_a_tab_that_hid_meanwhile_waits_for_its_return() -> None:
    page = live_page(HARDENED)
    page.system()
    known = len(page.polls)
    page.fails(page.polls[-1])
    page.visible(False)
    page.wait(5.0)
    assert len(page.polls) == known

    page.visible(True)

    assert causes(page)[known:] == ["subscribed"]


def test_a_poll_that_is_owed_while_one_is_under_way_follows_it() -> None:
    page = live_page(HARDENED)
    page.wait(10.0)
    page.receives(row(1))
    assert len(page.polls) == 2

    page.answers_poll([row(1)])

    assert causes(page) == ["subscribed", "activation", "release"]
