"""Receivers that do not read cannot make the server grow."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.frames import Opcode

from harness.wire.phoenix import encode
from tests.harness.server.builders import join_frame, room_filter
from tests.harness.server.realtime.memory import server_frames
from tests.harness.server.running import WAIT_S, Server, running, token
from tests.harness.server.running import socket as good_client

pytestmark = pytest.mark.e2e

SLOW = 30
MAX_UNSENT_BYTES = 200_000
ROW = "x" * 60_000
MOST_POSTS = 300
"""The kernels on both sides take some megabytes for each before the server has to."""
MOST_GROWTH_BYTES = SLOW * MAX_UNSENT_BYTES + 8_000_000


def slow_reader(server: Server) -> socket.socket:
    """A page that joins, and then never reads again."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(WAIT_S)
    connection.connect(("127.0.0.1", server.realtime_port))
    path = server.realtime_url().partition("/realtime")[2]
    connection.sendall(
        f"GET /realtime{path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    text = encode(join_frame(room_filter(), token=token()), "2.0.0")
    connection.sendall(b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text)
    return connection


def rest_of(connection: socket.socket) -> bytes:
    """What the kernels still had for it."""
    data = bytearray()
    try:
        while piece := connection.recv(65_536):
            data += piece
    except ConnectionResetError:
        pass
    return bytes(data)


def whole_frames(data: bytes) -> bytes:
    """Without the frame at the end that was cut off."""
    at = 0
    while at + 10 <= len(data):
        length, head = data[at + 1], 2
        if length >= 126:
            width = 2 if length == 126 else 8
            head += width
            length = int.from_bytes(data[at + 2 : at + 2 + width], "big")
        if at + head + length > len(data):
            break
        at += head + length
    return data[:at]


def test_slow_readers_are_cut_off_without_a_close_frame_and_the_memory_stays(
    tmp_path: Path,
) -> None:
    options = (
        *("--knob", f"max_unsent_bytes={MAX_UNSENT_BYTES}"),
        *("--knob", "system_ok_delay_s=0.01"),
        *("--knob", "poll_interval_s=0"),
        *("--knob", f"max_body_chars={len(ROW)}"),
    )
    with (
        running(tmp_path / "chat.db", *options) as server,
        good_client(server) as page,
        ExitStack() as stack,
    ):
        page.send(join_frame(room_filter(), token=token()))
        page.events(2)
        slow = [stack.enter_context(slow_reader(server)) for _ in range(SLOW)]
        deadline_s = time.monotonic() + WAIT_S
        while server.admin("/stats")[0]["connections"] <= SLOW:
            assert time.monotonic() < deadline_s
        before_bytes = server.admin("/stats")[0]["rss_bytes"]
        most_bytes, number = before_bytes, 0
        while (stats := server.admin("/stats")[0])["connections"] > 1:
            assert number < MOST_POSTS, f"somebody was not dropped: {stats}"
            assert server.post(ROW, number).is_success
            assert page.receive().event == "postgres_changes"
            most_bytes = max(most_bytes, stats["rss_bytes"])
            number += 1
        ends = [rest_of(one) for one in slow]

    assert stats["slow_readers_dropped"] == SLOW
    assert most_bytes - before_bytes < MOST_GROWTH_BYTES
    for data in ends:
        frames = server_frames(whole_frames(data))
        assert len(frames) > 2
        assert all(one.opcode is Opcode.TEXT for one in frames)
