"""Keeps ports from anybody else while the server that listens there is away."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from harness.errors import RigError


@contextmanager
def holding(host: str, ports: Iterable[int]) -> Iterator[None]:
    """Hold the ports without listening: connects to them are refused, and whoever means to listen
    there (with ``SO_REUSEADDR``, as the server does) still can.

    Without this the system may give such a port to a connection that goes out, even to one to
    that very port, and the server could not come back. Raises :class:`RigError` where one is
    taken already.
    """
    with ExitStack() as stack:
        for port in ports:
            held = stack.enter_context(socket.socket(socket.AF_INET))
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                held.bind((host, port))
            except OSError as error:
                raise RigError(
                    f"server: its port {port} was taken while it was down: {error.strerror}"
                ) from None
        yield
