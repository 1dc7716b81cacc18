"""Rules S1 to S4, S6 and S8 as one page shows them."""

from __future__ import annotations

import msgspec
import pytest

from harness.client.commands import ShowFailure, StartRequest
from harness.client.policy import Policy
from harness.records import (
    Fate,
    PageClosed,
    Path,
    SendEnded,
    SendSkipped,
    SendStarted,
    SpinnerOff,
)
from harness.wire.api import CreateAnswer
from tests.support.page import ME, Page, encoded, live_page, message_id, polling_page, row


def spinners(page: Page) -> list[tuple[str, str]]:
    return [(one.client_msg_id, one.by) for one in page.events(SpinnerOff)]


def outcomes(page: Page) -> list[str]:
    return [one.outcome for one in page.events(SendEnded)]


def test_s1_a_bubble_and_a_request_appear_at_once_with_the_messages_id() -> None:
    page = live_page()
    page.wait(1.5)

    page.session.type_message(3, message_id(3), "hello", 1.0, page.now_s)
    page.drain()

    (started,) = page.events(SendStarted)
    assert (started.number, started.planned_s, started.t_s) == (3, 1.0, 1.5)
    assert started.client_msg_id == message_id(3)
    (request,) = page.sends
    assert request.method == "POST"
    assert request.body is not None
    assert msgspec.json.decode(request.body) == {
        "webinarId": 42,
        "clientMsgId": message_id(3),
        "body": "hello",
    }
    page.closes()
    assert page.events(PageClosed)[0].pending == (message_id(3),)


def test_s2_a_success_answer_swaps_the_bubble_without_realtime() -> None:
    page = live_page()
    key = page.types()
    page.wait(0.25)

    page.answers_send(row(1, by=ME, client_msg_id=key))

    assert page.screen == [(1, Path.API, Fate.SWAPPED)]
    assert spinners(page) == [(key, "api")]
    (ended,) = page.events(SendEnded)
    assert (ended.outcome, ended.status, ended.row_id, ended.t_s) == ("ok", 200, 1, 0.25)


def test_s3_a_send_is_aborted_at_its_timeout_and_the_bubble_stays_as_failed() -> None:
    page = live_page()
    key = page.types()

    page.wait(9.9)
    assert (page.aborted, spinners(page)) == ([], [])
    page.wait(0.2)

    assert page.aborted == [page.sends[0].request]
    assert outcomes(page) == ["timeout"]
    assert spinners(page) == [(key, "timeout")]
    page.closes()
    closed = page.events(PageClosed)[0]
    assert (closed.pending, closed.failed) == ((), (key,))


def test_s3_the_timeout_is_the_policys() -> None:
    page = live_page(Policy(name="short", ack_timeout_s=2.5))
    page.types()

    page.wait(2.4)
    assert outcomes(page) == []
    page.wait(0.2)

    assert outcomes(page) == ["timeout"]


@pytest.mark.parametrize("path", [Path.REALTIME, Path.POLL])
def test_s3_a_later_row_replaces_the_failed_bubble_without_a_second_line(path: Path) -> None:
    page = live_page() if path is Path.REALTIME else polling_page()
    key = page.types()
    page.wait(10.5)
    mine = row(1, by=ME, client_msg_id=key)

    if path is Path.REALTIME:
        page.receives(mine)
    else:
        page.answers_poll([mine])

    assert page.screen == [(1, path, Fate.SWAPPED)]
    assert spinners(page) == [(key, "timeout")]  # it was off before the row came
    page.closes()
    assert page.events(PageClosed)[0].failed == ()


def test_s3_an_answer_after_the_timeout_is_not_heard() -> None:
    page = live_page()
    key = page.types()
    page.wait(10.5)

    page.answers_send(row(1, by=ME, client_msg_id=key))

    assert outcomes(page) == ["timeout"]
    assert page.screen == []


