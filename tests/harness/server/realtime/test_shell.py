"""The Realtime shell on an event loop, with ASGI queues and a transport in memory."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode
from websockets.streams import StreamReader

from harness.server.knobs import Knobs
from harness.server.realtime.effects import Peer
from harness.server.realtime.shell import Realtime
from harness.server.realtime.sockets import Connection, text_message
from harness.server.switches import Switches
from harness.wire.phoenix import Frame, decode, encode
from tests.harness.server.builders import (
    TOKENS,
    V1,
    V2,
    anon_token,
    change,
    join_frame,
    push,
    room_filter,
    user_token,
)


class MemoryTransport(asyncio.Transport):
    """Keeps what is written; a test says how much of it the peer has not taken."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.unsent_bytes = 0
        self.aborted = False

    def write(self, data: Any) -> None:
        assert not self.aborted
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.unsent_bytes

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


def messages(written: bytearray) -> list[Frame]:
    """The WebSocket messages that were written, as vsn 2.0.0 frames."""
    reader = StreamReader()
    reader.feed_data(bytes(written))
    reader.feed_eof()
    frames = []
    while not _at_end(reader):
        parsing = WebSocketFrame.parse(reader.read_exact, mask=False)
        try:
            next(parsing)
        except StopIteration as done:
            frames.append(decode(bytes(done.value.data), "2.0.0"))
    return frames


def _at_end(reader: StreamReader) -> bool:
    try:
        next(reader.at_eof())
    except StopIteration as done:
        return bool(done.value)
    return False


class Page:
    """One client of a :class:`Realtime`, fed by hand."""

    def __init__(self, realtime: Realtime) -> None:
        self.transport = MemoryTransport()
        self._inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._inbox.put_nowait({"type": "websocket.connect"})
        self.sent: list[Any] = []
        scope = {
            "type": "websocket",
            "query_string": f"apikey={anon_token()}&vsn=2.0.0".encode(),
            "headers": [],
            "extensions": {"chatquake.transport": {"transport": self.transport}},
        }
        self.task = asyncio.create_task(realtime(scope, self._inbox.get, self._send))

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    def says(self, frame: Frame) -> None:
        self.says_text(encode(frame, "2.0.0").decode())

    def says_text(self, text: str) -> None:
        self._inbox.put_nowait({"type": "websocket.receive", "text": text})

    async def leaves(self) -> None:
        self._inbox.put_nowait({"type": "websocket.disconnect"})
        await self.task

    async def until(self, count: int) -> list[Frame]:
        """Wait until the page was sent so many frames."""
        for _ in range(10_000):
            if len(messages(self.transport.written)) >= count:
                break
            await asyncio.sleep(0)
        return messages(self.transport.written)

    async def until_slowly(self, count: int) -> list[Frame]:
        """As :meth:`until`, where the server waits in between."""
        async with asyncio.timeout(10.0):
            while len(messages(self.transport.written)) < count:
                await asyncio.sleep(0.005)
        return messages(self.transport.written)


def realtime(**knobs: Any) -> Realtime:
    return Realtime(TOKENS, Switches(Knobs(system_ok_delay_s=0.0, **knobs)), lambda: 0.0)


def test_rows_are_held_while_a_join_of_the_socket_is_refused() -> None:
    async def run() -> list[Frame]:
        server = realtime(join_error_backoff_s=0.05)
        page = Page(server)
        page.says(join_frame(room_filter(), token=user_token()))
        await page.until(2)
        page.says(join_frame(topic="realtime:"))
        page.says(Frame(None, "1", "phoenix", "heartbeat", push("x", {}).payload))
        for _ in range(5):
            await asyncio.sleep(0)
        server.publish(change())
        frames = await page.until(5)
        await page.leaves()
        return frames

    frames = asyncio.run(run())

    assert [(frame.topic, frame.event) for frame in frames[2:]] == [
        ("realtime:", "phx_reply"),
        ("realtime:webinar-42", "postgres_changes"),
        ("phoenix", "phx_reply"),
    ]


