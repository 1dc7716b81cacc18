"""Clients that cost next to nothing: raw sockets that join, then only count what comes.

They speak as much of HTTP, WebSocket and Phoenix as it takes to be served, and judge nothing:
what a server costs is measured beside them, on the other core.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count

import msgspec

from benchmarks.server_rig import BenchServer, api_key, token
from harness.drivers.frame_splitter import FrameSplitter
from harness.wire.phoenix import Frame, encode, payload

_WAIT_S = 60.0
_CONNECTIONS_PER_ADDRESS = 5000
"""A client address has some 28,000 ports; its neighbours on loopback have as many again."""
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_AT_ONCE = 200
"""Joins that are on their way together."""


class Member:
    """One page in a room."""

    def __init__(self, number: int, connection: socket.socket) -> None:
        self.number = number
        self.connection = connection
        self._splitter = FrameSplitter()

    def read(self) -> tuple[int, int]:
        """Read what there is: how many frames, and how many bytes."""
        data = self.connection.recv(262_144)
        if not data:
            raise ConnectionError(f"the server closed the connection of member {self.number}")
        return len(self._splitter.feed(data)), len(data)


class Crowd:
    """All members, and a watch on their sockets."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._selector = selectors.DefaultSelector()
        for member in members:
            self._selector.register(member.connection, selectors.EVENT_READ, member)
        self.frames = 0
        """Read since the crowd is complete."""
        self.bytes = 0

    def read_until(self, end_s: float) -> None:
        """Read what is there, and what comes up to a moment (monotonic)."""
        self._read(0.0)
        while (left_s := end_s - time.monotonic()) > 0:
            self._read(left_s)

    def read_frames(self, frames: int) -> None:
        """Read until so many have come in all. Raises :class:`ConnectionError` if they do not."""
        end_s = time.monotonic() + _WAIT_S
        while self.frames < frames:
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                raise ConnectionError(f"{self.frames} of {frames} deliveries came")
            self._read(left_s)

    def _read(self, wait_s: float) -> None:
        for key, _ in self._selector.select(wait_s):
            frames, size = key.data.read()
            self.frames += frames
            self.bytes += size

    def close(self) -> None:
        self._selector.close()


@contextmanager
def crowd(server: BenchServer, rooms: Sequence[int]) -> Iterator[Crowd]:
    """One live member for each entry of ``rooms``."""
    members = join_all(server.ports.realtime_port, rooms)
    try:
        yield (watched := Crowd(members))
        watched.close()
    finally:
        for member in members:
            member.connection.close()


def join_all(port: int, rooms: Sequence[int]) -> list[Member]:
    """One live member for each entry of ``rooms``."""
    members: list[Member] = []
    for first in range(0, len(rooms), _AT_ONCE):
        some = [
            Member(number, _connect(port, number))
            for number in range(first, min(first + _AT_ONCE, len(rooms)))
        ]
        for member in some:
            member.connection.sendall(masked(join_text(member.number, rooms[member.number])))
        for member in some:
            came = 0
            while came < 2:  # the reply and `system ok`
                came += member.read()[0]
        members += some
    return members


@contextmanager
def crowd_of_readers(port: int, receivers: int) -> Iterator[Crowd]:
    """Connections that nobody has to let in."""
    with ExitStack() as stack:
        members = [
            Member(number, stack.enter_context(socket.create_connection(("127.0.0.1", port))))
            for number in range(receivers)
        ]
        yield (watched := Crowd(members))
        watched.close()


def _connect(port: int, number: int) -> socket.socket:
    address = f"127.0.0.{2 + number // _CONNECTIONS_PER_ADDRESS}"
    connection = socket.create_connection(("127.0.0.1", port), _WAIT_S, source_address=(address, 0))
    connection.sendall(
        b"GET /realtime/v1/websocket?apikey=%b&vsn=2.0.0 HTTP/1.1\r\n"
        b"Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        % api_key().encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    return connection


def join_text(number: int, room: int) -> bytes:
    """The ``phx_join`` of one page, as text; it listens to all changes of its room's rows."""
    binding = {
        "event": "*",
        "schema": "public",
        "table": "messages",
        "filter": f"webinar_id=eq.{room}",
    }
    content = {
        "config": {"postgres_changes": [binding], "private": False},
        "access_token": token(number),
    }
    return encode(
        Frame("1", "1", f"realtime:webinar-{room}", "phx_join", payload(content)), "2.0.0"
    )


def masked(text: bytes) -> bytes:
    """A text frame as a client sends it; a mask of zeros is a mask."""
    length = len(text)
    head = bytes([0x81, 0x80 | length]) if length < 126 else b"\x81\xfe" + length.to_bytes(2, "big")
    return head + bytes(4) + text


HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Caller:
    """One kept-alive connection to the API, one request at a time."""

    def __init__(self, api_port: int, user: int) -> None:
        self.connection = socket.create_connection(("127.0.0.1", api_port), _WAIT_S)
        self._token = token(user).encode()
        self._user = user
        self._numbers = count()
        self._answer = b""
        self.answer = b""
        """The content of the last whole one."""

    def ask_health(self) -> None:
        """Ask for next to nothing."""
        self.connection.sendall(HEALTH)

    def ask_create(self, room: int, body: str) -> None:
        """Ask for a new message."""
        message_id = f"{self._user:08x}-0000-4000-8000-{next(self._numbers):012x}"
        content = {"webinarId": room, "clientMsgId": message_id, "body": body}
        self._ask(b"POST /api/messages/create", content)

    def ask_edit(self, row_id: int, body: str) -> None:
        """Ask for another text of one's own message."""
        self._ask(b"PATCH /api/messages/%d" % row_id, {"body": body})

    def _ask(self, what: bytes, content: dict[str, object]) -> None:
        text = msgspec.json.encode(content)
        self.connection.sendall(
            b"%b HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nAuthorization: Bearer %b\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (what, self._token, len(text), text)
        )

    def read(self) -> bool:
        """Read what there is; whether the answer is complete now."""
        self._answer += self.connection.recv(65_536)
        head, end, body = self._answer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or length is None or len(body) < int(length[1]):
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(f"the server answered {self._answer[:300]!r}")
        self._answer, self.answer = b"", body
        return True

    def close(self) -> None:
        self.connection.close()


def call(callers: Sequence[Caller], ask: Callable[[Caller], None], for_s: float) -> int:
    """All ask again as soon as they are answered, for so long; how many answers came."""
    answers, end_s = 0, time.monotonic() + for_s
    with selectors.DefaultSelector() as selector:
        for caller in callers:
            selector.register(caller.connection, selectors.EVENT_READ, caller)
            ask(caller)
        asked = len(callers)
        while answers < asked:
            for key, _ in selector.select(_WAIT_S):
                if key.data.read():
                    answers += 1
                    if time.monotonic() < end_s:
                        asked += 1
                        ask(key.data)
    return answers