@pytest.mark.parametrize(("path", "by"), [(Path.REALTIME, "realtime"), (Path.POLL, "poll")])
def test_s4_ones_own_row_ends_the_spinner_before_the_answer(path: Path, by: str) -> None:
    page = live_page() if path is Path.REALTIME else polling_page()
    key = page.types()
    mine = row(1, by=ME, client_msg_id=key)
    if path is Path.REALTIME:
        page.receives(mine)
    else:
        page.wait(3.5)
        page.answers_poll([mine])
    assert page.screen == [(1, path, Fate.SWAPPED)]

    page.answers_send(mine)

    assert page.screen[1:] == [(1, Path.API, Fate.SUPPRESSED)]
    assert spinners(page) == [(key, by)]
    assert outcomes(page) == ["ok"]


def test_s4_a_timeout_after_ones_own_row_ends_the_send_and_touches_nothing_else() -> None:
    page = live_page()
    key = page.types()
    page.receives(row(1, by=ME, client_msg_id=key))

    page.wait(11.0)

    assert outcomes(page) == ["timeout"]
    assert spinners(page) == [(key, "realtime")]
    page.closes()
    assert page.events(PageClosed)[0].failed == ()


def test_s6_a_second_click_within_the_second_is_skipped_and_recorded() -> None:
    page = live_page()
    page.types(0)
    page.wait(0.9)

    page.types(1)
    page.wait(0.2)
    page.types(2)

    (skipped,) = page.events(SendSkipped)
    assert (skipped.number, skipped.reason, skipped.planned_s) == (1, "send_disabled", 0.9)
    assert [one.number for one in page.events(SendStarted)] == [0, 2]
    assert len(page.sends) == 2


def test_s6_how_long_the_button_is_disabled_is_the_policys() -> None:
    page = live_page(Policy(name="eager", send_disabled_s=0.0))

    page.types(0)
    page.types(1)

    assert len(page.sends) == 2


def test_a_message_typed_before_the_page_opened_is_skipped() -> None:
    page = Page()

    page.types(0)

    assert [one.reason for one in page.events(SendSkipped)] == ["page_not_open"]
    assert page.all(StartRequest) == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (502, b"<html><body>Bad Gateway</body></html>"),
        (200, b""),
        (200, b"null"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"success":"yes"}'),
        (200, b'{"success":true,"message":{"id":"one"}}'),
        (200, b'{"success":true}'),
        (200, b"\xff\xfe"),
        (200, b'{"success":false,"error":"\xff"}'),
        (200, b"[" * 100_000),
        (200, encoded(CreateAnswer(True, row(1, client_msg_id=message_id(77))))),
    ],
    ids=[
        "html",
        "empty",
        "null",
        "array",
        "no-fields",
        "wrong-type",
        "half-a-row",
        "success-without-message",
        "no-utf8",
        "no-utf8-inside",
        "too-deep",
        "another-message",
    ],
)
def test_s8_what_is_not_the_agreed_shape_is_counted_and_survived(status: int, body: bytes) -> None:
    page = live_page()
    key = page.types()

    page.answers(page.sends[0], body, status)

    (ended,) = page.events(SendEnded)
    assert (ended.outcome, ended.status) == ("bad_answer", status)
    assert spinners(page) == [(key, "error")]
    page.receives(row(1, by=ME, client_msg_id=key))
    assert page.screen == [(1, Path.REALTIME, Fate.SWAPPED)]
    assert spinners(page) == [(key, "error")]


def test_s8_a_refusal_in_the_agreed_shape_keeps_its_words() -> None:
    page = live_page()
    page.types()

    page.answers(page.sends[0], encoded(CreateAnswer(False, error="too long")), 400)

    (ended,) = page.events(SendEnded)
    assert (ended.outcome, ended.status, ended.detail) == ("refused", 400, "too long")


def test_s3_a_send_without_an_answer_ends_the_spinner() -> None:
    page = live_page()
    key = page.types()

    page.fails(page.sends[0], "connection reset")

    (ended,) = page.events(SendEnded)
    assert (ended.outcome, ended.status, ended.detail) == ("network", None, "connection reset")
    assert spinners(page) == [(key, "error")]
    page.wait(20.0)
    assert len(page.events(SendEnded)) == 1


# -- a failed message is sent again (S5, S6) ------------------------------------------------


