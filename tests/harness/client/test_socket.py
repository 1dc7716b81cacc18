"""The page's socket: attempts, back-off, heartbeats, hidden tabs (R3, H6, H10)."""

from __future__ import annotations

import pytest

from harness.client.commands import OpenSocket
from harness.client.library import LEGACY
from harness.records import SocketClosed, SocketOpened, SocketOpening
from tests.support.page import PLAN, Page, live_page, row


def attempts_at_s(page: Page) -> list[float]:
    return [one.t_s for one in page.events(SocketOpening)]


def test_the_first_attempt_starts_with_the_page() -> None:
    page = Page()

    page.starts()

    (opening,) = page.all(OpenSocket)
    assert opening == OpenSocket(1, "/realtime/v1/websocket?apikey=key&vsn=2.0.0")
    assert [(one.attempt, one.t_s) for one in page.events(SocketOpening)] == [(1, 0.0)]


def test_the_serializer_is_named_in_the_path_and_spoken() -> None:
    page = live_page(vsn="1.0.0")

    assert page.all(OpenSocket)[0].path.endswith("&vsn=1.0.0")
    page.receives(row(1))
    assert len(page.screen) == 1


def test_r3_attempts_follow_after_1_2_5_10_and_then_every_10_seconds() -> None:
    page = Page()
    page.opens()
    page.socket_closes()

    for _ in range(5):
        page.attempt_fails_after_its_wait()

    assert attempts_at_s(page) == [0.0, 1.0, 3.0, 8.0, 18.0, 28.0]
    assert not any(one.was_open for one in page.events(SocketClosed))


def test_r3_an_attempt_that_opens_resets_the_waits() -> None:
    page = Page()
    page.opens()
    page.socket_closes()
    page.attempt_fails_after_its_wait()
    page.attempt_fails_after_its_wait()
    page.wait(5.0)
    page.socket_opens()
    page.socket_closes()
    lost_at_s = page.now_s

    page.attempt_fails_after_its_wait()
    page.attempt_fails_after_its_wait()

    assert attempts_at_s(page)[-2:] == [lost_at_s + 1.0, lost_at_s + 3.0]


@pytest.mark.parametrize("code", [1000, 1006, 1012])
def test_r3_the_close_code_does_not_matter(code: int) -> None:
    page = live_page()

    page.socket_closes(code)
    page.wait(1.0)

    assert len(page.all(OpenSocket)) == 2
    (closed,) = page.events(SocketClosed)
    assert (closed.code, closed.was_open, closed.attempt) == (code, True, 1)


def test_what_an_earlier_socket_says_is_not_heard() -> None:
    page = live_page()
    page.socket_closes()
    page.wait(1.0)

    page.socket_opens(1)
    page.socket_closes(socket=1)
    page.raw(b"not a frame", socket=1)

    assert [one.attempt for one in page.events(SocketOpened)] == [1]
    assert [one.attempt for one in page.events(SocketClosed)] == [1]
    page.goes_live()
    assert page.session.is_live


def test_a_heartbeat_goes_out_25_seconds_after_open_and_after_each_answer() -> None:
    page = live_page()
    page.wait(24.9)
    assert page.frames("heartbeat") == []

    page.wait(0.1)
    page.wait(4.0)
    page.heartbeat_answered()
    page.wait(24.9)
    assert len(page.frames("heartbeat")) == 1
    page.wait(0.1)

    first, second = page.frames("heartbeat")
    assert (first.topic, first.join_ref) == ("phoenix", None)
    assert first.ref != second.ref


def test_a_missed_heartbeat_closes_the_socket_and_tries_again() -> None:
    page = live_page()
    page.wait(25.0 + 24.9)
    assert page.closes_of_sockets == []
    page.wait(0.1)
    assert [(one.code, one.reason) for one in page.closes_of_sockets] == [
        (1000, "heartbeat timeout")
    ]
    assert not page.session.is_live

    page.socket_closes(1000)
    page.wait(0.15 + 1.0)  # the library looks first after 0.15 s whether the socket is closed

    assert attempts_at_s(page) == [0.0, 51.15]


def test_a_dead_socket_is_given_up_one_and_a_half_seconds_after_the_missed_heartbeat() -> None:
    page = live_page()

    page.wait(50.0 + 1.4)
    assert page.events(SocketClosed) == []
    page.wait(0.1 + 1.0)

    (closed,) = page.events(SocketClosed)
    assert (closed.t_s, closed.code, closed.was_open) == (51.5, 1006, True)
    assert attempts_at_s(page) == [0.0, 52.5]


