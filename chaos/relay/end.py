"""One side of a relayed connection: a socket that can be paced, reset and half closed."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Protocol, cast

MOST_UNSENT_BYTES = 64 * 1024
"""What may wait in a socket's buffer here before its peer is read no further."""

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Owner(Protocol):
    """Hears what happens to both ends of its connection."""

    def made(self, end: End) -> None:
        """It is connected."""
        ...

    def received(self, end: End, data: bytes) -> None: ...

    def ended(self, end: End) -> None:
        """It sends no more, and may still be sent to."""
        ...

    def pressed(self) -> None:
        """Whether an end takes more has changed."""
        ...

    def lost(self, *, broken: bool) -> None:
        """An end is gone: closed by us, or ``broken`` by its peer."""
        ...


class End(asyncio.Protocol):
    """An end is made before its transport is there; until then nothing can be sent."""

    def __init__(self, owner: Owner) -> None:
        self.has_ended = False
        """Its peer has sent its last byte."""
        self.is_full = False
        """Its peer takes no more for now."""
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._reading = True

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    def send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def send_end(self) -> None:
        """A FIN after all that was sent; its peer may still talk."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()

    def read(self, wanted: bool) -> None:
        """Read from now on, or leave what comes in the kernel, whose window then fills up."""
        transport = self._transport
        if transport is None or transport.is_closing() or wanted == self._reading:
            return
        self._reading = wanted
        if wanted:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def close(self) -> None:
        """After all that was sent."""
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """At once, with a FIN."""
        if self._transport is not None:
            self._transport.abort()

    def reset(self) -> None:
        """At once, with a RST."""
        if self._transport is None:
            return
        raw = cast(socket.socket, self._transport.get_extra_info("socket"))
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    # -- asyncio's side -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=MOST_UNSENT_BYTES)
        self._owner.made(self)

    def data_received(self, data: bytes) -> None:
        self._owner.received(self, data)

    def eof_received(self) -> bool:
        self.has_ended = True
        self._owner.ended(self)
        return True  # half closed: the transport stays open for writing

    def pause_writing(self) -> None:
        self.is_full = True
        self._owner.pressed()

    def resume_writing(self) -> None:
        self.is_full = False
        self._owner.pressed()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._owner.lost(broken=error is not None)
