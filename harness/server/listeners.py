"""The three listening sockets, bound before anything else so that an occupied port says so."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import msgspec

from harness.errors import RigError, UsageError

BACKLOG = 4096
"""Connections that may wait to be accepted; a whole room reconnects in one second (H6)."""


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """The port numbers of a server, asked for (0 picks a free one) or got."""

    api_port: int
    realtime_port: int
    admin_port: int


@dataclass(frozen=True)
class Listeners:
    """Bound sockets that already queue connections."""

    api: socket.socket
    realtime: socket.socket
    admin: socket.socket

    @property
    def ports(self) -> Ports:
        return Ports(
            api_port=self.api.getsockname()[1],
            realtime_port=self.realtime.getsockname()[1],
            admin_port=self.admin.getsockname()[1],
        )


@contextmanager
def listening(host: str, admin_host: str, asked: Ports) -> Iterator[Listeners]:
    """Bind all three, the admin port to an address of its own; closes them at the end.

    Raises :class:`RigError` naming the bad one.
    """
    with ExitStack() as stack:
        yield Listeners(
            api=stack.enter_context(_listen(host, asked.api_port, "--api-port")),
            realtime=stack.enter_context(_listen(host, asked.realtime_port, "--realtime-port")),
            admin=stack.enter_context(_listen(admin_host, asked.admin_port, "--admin-port")),
        )


def _listen(host: str, port: int, option: str) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise RigError(
                f"port {port} of {host} is occupied;"
                f" stop what listens there or give another {option} (0 picks a free one)"
            ) from None
        raise RigError(f"{option} {port}: cannot listen on {host}: {error.strerror}") from None
    except OverflowError:
        listener.close()
        raise UsageError(f"{option} {port}: must be from 0 to 65535") from None
    return listener