def test_the_late_end_of_a_socket_that_was_given_up_changes_nothing() -> None:
    page = live_page()
    page.wait(52.5)
    page.goes_live()

    page.socket_closes(socket=1)

    assert page.session.is_live
    assert len(page.events(SocketClosed)) == 1


def test_an_answer_to_another_heartbeat_does_not_count() -> None:
    page = live_page()
    page.wait(25.0)

    page.frame("phx_reply", {"status": "ok"}, ref="no such", topic="phoenix")
    page.wait(25.0)

    assert len(page.closes_of_sockets) == 1


@pytest.mark.parametrize("ref", ["", None])
def test_an_answer_nobody_waits_for_does_not_move_the_heartbeat(ref: str | None) -> None:
    page = live_page()
    page.wait(20.0)

    page.frame("phx_reply", {"status": "ok"}, ref=ref, topic="phoenix")
    page.wait(5.0)

    assert len(page.frames("heartbeat")) == 1


def test_a_frame_after_the_end_of_its_socket_is_not_heard() -> None:
    page = live_page()
    page.wait(25.0)
    page.socket_closes()

    page.heartbeat_answered()
    page.receives(row(1))
    page.wait(120.0)

    assert page.screen == []
    assert len(page.frames("heartbeat")) == 1


def test_h10_a_socket_lost_in_a_hidden_tab_is_tried_again_when_the_tab_shows() -> None:
    page = live_page()
    page.visible(False)
    page.socket_closes()
    page.wait(300.0)
    assert len(page.all(OpenSocket)) == 1

    page.visible(True)

    assert len(page.all(OpenSocket)) == 2


def test_a_page_that_is_put_away_hangs_up_and_connects_when_it_comes_back() -> None:
    page = live_page()

    page.page_hides()
    page.socket_closes(1005)
    page.wait(300.0)

    assert [(one.code, one.reason) for one in page.closes_of_sockets] == [(None, "")]
    assert not page.session.is_live
    assert attempts_at_s(page) == [0.0]
    page.page_shows()
    page.goes_live()
    assert page.session.is_live
    assert attempts_at_s(page) == [0.0, 300.0]


def test_h10_an_older_library_does_not_look_whether_its_tab_is_hidden() -> None:
    page = Page(library=LEGACY)
    page.opens()
    page.goes_live()
    page.visible(False)

    page.socket_closes()
    page.wait(5.0)

    assert attempts_at_s(page) == [0.0, 1.01]


def test_h10_a_live_socket_of_a_hidden_tab_goes_on() -> None:
    page = live_page()
    page.visible(False)

    page.wait(25.0)
    page.receives(row(1))

    assert len(page.frames("heartbeat")) == 1
    assert len(page.screen) == 1


def test_a_tab_that_shows_while_the_socket_waits_tries_at_once() -> None:
    page = Page()
    page.opens()
    page.socket_closes()
    for _ in range(3):
        page.attempt_fails_after_its_wait()  # the next wait is 10 s
    page.visible(False)
    page.wait(1.0)

    page.visible(True)
    page.socket_opens()
    page.wait(20.0)

    assert attempts_at_s(page) == [0.0, 1.0, 3.0, 8.0, 9.0]


def test_a_tab_that_is_shown_already_does_not_hurry_the_socket() -> None:
    page = Page()
    page.opens()
    page.socket_closes()

    page.visible(True)

    assert len(page.all(OpenSocket)) == 1


def test_offline_and_online_do_not_touch_the_socket() -> None:
    page = live_page()

    page.online(False)
    page.receives(row(1))
    page.online(True)

    assert len(page.screen) == 1
    assert len(page.all(OpenSocket)) == 1
    assert page.closes_of_sockets == []


def test_r2_closing_the_page_leaves_the_channel_then_closes_the_socket() -> None:
    page = live_page()
    before = len(page.commands)

    page.closes()

    leave, close = page.commands[before:]
    assert page.frames("phx_leave")[0].join_ref == page.join_ref
    assert type(leave).__name__ == "SendFrame"
    assert [close] == page.closes_of_sockets
    assert (page.closes_of_sockets[0].code, page.closes_of_sockets[0].socket) == (1000, 1)


def test_a_closed_page_waits_for_nothing_and_hears_nothing() -> None:
    page = live_page(PLAN)
    page.types()
    page.closes()
    records = len(page.sink.events)

    page.receives(row(1))
    page.socket_closes()
    page.closes()

    assert page.session.next_wake_s == float("inf")
    assert not page.session.is_open
    assert len(page.sink.events) == records
    assert page.screen == []


def test_a_page_can_be_closed_while_the_socket_is_connecting() -> None:
    page = Page()
    page.starts()

    page.closes()

    assert len(page.closes_of_sockets) == 1
    assert page.frames("phx_leave") == []
