"""What a browser, or what stands before it, does to the sockets of its page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import msgspec
import pytest
from gevent.event import Event as Signal

from harness.client.browser import BROWSERS, CHROME, Browser
from harness.clock import monotonic_s
from harness.drivers.http_pool import Answer
from harness.records import ChannelChanged, RequestRepeated, SocketClosed, SocketOpening
from tests.harness.drivers.test_user_driver import Driven, Realtime, ScriptedHttp, driven
from tests.harness.drivers.test_websocket_link import linked, listens, speaking, text
from tests.support.page import message_id
from tests.support.tiny_servers import ServerEnd, serving, until

pytestmark = pytest.mark.e2e


def chrome(**changes: Any) -> Browser:
    return msgspec.structs.replace(CHROME, **changes)


class Requests:
    """A server that keeps the head of each request, and answers as HTTP or not at all."""

    def __init__(self, answer: bytes = b"") -> None:
        self._answer = answer
        self.heads: list[bytes] = []
        self.connections = 0
        self.over = 0

    def __call__(self, connection: Any) -> None:
        self.connections += 1
        while data := connection.recv(65_536):
            self.heads.append(data)
            connection.sendall(self._answer)
        self.over += 1


def closed(one: Driven) -> list[tuple[int, str]]:
    return [(record.code, record.reason) for record in one.events(SocketClosed)]


@pytest.mark.parametrize("name", ["chrome-extension", "chrome-csp"])
def test_t1_a_refused_socket_is_1006_at_once_and_sends_no_packet(name: str) -> None:
    server = Requests()
    with serving(server) as (_, port), driven(port, browser=BROWSERS[name]) as one:
        until(lambda: closed(one))

    assert closed(one) == [(1006, "refused in the browser")]
    assert one.events(SocketClosed)[0].t_s - one.events(SocketOpening)[0].t_s < 0.5
    assert server.connections == 0
    assert one.crashes == []


def test_t1_an_extension_may_cut_an_open_socket_after_a_while() -> None:
    server = Realtime()
    extension = Browser(name="chrome-extension", socket_lasts_s=0.1)
    with serving(server) as (_, port), driven(port, browser=extension) as one:
        until(lambda: closed(one))

    assert closed(one) == [(1006, "cut by the browser")]
    (ended,) = one.events(SocketClosed)
    joined_s = one.events(ChannelChanged)[0].t_s
    assert ended.was_open
    assert ended.t_s - joined_s >= 0.09


def test_a_proxy_that_strips_the_upgrade_has_the_server_answer_as_http() -> None:
    server = Requests(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n")
    with (
        serving(server) as (_, port),
        driven(port, browser=BROWSERS["chrome-corporate-proxy"]) as one,
    ):
        until(lambda: closed(one))

    assert closed(one) == [(1006, "HTTP 426")]
    (head,) = server.heads
    assert b"upgrade" not in head.lower()
    assert b"Sec-WebSocket-Key: " in head


def test_a_proxy_that_holds_the_upgrade_lets_the_handshake_hang_until_it_is_given_up() -> None:
    server = Requests()
    holding = chrome(websocket="upgrade_held", handshake_timeout_s=0.1)
    with serving(server) as address, linked(address, browser=holding) as (_, heard):
        begun_s = monotonic_s()
        until(lambda: heard.codes)
        assert monotonic_s() - begun_s >= 0.08
        until(lambda: server.over)

    assert heard.log == [("closed", 3, 1006, "the handshake took too long")]
    assert server.heads == []


def test_a_server_that_never_answers_the_handshake_is_given_up() -> None:
    server = Requests()
    with (
        serving(server) as address,
        linked(address, browser=chrome(handshake_timeout_s=0.05)) as (_, heard),
    ):
        until(lambda: server.over)

    assert heard.codes == [1006]


def test_a_handshake_that_was_answered_in_time_is_never_given_up() -> None:
    with (
        serving(speaking()) as address,
        linked(address, browser=chrome(handshake_timeout_s=0.5)) as (_, heard),
    ):
        until(lambda: heard.was_opened)
        gevent.sleep(0.6)

    assert heard.codes == []


def speaking_every(seconds: float, times: int) -> Any:
    def talk(end: ServerEnd) -> None:
        for _ in range(times):
            gevent.sleep(seconds)
            end.connection.sendall(text("hello").serialize(mask=False))
        listens(end)

    return speaking(then=talk)


def test_a_proxy_cuts_a_socket_that_was_idle_for_long_and_no_other() -> None:
    proxy = chrome(socket_idle_s=0.5)
    with (
        serving(speaking_every(0.05, 12)) as address,
        linked(address, browser=proxy) as (_, heard),
    ):
        until(lambda: heard.codes)

    assert len(heard.frames) == 12
    assert heard.log[-1] == ("closed", 3, 1006, "cut by a proxy: idle")


def test_what_is_sent_counts_as_life_too() -> None:
    proxy = chrome(socket_idle_s=0.5)
    with serving(speaking()) as address, linked(address, browser=proxy) as (link, heard):
        until(lambda: heard.was_opened)
        for _ in range(12):
            gevent.sleep(0.05)
            link.send_text(b"hello")
        sent_s = monotonic_s()
        until(lambda: heard.codes)
        assert monotonic_s() - sent_s >= 0.45


def test_a_close_that_nobody_answers_is_1006_when_the_browser_gives_up() -> None:
    with (
        serving(speaking(then=lambda _: Signal().wait())) as address,
        linked(address, browser=chrome(closing_timeout_s=0.1)) as (link, heard),
    ):
        until(lambda: heard.was_opened)
        link.close(1000, "heartbeat timeout")
        assert link.is_closing
        begun_s = monotonic_s()
        until(lambda: heard.codes)
        assert monotonic_s() - begun_s >= 0.08

    assert heard.log[-1] == ("closed", 3, 1006, "the closing handshake took too long")


def test_a_socket_that_the_library_gave_up_lingers_beside_its_successor() -> None:
    """So a server may hold two sockets of one page, for as long as the browser waits."""
    server = Realtime()
    browser = chrome(closing_timeout_s=1.0)
    with serving(server) as (_, port), driven(port, browser=browser) as one:
        until(lambda: len(one.events(ChannelChanged)) == 2)
        driver: Any = one.driver
        sockets = driver._sockets
        first = sockets._link
        first.pause()  # its Close frame does not get out, so no answer comes
        first.close(1000, "heartbeat timeout")
        sockets.open(2, "/realtime/v1/websocket?apikey=key&vsn=2.0.0", has_network=True)
        until(lambda: len(server.ends) == 2)
        second = sockets._link
        assert sockets._all() == [first, second]
        until(lambda: sockets._all() == [second])

    assert one.crashes == []


def test_leaving_the_page_ends_what_lingers() -> None:
    server = Realtime()
    with serving(server) as (_, port):
        with driven(port) as one:
            until(lambda: len(one.events(ChannelChanged)) == 2)
            driver: Any = one.driver
            sockets = driver._sockets
            sockets._link.pause()
            sockets._link.close(1000, "")
            sockets.open(2, "/realtime/v1/websocket?apikey=key&vsn=2.0.0", has_network=True)
            until(lambda: len(server.ends) == 2)
            links = sockets._all()
        assert [link._tcp._socket.fileno() for link in links] == [-1, -1]
        assert sockets._all() == []


def test_a_stranded_socket_hears_nothing_even_when_there_is_a_network_again() -> None:
    with (
        serving(speaking_every(0.05, 3)) as address,
        linked(address) as (link, heard),
    ):
        until(lambda: heard.was_opened)
        link.strand()
        gevent.sleep(0.1)
        link.resume()
        gevent.sleep(0.15)

    assert heard.log == [("opened", 3)]


def test_a_browser_gives_nothing_up_while_its_machine_sleeps() -> None:
    with (
        serving(speaking()) as address,
        linked(address, browser=chrome(socket_lasts_s=0.5, socket_idle_s=0.5)) as (link, heard),
    ):
        until(lambda: heard.was_opened)
        link.suspend()
        gevent.sleep(0.6)

    assert heard.codes == []


def test_no_proxy_is_heard_of_without_a_network() -> None:
    with (
        serving(speaking()) as address,
        linked(address, browser=chrome(socket_idle_s=0.5)) as (link, heard),
    ):
        until(lambda: heard.was_opened)
        link.pause()
        gevent.sleep(0.6)
        assert heard.codes == []  # not before there is a network again
        link.resume()
        until(lambda: heard.codes)


class RepeatingHttp(ScriptedHttp):
    """Its kept connections always break once."""

    def request(
        self, method: str, path: str, body: bytes | None, on_repeat: Callable[[], None]
    ) -> Answer:
        on_repeat()
        return super().request(method, path, body, on_repeat)


def test_h7_a_repetition_is_recorded_with_the_message_that_it_sends() -> None:
    with (
        serving(Realtime()) as (_, port),
        driven(port, at_s=[0.0], http=RepeatingHttp()) as one,
    ):
        until(lambda: len(one.events(RequestRepeated)) == 2)

    assert {one.client_msg_id for one in one.events(RequestRepeated)} == {"", message_id(0)}
