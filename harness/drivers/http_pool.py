"""HTTP requests of one page: six keep-alive connections to a host, as a browser has them.

geventhttpclient parses the answers; connections are our own because its client repeats a GET by
itself when a kept connection was closed, and what a browser repeats is the browser model's to
say (H7). A time-out is nobody's business here: the session aborts what it no longer waits for.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from gevent import socket
from gevent.lock import BoundedSemaphore
from geventhttpclient.response import HTTPParseError, HTTPSocketResponse

log = logging.getLogger(__name__)

CONNECTIONS_PER_HOST = 6
"""Chromium, HTTP/1.1 (docs/browsers.md)."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


class NoAnswer(Exception):
    """The request got no answer: the connection was refused, reset, or closed."""


class HttpPool:
    """The connections of one page to one host. :meth:`request` blocks its own greenlet."""

    __slots__ = ("_address", "_head", "_idle", "_slots")

    def __init__(self, address: tuple[str, int], host: str, headers: dict[str, str]) -> None:
        """``address`` is resolved, ``host`` goes into the request."""
        self._address = address
        lines = [f"Host: {host}:{address[1]}", *(f"{k}: {v}" for k, v in headers.items())]
        self._head = "\r\n".join(lines)
        self._idle: list[Any] = []
        self._slots = BoundedSemaphore(CONNECTIONS_PER_HOST)

    def request(self, method: str, path: str, body: bytes | None) -> Answer:
        """Send and wait for the whole answer. Raises :class:`NoAnswer`.

        A greenlet that is killed here gives its connection up, as an aborted fetch does.
        """
        with self._slots:
            connection = None
            try:
                connection = self._kept() or self._connect()
                connection.sendall(self._head_of(method, path, body) + (body or b""))
                response = HTTPSocketResponse(connection, method=method)
                answer = Answer(response.get_code(), bytes(response.read()))
                if not response.should_close():
                    self._idle.append(connection)
                    connection = None
                return answer
            except (OSError, HTTPParseError) as error:
                raise NoAnswer(str(error) or type(error).__name__) from None
            finally:
                if connection is not None:
                    connection.close()

    def close(self) -> None:
        """Close what is idle; connections with a request under way end with it."""
        while self._idle:
            self._idle.pop().close()

    def _kept(self) -> Any | None:
        """An idle connection that its peer has not closed meanwhile."""
        while self._idle:
            connection = self._idle.pop()
            connection.settimeout(0.0)
            try:
                connection.recv(1, socket.MSG_PEEK)
            except BlockingIOError:
                connection.settimeout(None)
                return connection
            except OSError as error:
                log.debug("a kept connection was found broken: %s", error)
            # Readable while idle means a FIN (or rubbish): not to be used again.
            connection.close()
        return None

    def _connect(self) -> Any:
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            connection.connect(self._address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:  # a kill included: the descriptor must not leak
            connection.close()
            raise
        return connection

    def _head_of(self, method: str, path: str, body: bytes | None) -> bytes:
        length = "" if body is None else f"Content-Length: {len(body)}\r\n"
        return f"{method} {path} HTTP/1.1\r\n{self._head}\r\n{length}\r\n".encode("latin-1")
