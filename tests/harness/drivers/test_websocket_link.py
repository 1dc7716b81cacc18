"""One WebSocket on a loop's watchers, against servers that behave as they like."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import pytest
from websockets.frames import Frame, Opcode

from harness.client.browser import CHROME, Browser
from harness.drivers.tcp_stream import READ_BYTES
from harness.drivers.websocket_link import WebSocketLink
from tests.support.tiny_servers import (
    Address,
    ServerEnd,
    reset,
    serving,
    until,
    unused_address,
)

pytestmark = pytest.mark.e2e


class Heard:
    """The owner of a link; keeps what it is told."""

    def __init__(self) -> None:
        self.log: list[tuple[Any, ...]] = []
        self.on_frame: Callable[[], None] = lambda: None

    def link_opened(self, number: int) -> None:
        self.log.append(("opened", number))

    def link_closed(self, number: int, code: int, reason: str) -> None:
        self.log.append(("closed", number, code, reason))

    def link_frame(self, number: int, data: bytes) -> None:
        self.log.append(("frame", number, data))
        self.on_frame()

    @property
    def frames(self) -> list[bytes]:
        return [one[2] for one in self.log if one[0] == "frame"]

    @property
    def codes(self) -> list[int]:
        return [one[2] for one in self.log if one[0] == "closed"]

    @property
    def was_opened(self) -> bool:
        return ("opened", 3) in self.log


@contextmanager
def linked(
    address: Address, loop: Any = None, browser: Browser = CHROME
) -> Iterator[tuple[WebSocketLink, Heard]]:
    heard = Heard()
    link = WebSocketLink(
        gevent.get_hub().loop if loop is None else loop,
        address,
        "localhost",
        path="/realtime/v1/websocket?apikey=key&vsn=2.0.0",
        number=3,
        owner=heard,
        browser=browser,
    )
    try:
        yield link, heard
    finally:
        link.drop()


def speaking(*frames: Frame, then: Callable[[ServerEnd], None] | None = None) -> Any:
    """A handler that accepts, sends these frames in one write, and then does ``then``."""

    def handle(connection: Any) -> None:
        end = ServerEnd(connection)
        end.accept()
        connection.sendall(b"".join(one.serialize(mask=False) for one in frames))
        if then is not None:
            then(end)
        else:
            listens(end)

    return handle


def listens(end: ServerEnd) -> None:
    """Read on until the client ends it."""
    while True:
        try:
            end.next_event()
        except EOFError:
            return


def text(data: str, *, fin: bool = True) -> Frame:
    return Frame(Opcode.TEXT, data.encode(), fin=fin)


def more(data: str, *, fin: bool) -> Frame:
    return Frame(Opcode.CONT, data.encode(), fin=fin)


def test_it_asks_for_the_path_of_the_host_and_says_when_it_is_open() -> None:
    asked: list[tuple[str, str]] = []

    def handle(connection: Any) -> None:
        end = ServerEnd(connection)
        request = end.accept()
        asked.append((request.path, request.headers["Host"]))
        listens(end)

    with serving(handle) as address, linked(address) as (_, heard):
        until(lambda: heard.log)

    assert heard.log == [("opened", 3)]
    assert asked == [("/realtime/v1/websocket?apikey=key&vsn=2.0.0", f"localhost:{address[1]}")]


def test_text_goes_both_ways() -> None:
    got: list[str] = []

    def handle(end: ServerEnd) -> None:
        got.append(end.next_text())
        end.connection.sendall(text("back").serialize(mask=False))
        listens(end)

    with serving(speaking(then=handle)) as address, linked(address) as (link, heard):
        until(lambda: heard.was_opened)
        link.send_text("there ✓".encode())
        until(lambda: heard.frames)

    assert got == ["there ✓"]
    assert heard.frames == [b"back"]


def test_many_frames_of_one_read_come_in_order() -> None:
    frames = [text(str(number)) for number in range(50)]

    with serving(speaking(*frames)) as address, linked(address) as (_, heard):
        until(lambda: len(heard.frames) == 50)

    assert heard.log[0] == ("opened", 3)
    assert heard.frames == [str(number).encode() for number in range(50)]


def test_fragments_come_as_one_message() -> None:
    frames = [
        text("he", fin=False),
        more("ll", fin=False),
        Frame(Opcode.PING, b"in between"),
        more("o", fin=True),
        text("next"),
    ]

    with serving(speaking(*frames)) as address, linked(address) as (_, heard):
        until(lambda: len(heard.frames) == 2)

    assert heard.frames == [b"hello", b"next"]


def test_a_message_longer_than_a_read_comes_whole() -> None:
    long = "x" * (3 * READ_BYTES)

    with serving(speaking(text(long))) as address, linked(address) as (_, heard):
        until(lambda: heard.frames)

    assert heard.frames == [long.encode()]


def test_binary_messages_are_not_heard_in_pieces_either() -> None:
    frames = [
        Frame(Opcode.BINARY, b"\x01whole"),
        Frame(Opcode.BINARY, b"\x01half", fin=False),
        Frame(Opcode.CONT, b"rest"),
        text("after"),
    ]

    with serving(speaking(*frames)) as address, linked(address) as (_, heard):
        until(lambda: b"after" in heard.frames)

    assert heard.frames == [b"after"]


def test_a_ping_is_answered() -> None:
    got: list[bytes] = []

    def handle(end: ServerEnd) -> None:
        event = end.next_event()
        got.append(bytes(event.data))
        assert event.opcode is Opcode.PONG

    ping = Frame(Opcode.PING, b"are you there")
    with serving(speaking(ping, then=handle)) as address, linked(address):
        until(lambda: got)

    assert got == [b"are you there"]


@pytest.mark.parametrize(("code", "seen"), [(1000, 1000), (1012, 1012), (None, 1005)])
def test_the_servers_close_code_is_handed_on(code: int | None, seen: int) -> None:
    def handle(end: ServerEnd) -> None:
        end.protocol.send_close(code, "bye" if code else "")
        end.flush()
        listens(end)

    with serving(speaking(then=handle)) as address, linked(address) as (_, heard):
        until(lambda: heard.codes)

    assert heard.log == [("opened", 3), ("closed", 3, seen, "bye" if code else "")]


def ends_without_a_word(end: ServerEnd) -> None:
    """FIN, no Close frame."""


def resets(end: ServerEnd) -> None:
    reset(end.connection)


def breaks_the_protocol(end: ServerEnd) -> None:
    end.connection.sendall(b"\xff\xff\xff\xff")  # reserved bits and an unknown opcode
    while end.connection.recv(65_536):
        pass


@pytest.mark.parametrize("end", [ends_without_a_word, resets, breaks_the_protocol])
def test_an_end_without_a_close_frame_is_1006(end: Callable[[ServerEnd], None]) -> None:
    with serving(speaking(then=end)) as address, linked(address) as (_, heard):
        until(lambda: heard.codes)

    assert heard.was_opened
    assert heard.codes == [1006]


def test_what_came_before_the_end_is_still_heard() -> None:
    last = speaking(text("last"), then=ends_without_a_word)

    with serving(last) as address, linked(address) as (_, heard):
        until(lambda: heard.codes)

    assert heard.frames == [b"last"]


def test_a_refused_connection_is_1006_and_is_told_from_the_loop() -> None:
    with linked(unused_address()) as (_, heard):
        assert heard.log == []  # the owner has not even stored the link
        until(lambda: heard.log)

    ((what, number, code, reason),) = heard.log
    assert (what, number, code) == ("closed", 3, 1006)
    assert reason == "ECONNREFUSED"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: wrong\r\n\r\n",
        b"this is not HTTP\r\n\r\n",
    ],
    ids=["403", "200", "wrong-accept", "no-http"],
)
def test_an_upgrade_that_is_not_granted_is_1006_at_once(answer: bytes) -> None:
    def handle(connection: Any) -> None:
        connection.sendall(answer)
        while connection.recv(65_536):  # and stays open
            pass

    with serving(handle) as address, linked(address) as (_, heard):
        until(lambda: heard.log)

    assert not heard.was_opened
    assert heard.codes == [1006]


def test_an_upgrade_that_is_cut_off_is_1006() -> None:
    def handle(connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 101 Switch")

    with serving(handle) as address, linked(address) as (_, heard):
        until(lambda: heard.log)

    assert heard.codes == [1006]


def test_a_peer_that_reads_slowly_gets_everything_in_order_later() -> None:
    go = gevent.event.Event()
    got: list[str] = []

    def handle(end: ServerEnd) -> None:
        go.wait()
        while len(got) < 100:
            got.append(end.next_text())

    with serving(speaking(then=handle)) as address, linked(address) as (link, heard):
        until(lambda: heard.was_opened)
        sent = [f"{number:03d}" + "x" * 100_000 for number in range(100)]
        for one in sent:
            link.send_text(one.encode())
        go.set()
        until(lambda: len(got) == 100)

    assert got == sent


def test_closing_is_a_handshake() -> None:
    got: list[tuple[int, str]] = []

    def handle(end: ServerEnd) -> None:
        while end.protocol.close_rcvd is None:
            end.next_event()
        received = end.protocol.close_rcvd
        got.append((received.code, received.reason))

    with serving(speaking(then=handle)) as address, linked(address) as (link, heard):
        until(lambda: heard.was_opened)
        link.close(1000, "heartbeat timeout")
        link.send_text(b"too late")
        until(lambda: heard.codes)

    assert got == [(1000, "heartbeat timeout")]
    assert heard.log[1:] == [("closed", 3, 1000, "heartbeat timeout")]


def test_a_close_without_a_code_is_1005_to_the_peer() -> None:
    got: list[int] = []

    def handle(end: ServerEnd) -> None:
        while end.protocol.close_rcvd is None:
            end.next_event()
        got.append(end.protocol.close_rcvd.code)

    with serving(speaking(then=handle)) as address, linked(address) as (link, heard):
        until(lambda: heard.was_opened)
        link.close(None, "")
        until(lambda: heard.codes)

    assert got == [1005]


def test_closing_while_it_connects_drops_it_and_says_1006() -> None:
    with serving(listening_forever) as address, linked(address) as (link, heard):
        link.close(1000, "")

    assert heard.codes == [1006]


def test_nothing_gets_through_a_paused_link_and_all_of_it_when_it_resumes() -> None:
    ends: list[ServerEnd] = []
    got: list[str] = []

    def handle(end: ServerEnd) -> None:
        ends.append(end)
        got.append(end.next_text())
        listens(end)

    with serving(speaking(then=handle)) as address, linked(address) as (link, heard):
        until(lambda: heard.was_opened and ends)
        link.pause()
        link.send_text(b"from here")
        ends[0].connection.sendall(text("from there").serialize(mask=False))
        gevent.sleep(0.05)
        assert (got, heard.frames) == ([], [])

        link.resume()
        until(lambda: got and heard.frames)

    assert got == ["from here"]
    assert heard.frames == [b"from there"]
    assert heard.codes == []


def test_pausing_while_it_connects_loses_it() -> None:
    with serving(listening_forever) as address, linked(address) as (link, heard):
        link.pause()
        link.resume()

    assert heard.codes == [1006]


def listening_forever(connection: Any) -> None:
    while connection.recv(65_536):
        pass


def test_dropping_tells_nobody_and_frees_the_socket() -> None:
    gone: list[bool] = []

    def handle(end: ServerEnd) -> None:
        listens(end)
        gone.append(True)

    with serving(speaking(then=handle)) as address, linked(address) as (link, heard):
        until(lambda: heard.was_opened)
        link.drop()
        link.drop()
        link.close(1000, "")
        link.send_text(b"nobody")
        until(lambda: gone)

    assert heard.log == [("opened", 3)]


def test_nothing_is_heard_after_a_drop_in_the_middle_of_a_read() -> None:
    frames = [text(str(number)) for number in range(10)]

    with serving(speaking(*frames)) as address, linked(address) as (link, heard):
        heard.on_frame = link.drop
        until(lambda: heard.frames)
        gevent.sleep(0)

    assert heard.frames == [b"0"]


class LoopOfWatchers:
    """A loop that never runs; its watchers remember whether their descriptor was alive."""

    def __init__(self) -> None:
        self.closed_with_live_descriptor: list[bool] = []

    def io(self, descriptor: int, _: int) -> LoopOfWatchers._Watcher:
        return self._Watcher(self, descriptor)

    def timer(self, _: float) -> Any:
        return gevent.get_hub().loop.timer(0)

    class _Watcher:
        def __init__(self, loop: LoopOfWatchers, descriptor: int) -> None:
            self._loop = loop
            self._descriptor = descriptor

        def start(self, *_: Any) -> None: ...

        def stop(self) -> None: ...

        def close(self) -> None:
            try:
                os.fstat(self._descriptor)
            except OSError:
                self._loop.closed_with_live_descriptor.append(False)
            else:
                self._loop.closed_with_live_descriptor.append(True)


def test_the_watchers_are_closed_before_the_descriptor_that_they_watch() -> None:
    loop = LoopOfWatchers()

    with serving(listening_forever) as address, linked(address, loop) as (link, _):
        link.drop()

    assert loop.closed_with_live_descriptor == [True, True]
