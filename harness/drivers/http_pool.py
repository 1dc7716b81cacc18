"""HTTP requests of one page: six keep-alive connections to a host, as a browser has them.

geventhttpclient parses the answers; connections are our own because what is sent again on a kept
connection that breaks is the browser's to say (H7), not its client's. A time-out is nobody's
business here: the session aborts what it no longer waits for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gevent import socket
from gevent.lock import BoundedSemaphore
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError, HTTPSocketResponse

from harness.client.browser import Browser

log = logging.getLogger(__name__)

REQUEST_TIMEOUT = 408
"""An answer that says: this kept connection had been idle for too long."""

_AUTHORIZATION = "Authorization: "


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


class NoAnswer(Exception):
    """The request got no answer: the connection was refused, reset, or closed."""


class _NoHead(NoAnswer):
    """It ended before the head of an answer."""


class HttpPool:
    """The connections of one page to one host. :meth:`request` blocks its own greenlet."""

    __slots__ = ("_address", "_breaks_posts", "_head", "_idle", "_repeats", "_slots")

    def __init__(
        self, address: tuple[str, int], host: str, headers: dict[str, str], browser: Browser
    ) -> None:
        """``address`` is resolved, ``host`` goes into the request."""
        self._address = address
        lines = [f"Host: {host}:{address[1]}", *(f"{k}: {v}" for k, v in headers.items())]
        self._head = "\r\n".join(lines)
        self._idle: list[Any] = []
        self._slots = BoundedSemaphore(browser.connections_per_host)
        self._repeats = browser.repeats_requests
        self._breaks_posts = False

    def use_token(self, token: str) -> None:
        """Requests that start from now on carry this token in place of an earlier one."""
        lines = [line for line in self._head.split("\r\n") if not line.startswith(_AUTHORIZATION)]
        self._head = "\r\n".join([*lines, f"{_AUTHORIZATION}Bearer {token}"])

    def break_posts(self, breaks: bool) -> None:
        """A fault of H7: the first kept connection on which a POST goes out breaks when the answer
        is there and nothing of it was read. The server has done the work by then, which is the
        worst that can happen. Requests that start from now on."""
        self._breaks_posts = breaks

    def request(
        self, method: str, path: str, body: bytes | None, on_repeat: Callable[[], None]
    ) -> Answer:
        """Send and wait for the whole answer. Raises :class:`NoAnswer`.

        ``on_repeat`` is called before each repetition (H7). A greenlet that is killed here gives
        its connection up, as an aborted fetch does.
        """
        content = self._head_of(method, path, body) + (body or b"")
        exchange = self._break if self._breaks_posts and method == "POST" else self._exchange
        with self._slots:
            # This ends when the kept connections do, as in Chromium.
            while (connection := self._kept()) is not None:
                try:
                    answer = exchange(connection, method, content)
                except _NoHead:
                    if not self._repeats:
                        raise
                else:
                    if answer.status != REQUEST_TIMEOUT or not self._repeats:
                        return answer
                exchange = self._exchange
                on_repeat()
            return self._exchange(self._connect(), method, content)

    def _exchange(self, connection: Any, method: str, content: bytes) -> Answer:
        """One request and its answer on a connection, which is kept or closed after it."""
        keep = False
        try:
            try:
                connection.sendall(content)
                response = HTTPSocketResponse(connection, method=method)
            except (OSError, HTTPConnectionClosed) as error:
                raise _NoHead(_reason(error)) from None
            answer = Answer(response.get_code(), bytes(response.read()))
            keep = not response.should_close() and answer.status != REQUEST_TIMEOUT
            return answer
        except (OSError, HTTPParseError) as error:
            raise NoAnswer(_reason(error)) from None
        finally:
            if keep:
                self._idle.append(connection)
            else:
                connection.close()

    def _break(self, connection: Any, method: str, content: bytes) -> Answer:  # noqa: ARG002
        """Send it, and break when the answer comes; the arguments are those of a whole exchange."""
        try:
            connection.sendall(content)
            connection.recv(1, socket.MSG_PEEK)
        except OSError as error:
            raise _NoHead(_reason(error)) from None
        finally:
            connection.close()
        raise _NoHead("broken by a fault")

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
        except OSError as error:
            connection.close()
            raise NoAnswer(_reason(error)) from None
        except BaseException:  # a kill included: the descriptor must not leak
            connection.close()
            raise
        return connection

    def _head_of(self, method: str, path: str, body: bytes | None) -> bytes:
        length = "" if body is None else f"Content-Length: {len(body)}\r\n"
        return f"{method} {path} HTTP/1.1\r\n{self._head}\r\n{length}\r\n".encode("latin-1")


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
