"""One non-blocking TCP connection, driven by gevent's ``loop.io`` watchers.

No greenlet waits for it: reading costs one callback in the hub and one ``recv``, at any number of
connections. So nothing here, or in what it calls, may block, switch or lock.
"""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from typing import Any, Protocol

from gevent.monkey import get_original

READ_BYTES = 16_384
"""At most this much a wake-up, so that one busy socket cannot starve the others. The memory is
taken for every read whatever comes, and four times as much costs 0.4 µs more."""

_IN_PROGRESS = (errno.EINPROGRESS, errno.EWOULDBLOCK)
_READ, _WRITE = 1, 2  # libev's event bits, as gevent's loop.io takes them

Address = tuple[str, int]


class Reader(Protocol):
    """Who hears of it. Called from the hub."""

    def tcp_connected(self) -> None: ...

    def tcp_received(self, data: bytes) -> None:
        """Empty: the peer sends no more."""

    def tcp_sent(self) -> None:
        """Something went out."""

    def tcp_failed(self, reason: str) -> None:
        """It is of no use any more; :meth:`TcpStream.close` it."""


class TcpStream:
    """A connection from connect to close."""

    __slots__ = (
        "_buffer",
        "_paused",
        "_reader",
        "_socket",
        "_to_read",
        "_to_write",
        "is_closed",
    )

    def __init__(self, loop: Any, address: Address, reader: Reader) -> None:
        """Start connecting. ``address`` is resolved."""
        self._reader = reader
        self._buffer = bytearray()
        self._paused = False
        self.is_closed = False
        # Locust has patched the module: gevent's own class would wrap every recv in a wait that
        # a callback must never make.
        plain_socket = get_original("socket", "socket")
        self._socket = plain_socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._to_read = loop.io(self._socket.fileno(), _READ)
        self._to_write = loop.io(self._socket.fileno(), _WRITE)
        failure = self._socket.connect_ex(address)
        if failure in _IN_PROGRESS or failure == 0:
            self._to_write.start(self._connected)
        else:
            # The reader has not stored this yet: tell it from the loop, not from here.
            loop.run_callback(self._failed, errno.errorcode[failure])

    def write(self, data: bytes) -> None:
        """Send, now as far as it goes; the rest follows."""
        self._buffer += data
        if not (self.is_closed or self._paused):
            self._write()

    def write_last(self, data: bytes) -> None:
        """Before :meth:`close`: send what is held, and this, as far as it goes now."""
        if not (self.is_closed or self._paused):
            with suppress(OSError):  # a peer that is gone learns nothing, and misses nothing
                self._socket.send(self._buffer + data)

    def pause(self) -> None:
        """Nothing gets through, in either direction."""
        self._paused = True
        self._to_read.stop()
        self._to_write.stop()

    def resume(self) -> None:
        """What was held on both sides goes through now."""
        self._paused = False
        self._to_read.start(self._readable)
        if self._buffer:
            self._write()

    def close(self) -> None:
        """Release the socket at once, whatever is still to be sent, and tell nobody."""
        if self.is_closed:
            return
        self.is_closed = True
        for watcher in (self._to_read, self._to_write):  # before the descriptor they watch
            watcher.stop()
            watcher.close()
        self._socket.close()

    # -- callbacks of the hub -------------------------------------------------------------

    def _connected(self) -> None:
        self._to_write.stop()
        failure = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failure:
            self._failed(errno.errorcode.get(failure, str(failure)))
            return
        self._reader.tcp_connected()
        if not self.is_closed:
            self._to_read.start(self._readable)

    def _readable(self) -> None:
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._failed(error.strerror or "")
            return
        self._reader.tcp_received(data)

    def _write(self) -> None:
        try:
            sent = self._socket.send(self._buffer)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._failed(error.strerror or "")
            return
        self._reader.tcp_sent()
        del self._buffer[:sent]
        if self._buffer:
            self._to_write.start(self._write)
        else:
            self._to_write.stop()

    def _failed(self, reason: str) -> None:
        if not self.is_closed:
            self._reader.tcp_failed(reason)
