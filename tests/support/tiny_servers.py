"""Servers on 127.0.0.1 of which a test holds every byte: gevent greenlets, nothing patched."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
from gevent.server import StreamServer
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

Address = tuple[str, int]
WAIT_S = 10.0
"""After this something that should have come never will."""


def until(is_so: Callable[[], Any]) -> None:
    """Let the hub run until something is so. Raises :class:`gevent.Timeout` where it never is."""
    with gevent.Timeout(WAIT_S):
        while not is_so():
            gevent.sleep(0.002)


@contextmanager
def serving(handle: Callable[[Any], None]) -> Iterator[Address]:
    """A TCP server; ``handle`` gets each connection's socket in a greenlet of its own, and the
    socket is closed when it returns."""

    def handle_stream(connection: Any, _: Address) -> None:
        try:
            handle(connection)
        except OSError:
            return  # the client went away, which is its right

    server = StreamServer(("127.0.0.1", 0), handle_stream)
    server.start()
    try:
        yield ("127.0.0.1", server.server_port)
    finally:
        server.stop(timeout=0)


def unused_address() -> Address:
    """Where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return ("127.0.0.1", int(probe.getsockname()[1]))


def reset(connection: Any) -> None:
    """End the connection with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class ServerEnd:
    """The server's end of one WebSocket, over websockets' sans-I/O protocol."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.protocol = ServerProtocol()
        self._events: list[Any] = []

    def accept(self) -> Request:
        """Answer the upgrade with 101."""
        request = self.next_event()
        assert isinstance(request, Request)
        self.protocol.send_response(self.protocol.accept(request))
        self.flush()
        return request

    def next_event(self) -> Any:
        """The next request or frame of the client. Raises :class:`EOFError` at the end."""
        while not self._events:
            data = self.connection.recv(65_536)
            if not data:
                raise EOFError
            self.protocol.receive_data(data)
            self._events += self.protocol.events_received()
            self.flush()
        return self._events.pop(0)

    def next_text(self) -> str:
        """The next text frame of the client."""
        while True:
            event = self.next_event()
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                return bytes(event.data).decode()

    def flush(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                self.connection.sendall(data)