def failures(page: Page) -> list[tuple[str, int]]:
    return [(one.client_msg_id, one.attempt) for one in page.all(ShowFailure)]


def test_the_person_is_shown_each_failure_and_no_other_end() -> None:
    page = live_page()
    key = page.types(0)
    page.answers_send(row(1, by=ME, client_msg_id=key))
    page.wait(2.0)
    lost = page.types(1)
    page.wait(10.5)

    assert failures(page) == [(lost, 1)]


def test_a_failed_message_is_sent_again_under_the_same_id_and_its_spinner_begins_anew() -> None:
    page = live_page()
    key = page.types(0)
    page.fails(page.sends[0], "reset")
    page.wait(3.0)

    page.sends_again(0)

    first, again = page.sends
    assert again.body == first.body
    started = page.events(SendStarted)
    assert [(one.client_msg_id, one.attempt) for one in started] == [(key, 1), (key, 2)]
    page.answers(again, encoded(CreateAnswer(True, row(1, by=ME, client_msg_id=key))))
    assert page.screen == [(1, Path.API, Fate.SWAPPED)]
    assert spinners(page) == [(key, "error"), (key, "api")]
    assert [(one.attempt, one.outcome) for one in page.events(SendEnded)] == [
        (1, "network"),
        (2, "ok"),
    ]


def test_a_retry_may_fail_like_any_send_and_is_shown_as_the_next_failure() -> None:
    page = live_page()
    key = page.types(0)
    page.fails(page.sends[0], "reset")

    page.sends_again(0)
    page.wait(10.5)

    assert outcomes(page) == ["network", "timeout"]
    assert failures(page) == [(key, 1), (key, 2)]
    page.closes()
    assert page.events(PageClosed)[0].failed == (key,)


def test_a_message_whose_row_has_come_meanwhile_is_not_sent_again() -> None:
    page = live_page()
    key = page.types(0)
    page.wait(10.5)
    page.receives(row(1, by=ME, client_msg_id=key))

    page.sends_again(0)

    assert len(page.sends) == 1
    assert page.screen == [(1, Path.REALTIME, Fate.SWAPPED)]


def test_s6_a_message_that_is_being_sent_is_not_sent_a_second_time() -> None:
    page = live_page()
    page.types(0)

    page.sends_again(0)
    page.fails(page.sends[0], "reset")
    page.sends_again(0)
    page.sends_again(0, attempt=3)

    assert len(page.sends) == 2


def test_a_row_of_the_first_attempt_ends_the_spinner_of_the_second() -> None:
    page = live_page()
    key = page.types(0)
    page.wait(10.5)
    page.sends_again(0)
    mine = row(1, by=ME, client_msg_id=key)

    page.receives(mine)
    page.answers(page.sends[1], encoded(CreateAnswer(True, mine)))

    assert page.screen == [(1, Path.REALTIME, Fate.SWAPPED), (1, Path.API, Fate.SUPPRESSED)]
    assert spinners(page) == [(key, "timeout"), (key, "realtime")]


def test_matched_by_content_a_message_may_be_as_late_as_its_last_attempt_allows() -> None:
    page = live_page(Policy(name="by text", match="content", content_match_s=5.0))
    key = page.types(0)
    page.fails(page.sends[0], "reset")
    page.wait(20.0)
    page.sends_again(0)
    page.wait(1.0)

    page.receives(row(1, by=ME, client_msg_id=message_id(77), body="hello"))

    assert page.screen == [(1, Path.REALTIME, Fate.SWAPPED)]
    assert spinners(page)[-1] == (key, "realtime")


def test_a_page_that_the_browser_takes_away_leaves_nothing_in_order_behind() -> None:
    page = live_page()
    key = page.types(0)
    before = len(page.commands)

    page.session.page_lost("discarded", page.now_s)
    page.session.page_lost("discarded", page.now_s)
    page.drain()

    (closed,) = page.events(PageClosed)
    assert (closed.end, closed.pending) == ("discarded", (key,))
    assert page.commands[before:] == []
    assert not page.session.is_open
