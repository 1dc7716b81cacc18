"""Realtime's sockets, straight on the transport: no ASGI, task, queue or timer for each.

A row goes to every receiver of a room as the same bytes, because frames of a server are not
masked. So a frame is built once and written as it is; and a receiver that does not read is cut
off at once, which ASGI has no word for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, MutableSet
from typing import Any, Protocol, assert_never, cast

from harness.server.auth.tokens import Claims
from harness.server.realtime.effects import Peer
from harness.server.realtime.handshake import Admission, Denial, Hang, Verdict
from harness.server.realtime.sockets.upgrade import read_upgrade, refusal
from harness.server.realtime.sockets.websocket_frames import (
    Arrival,
    Binary,
    Broken,
    Closed,
    FrameReader,
    Ping,
    Text,
    close_frame,
    pong_frame,
    text_frame,
)
from harness.server.switches import Switches
from harness.wire import phoenix

PATHS = frozenset(("/realtime/v1/websocket", "/socket/websocket"))
GOODBYE_S = 2.0
"""How long a client has to end its side once a Close frame was sent."""


class Host(Protocol):
    """Whom a socket belongs to."""

    switches: Switches

    def now_s(self) -> float:
        """Host-monotonic."""

    def admit(self, query: Mapping[str, str], headers: Mapping[str, str]) -> Verdict:
        """Judge a handshake."""

    def opened(self, connection: Connection, admission: Admission) -> None:
        """Take in an accepted socket; gives it its peer and its claims."""

    def received(self, connection: Connection, message: Text | Binary) -> None:
        """React to a message."""

    def gone(self, connection: Connection) -> None:
        """Forget a socket; nothing comes from it any more and nothing reaches it."""

    def too_slow(self) -> None:
        """Count a receiver that was cut off."""


def text_message(frame: phoenix.Frame, vsn: phoenix.Vsn) -> bytes:
    """A frame as one WebSocket text message, ready for the transport of any receiver."""
    return text_frame(phoenix.encode_from_server(frame, vsn))


class _Still:
    """What gathers while a socket stands still."""

    __slots__ = ("held", "held_bytes", "then", "unread")

    def __init__(self, then: Callable[[], None]) -> None:
        self.then = then
        """What is to be done before anything else once the socket moves again."""
        self.unread: deque[Arrival] = deque()
        self.held: list[bytes] = []
        """What waits to be sent."""
        self.held_bytes = 0


class Connection(asyncio.Protocol):
    """One socket from its upgrade request to its end, as uvicorn hands it over."""

    __slots__ = (
        *("_asked", "_host", "_reader", "_siblings", "_still", "_timer", "_transport"),
        *("heard_s", "own", "peer"),
    )

    peer: Peer
    own: Claims
    """What the API key of the handshake says."""

    def __init__(self, host: Host, siblings: MutableSet[Any]) -> None:
        self._host = host
        self._siblings = siblings
        self._transport = cast(asyncio.Transport, None)
        self._asked = False
        """Whether the upgrade request was read."""
        self._reader: FrameReader | None = None
        """``None`` before the handshake is accepted and after the socket has ended."""
        self._still: _Still | None = None
        self._timer: asyncio.TimerHandle | None = None
        """What the socket waits for: to be refused, to move again or to be cut off."""
        self.heard_s = 0.0
        """When bytes last came, host-monotonic."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._siblings.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002, asyncio's name
        if self._timer is not None:
            self._timer.cancel()
        self._leave()
        self._siblings.discard(self)

    def data_received(self, data: bytes) -> None:
        if self._reader is not None:
            self.heard_s = self._host.now_s()
            arrivals = self._reader.feed(data, self._host.switches.knobs.max_frame_bytes)
            self._digest(deque(arrivals))
        elif not self._asked:
            self._asked = True
            self._open(data)

    def shutdown(self) -> None:
        """The web server stops."""
        self.close(1012)

    def write(self, message: bytes) -> None:
        """Send a prepared message. A receiver for whom too much waits by now is cut off.

        Nothing is raised for a socket that is gone.
        """
        transport = self._transport
        if self._reader is None or transport.is_closing():
            return
        unsent_bytes = 0
        if self._still is None:
            transport.write(message)
        else:
            self._still.held.append(message)
            self._still.held_bytes += len(message)
            unsent_bytes = self._still.held_bytes
        unsent_bytes += transport.get_write_buffer_size()
        if unsent_bytes > self._host.switches.knobs.max_unsent_bytes:
            self._host.too_slow()
            self.drop()

    def stall(self, for_s: float, then: Callable[[], None]) -> None:
        """Stand still: nothing is read, nothing is sent. Afterwards ``then`` is done first."""
        self._transport.pause_reading()
        self._still = _Still(then)
        self._timer = asyncio.get_running_loop().call_later(for_s, self._move_again)

    def close(self, code: int) -> None:
        """Say goodbye after all that was sent. A handshake that waits is given up."""
        if self._reader is None:
            self._transport.close()
        else:
            self._end(code.to_bytes(2, "big"))

    def drop(self) -> None:
        """Cut off without a Close frame: the client sees 1006."""
        self._transport.abort()

    def close_idle(self) -> None:
        """Close for silence, which standing still is not."""
        if self._still is None:
            self.close(1000)

    def pause_reading(self) -> None:
        """Leave what the client sends where it is."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on reading unless something else keeps it from that."""
        if self._host.switches.knobs.half_open:
            return
        if self._still is None:
            self._transport.resume_reading()
        elif self._timer is None:
            self._move_again()  # its time came while nothing moved

    def _open(self, request: bytes) -> None:
        upgrade = read_upgrade(request)
        if isinstance(upgrade, bytes):
            self._refuse(upgrade)
            return
        if upgrade.path not in PATHS:
            self._refuse(refusal(404))
            return
        match self._host.admit(upgrade.query, upgrade.headers):
            case Hang():
                pass
            case Denial() as denial:
                wait = denial.error is not None
                delay_s = self._host.switches.knobs.connect_error_backoff_s if wait else 0.0
                answer = refusal(denial.status, denial.headers, denial.body)
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(delay_s, self._refuse, answer)
            case Admission() as admission:
                self._reader = FrameReader()
                self.heard_s = self._host.now_s()
                self._transport.write(upgrade.acceptance)
                self._host.opened(self, admission)

    def _refuse(self, answer: bytes) -> None:
        self._transport.write(answer)
        self._transport.close()

    def _digest(self, arrivals: deque[Arrival]) -> None:
        """React to what came, until the socket stands still; the rest is then kept."""
        while arrivals and self._reader is not None:
            if self._still is not None:
                self._still.unread.extend(arrivals)
                return
            match arrivals.popleft():
                case Text() | Binary() as message:
                    self._host.received(self, message)
                case Ping(data):
                    self.write(pong_frame(data))
                case Closed(data):
                    self._end(data)
                case Broken(code, reason):
                    self._end(code.to_bytes(2, "big") + reason.encode())
                case other:
                    assert_never(other)

    def _move_again(self) -> None:
        self._timer = None
        if self._host.switches.knobs.half_open:
            return
        still, self._still = self._still, None
        assert still is not None
        self.heard_s = self._host.now_s()
        still.then()
        for message in still.held:
            self.write(message)
        self.resume_reading()
        self._digest(still.unread)

    def _end(self, goodbye: bytes) -> None:
        """Send the Close frame and our half of TCP's end; wait for the other half.

        Closing at once would reset the connection where the client is still sending, and a
        reset can overtake the Close frame.
        """
        if self._still is not None:
            for message in self._still.held:
                self._transport.write(message)
            self._transport.resume_reading()
        if self._timer is not None:
            self._timer.cancel()
        self._transport.write(close_frame(goodbye))
        self._transport.write_eof()
        self._timer = asyncio.get_running_loop().call_later(GOODBYE_S, self._transport.abort)
        self._leave()

    def _leave(self) -> None:
        if self._reader is None:
            return
        still, self._still, self._reader = self._still, None, None
        if still is not None:
            still.then()
        self._host.gone(self)
