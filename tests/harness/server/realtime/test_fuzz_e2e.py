"""Thousands of broken clients against a real server, while a good one is served beside them."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.tokens import mint_anon
from harness.wire.phoenix import Frame, Vsn, payload
from tests.harness.server.builders import SECRET, join_frame, room_filter
from tests.harness.server.realtime.fuzz_cases import (
    ANY,
    HEARTBEATS,
    STAYS,
    Case,
    cases,
)
from tests.harness.server.realtime.fuzz_content import MAX_FRAME_BYTES
from tests.harness.server.realtime.fuzz_handshakes import handshakes
from tests.harness.server.running import WAIT_S, Server, running, token
from tests.harness.server.running import socket as good_client

pytestmark = pytest.mark.e2e

CASES = 4000
HANDSHAKES = 400
MOST_GROWTH_BYTES = 24_000_000
OPTIONS = (
    *("--knob", f"max_frame_bytes={MAX_FRAME_BYTES}"),
    *("--knob", "connect_error_backoff_s=0"),
    *("--knob", "join_error_backoff_s=0"),
    *("--knob", "system_ok_delay_s=0.01"),
    *("--knob", "poll_interval_s=0"),
)


class RawClient:
    """A socket past its handshake, which reads the server's frames."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._unread = b""

    def send(self, data: bytes, rng: random.Random) -> None:
        """Send bytes in pieces of any size. A server that has gone meanwhile is no error."""
        try:
            while data:
                cut = rng.choice([1, 2, 7, 100, len(data), len(data)])
                self._connection.sendall(data[:cut])
                data = data[cut:]
        except OSError:
            return

    def outcome(self) -> int | str:
        """How it ended: a close code, :data:`STAYS` for an answer to the last heartbeat."""
        while (received := self._frame()) is not None:
            opcode, content = received
            if opcode == 8:
                return int.from_bytes(content[:2], "big")
            if opcode == 1 and b'"the end"' in content:
                return STAYS
        return "gone"

    def _frame(self) -> tuple[int, bytes] | None:
        head = self._take(2)
        if head is None:
            return None
        length = head[1]
        if length >= 126:
            width = 2 if length == 126 else 8
            length = int.from_bytes(self._take(width) or b"", "big")
        content = self._take(length)
        return None if content is None else (head[0] & 15, content)

    def _take(self, length: int) -> bytes | None:
        while len(self._unread) < length:
            try:
                data = self._connection.recv(65_536)
            except ConnectionError:
                data = b""
            if not data:
                return None
            self._unread += data
        taken, self._unread = self._unread[:length], self._unread[length:]
        return taken


@contextmanager
def raw_client(server: Server, vsn: Vsn) -> Iterator[RawClient]:
    key = mint_anon(SECRET, issued_at_unix_s=int(time.time()))
    with socket.create_connection(("127.0.0.1", server.realtime_port), WAIT_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(
            f"GET /realtime/v1/websocket?apikey={key}&vsn={vsn} HTTP/1.1\r\nHost: x\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(1)
        assert head.startswith(b"HTTP/1.1 101")
        yield RawClient(connection)


def suffer(server: Server, case: Case, rng: random.Random) -> int | str:
    with raw_client(server, case.vsn) as client:
        client.send(case.sent, rng)
        if case.outcome == ANY:
            return ANY
        if case.outcome == STAYS:
            client.send(HEARTBEATS[case.vsn], rng)
        return client.outcome()


def resident_bytes(server: Server) -> int:
    (stats,) = server.admin("/stats")
    size: int = stats["rss_bytes"]
    return size


def until_alone(server: Server, connections: int) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while (open_now := server.admin("/stats")[0]["connections"]) != connections:
        assert time.monotonic() < deadline_s, f"{open_now} sockets are still open"


def test_thousands_of_broken_clients_harm_nobody_else(tmp_path: Path) -> None:
    """Every case ends as RFC 6455 says, memory stays, no error is unhandled, a page is served."""
    seed = 20_261_125
    rng = random.Random(seed)
    log = tmp_path / "stderr"
    with (
        log.open("w") as stderr,
        running(tmp_path / "chat.db", *OPTIONS, stderr=stderr) as server,
        good_client(server) as page,
    ):
        page.send(join_frame(room_filter(), token=token()))
        assert page.events(2) == ["phx_reply", "system"]
        for case in cases(200, seed + 1):
            suffer(server, case, rng)
        before_bytes = resident_bytes(server)
        wrong = []
        for number, case in enumerate(cases(CASES, seed)):
            outcome = suffer(server, case, rng)
            if outcome != case.outcome:
                wrong.append((number, case.kind, case.outcome, outcome, case.sent[:200]))
            if number % 500 == 0:
                assert server.post(number=number).is_success
                assert page.receive().event == "postgres_changes"
        until_alone(server, 1)
        grown_bytes = resident_bytes(server) - before_bytes
        page.send(Frame(None, "99", "phoenix", "heartbeat", payload({})))
        assert page.receive().ref == "99"

    assert wrong == []
    assert grown_bytes < MOST_GROWTH_BYTES
    assert "Traceback" not in log.read_text()


def test_broken_handshakes_harm_nobody_else(tmp_path: Path) -> None:
    log = tmp_path / "stderr"
    with (
        log.open("w") as stderr,
        running(tmp_path / "chat.db", *OPTIONS, stderr=stderr) as server,
    ):
        before_bytes = resident_bytes(server)
        for request in handshakes(HANDSHAKES, 7):
            with socket.create_connection(("127.0.0.1", server.realtime_port), WAIT_S) as raw:
                raw.sendall(request)
                raw.shutdown(socket.SHUT_WR)
                while _read(raw):
                    pass
        until_alone(server, 0)
        with good_client(server) as page:
            page.send(Frame(None, "99", "phoenix", "heartbeat", payload({})))
            assert page.receive().ref == "99"
        assert resident_bytes(server) - before_bytes < MOST_GROWTH_BYTES

    assert "Traceback" not in log.read_text()


def _read(raw: socket.socket) -> bytes:
    try:
        return raw.recv(65_536)
    except ConnectionError:
        return b""
