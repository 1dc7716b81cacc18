"""Realtime's sockets below ASGI: prepared bytes go straight to the transport.

A row goes to every receiver of a room as the same bytes, because frames of a server are not
masked. So a frame is built once and written as it is, without an ASGI message, a task and a
copy for each receiver; and a receiver that does not read is cut off at once, which ASGI has
no word for.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Close, Frame, Opcode

from harness.server.realtime.effects import Peer
from harness.wire import phoenix

_EXTENSION = "chatquake.transport"
_CLOSE_TIMEOUT_S = 5.0


class RealtimeSocket(WebSocketsSansIOProtocol):
    """Uvicorn's WebSocket protocol, which also tells the application its transport."""

    async def run_asgi(self) -> None:
        self.scope["extensions"][_EXTENSION] = {"transport": self.transport}
        await super().run_asgi()


def transport_of(scope: Any) -> asyncio.Transport:
    """The transport below an ASGI scope that a :class:`RealtimeSocket` made."""
    return cast(asyncio.Transport, scope["extensions"][_EXTENSION]["transport"])


def text_message(frame: phoenix.Frame, vsn: phoenix.Vsn) -> bytes:
    """A frame as one WebSocket text message, ready for the transport of any receiver."""
    return Frame(Opcode.TEXT, phoenix.encode_from_server(frame, vsn)).serialize(mask=False)


def binary_message(data: bytes) -> bytes:
    """Bytes as one WebSocket binary message, ready for the transport of any receiver."""
    return Frame(Opcode.BINARY, data).serialize(mask=False)


class Connection:
    """One accepted socket, as far as sending goes."""

    def __init__(self, peer: Peer, transport: asyncio.Transport, max_unsent_bytes: int) -> None:
        self.peer = peer
        self._transport = transport
        self._max_unsent_bytes = max_unsent_bytes
        self._held: list[bytes] | None = None
        self._held_bytes = 0
        self._closed = False
        # The limit is ours to judge; below it ASGI's own sends must not wait for the reader.
        transport.set_write_buffer_limits(high=2 * max_unsent_bytes)

    def write(self, message: bytes) -> bool:
        """Send a prepared message. False where that made the receiver too slow: it is cut off.

        Nothing is raised for a socket that is gone; its end is reported to whoever reads it.
        """
        if self._closed or self._transport.is_closing():
            return True
        if self._held is None:
            self._transport.write(message)
        else:
            self._held.append(message)
            self._held_bytes += len(message)
        unsent_bytes = self._transport.get_write_buffer_size() + self._held_bytes
        if unsent_bytes <= self._max_unsent_bytes:
            return True
        self._transport.abort()
        return False

    def hold(self) -> None:
        """From now on keep what is to be sent."""
        self._held = []

    def release(self) -> list[bytes]:
        """End keeping; returns what is still to be written, oldest first."""
        held, self._held, self._held_bytes = self._held or [], None, 0
        return held

    def close(self, code: int) -> None:
        """Send a Close frame; nothing is written after it.

        The socket ends when the peer answers, or after :data:`_CLOSE_TIMEOUT_S`.
        """
        if self._closed or self._transport.is_closing():
            return
        self._closed = True
        self._transport.write(
            Frame(Opcode.CLOSE, Close(code, "").serialize()).serialize(mask=False)
        )
        asyncio.get_running_loop().call_later(_CLOSE_TIMEOUT_S, self._transport.abort)

    def drop(self) -> None:
        """End the socket without a Close frame."""
        self._transport.abort()

    def pause_reading(self) -> None:
        """Leave what the peer sends where it is."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on reading, if it was paused."""
        if not self._transport.is_closing():
            self._transport.resume_reading()
