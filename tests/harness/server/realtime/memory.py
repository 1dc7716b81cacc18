"""A client of a :class:`Realtime` whose socket is a transport in memory."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from uvicorn.server import ServerState
from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode
from websockets.streams import StreamReader

from harness.server.knobs import Knobs
from harness.server.realtime.shell import Realtime
from harness.server.realtime.sockets.connection import Connection
from harness.server.switches import Switches
from harness.wire.phoenix import Frame, decode, encode
from tests.harness.server.builders import TOKENS, anon_token

T = TypeVar("T")


class _HastySelector(selectors.DefaultSelector):
    """Lets time pass instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "nothing is due any more, and the test still waits"
        self.now_s += max(0.0, timeout)
        return super().select(0)


class _HastyLoop(asyncio.SelectorEventLoop):
    """Its timers go off in their order, each as soon as there is nothing else to do."""

    def __init__(self) -> None:
        self._hasty = _HastySelector()
        super().__init__(self._hasty)

    def time(self) -> float:
        return self._hasty.now_s


def run_hastily(test: Coroutine[Any, Any, T]) -> T:
    """Run a test on a loop whose seconds take no time; it may take 10 of them."""
    with asyncio.Runner(loop_factory=_HastyLoop) as runner:
        return runner.run(asyncio.wait_for(test, 10.0))


class MemoryTransport(asyncio.Transport):
    """Keeps what is written; a test says how much of it the peer has not taken."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.last: Any = b""
        self.unsent_bytes = 0
        self.aborted = False
        self.closed = False
        self.ended = False
        self.reading = True

    def write(self, data: Any) -> None:
        assert not self.is_closing()
        assert not self.ended
        self.written += data
        self.last = data

    def get_write_buffer_size(self) -> int:
        return self.unsent_bytes

    def is_closing(self) -> bool:
        return self.aborted or self.closed

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        self.closed = True

    def write_eof(self) -> None:
        self.ended = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Page:
    """One client, fed by hand."""

    def __init__(self, realtime: Realtime, query: str | None = None) -> None:
        self.transport = MemoryTransport()
        self.state = ServerState()
        query = f"apikey={anon_token()}&vsn=2.0.0" if query is None else query
        self.connection: Connection = realtime.socket(server_state=self.state)
        self.connection.connection_made(self.transport)
        self.connection.data_received(
            f"GET /socket/websocket?{query} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )

    @property
    def answer(self) -> bytes:
        """What the handshake was answered with, head and body."""
        return bytes(self.transport.written)

    def says(self, frame: Frame) -> None:
        self.says_text(encode(frame, "2.0.0").decode())

    def says_text(self, text: str) -> None:
        self.sends(WebSocketFrame(Opcode.TEXT, text.encode()).serialize(mask=True))

    def sends(self, data: bytes) -> None:
        self.connection.data_received(data)

    def leaves(self) -> None:
        self.connection.connection_lost(None)

    def received(self) -> list[WebSocketFrame]:
        """All frames that were sent to it."""
        _, _, frames = bytes(self.transport.written).partition(b"\r\n\r\n")
        return server_frames(frames)

    def heard(self) -> list[Frame]:
        """The text messages among them."""
        frames = [one for one in self.received() if one.opcode is Opcode.TEXT]
        return [decode(bytes(one.data), "2.0.0") for one in frames]

    async def until(self, count: int) -> list[Frame]:
        """Wait until the page was sent so many messages: for :func:`run_hastily`."""
        while len(self.heard()) < count:
            await asyncio.sleep(0.005)
        return self.heard()


def server_frames(data: bytes) -> list[WebSocketFrame]:
    """The frames that a server wrote."""
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    frames: list[WebSocketFrame] = []
    while not _at_end(reader):
        parsing = WebSocketFrame.parse(reader.read_exact, mask=False)
        try:
            next(parsing)
        except StopIteration as done:
            frames.append(done.value)
    return frames


def _at_end(reader: StreamReader) -> bool:
    try:
        next(reader.at_eof())
    except StopIteration as done:
        return bool(done.value)
    return False


class Hand:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def realtime(clock: Hand | None = None, **knobs: Any) -> Realtime:
    switches = Switches(Knobs(**{"system_ok_delay_s": 0.0, **knobs}))
    return Realtime(TOKENS, switches, clock or Hand())