def test_joins_that_fail_wait_for_each_other_and_nothing_else_of_the_socket_moves() -> None:
    async def run() -> tuple[list[str], float]:
        server = realtime(join_error_backoff_s=0.02)
        page = Page(server)
        began_s = asyncio.get_running_loop().time()
        for _ in range(3):
            page.says(join_frame(topic="realtime:"))
        page.says(Frame(None, "1", "phoenix", "heartbeat", push("x", {}).payload))
        topics = [frame.topic for frame in await page.until_slowly(4)]
        took_s = asyncio.get_running_loop().time() - began_s
        await page.leaves()
        return topics, took_s

    topics, took_s = asyncio.run(run())

    assert topics == ["realtime:", "realtime:", "realtime:", "phoenix"]
    assert took_s >= 0.06


def test_a_stall_of_one_socket_does_not_hold_up_another() -> None:
    async def run() -> list[Frame]:
        server = realtime(join_error_backoff_s=60.0)
        stalled, other = Page(server), Page(server)
        stalled.says(join_frame(topic="realtime:"))
        other.says(Frame(None, "1", "phoenix", "heartbeat", push("x", {}).payload))
        frames = await other.until(1)
        await other.leaves()
        stalled.task.cancel()
        return frames

    assert [frame.topic for frame in asyncio.run(run())] == ["phoenix"]


def test_a_flood_of_bad_frames_is_a_few_lines_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        page = Page(realtime())
        for _ in range(500):
            page.says_text("nonsense")
        page.says(Frame(None, "1", "phoenix", "heartbeat", push("x", {}).payload))
        await page.until(1)
        await page.leaves()

    asyncio.run(run())

    assert 0 < len(caplog.records) < 50


def test_a_receiver_that_does_not_read_is_cut_off_and_counted_once() -> None:
    async def run() -> tuple[Realtime, Page, Page]:
        server = realtime(max_unsent_bytes=1000)
        slow, quick = Page(server), Page(server)
        for page in (slow, quick):
            page.says(join_frame(room_filter(), token=user_token()))
            await page.until(2)
        slow.transport.unsent_bytes = 1001
        server.publish(change(seq=1))
        server.publish(change(seq=2))
        await quick.until(4)
        await slow.leaves()
        await quick.leaves()
        return server, slow, quick

    server, slow, quick = asyncio.run(run())

    assert (slow.transport.aborted, quick.transport.aborted) == (True, False)
    assert server.slow_readers_dropped == 1
    assert [sent["type"] for sent in slow.sent] == ["websocket.accept"]
    assert server.connections == 0


def test_a_socket_that_is_gone_is_no_longer_written_to() -> None:
    async def run() -> tuple[Realtime, int]:
        server = realtime()
        page = Page(server)
        page.says(join_frame(room_filter(), token=user_token()))
        before = len(await page.until(2))
        await page.leaves()
        server.publish(change())
        return server, len(messages(page.transport.written)) - before

    server, more = asyncio.run(run())

    assert more == 0
    assert [one.what for one in server.subscriptions] == ["joined", "live", "lost"]


def test_what_is_held_counts_as_unsent() -> None:
    transport = MemoryTransport()
    connection = Connection(Peer(1, "2.0.0"), transport, max_unsent_bytes=10)
    connection.hold()

    assert connection.write(b"12345678")
    assert not connection.write(b"12345678")
    assert transport.aborted


def test_a_frame_is_one_unmasked_text_message_in_the_peers_serializer() -> None:
    frame = push("x", {"long": "x" * 200})

    assert messages(bytearray(text_message(frame, V2.vsn))) == [frame]
    old = text_message(frame, V1.vsn)
    assert old[0] == 0x80 | Opcode.TEXT
    assert old[4:].startswith(b'{"topic":')
