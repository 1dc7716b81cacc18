"""Connections on which the canary's probes travel, one after the other without waiting.

A line takes numbered probes and gives back the numbers as they are answered. Whatever the other
end or the network does wrong comes out as one of :data:`LINE_ERRORS`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Literal, Protocol, Self
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, WebSocketException

from chaos.http_answer import read_answer
from harness.receipts import ProbeOutcome
from harness.wire import phoenix

LINE_ERRORS = (OSError, EOFError, WebSocketException, ValueError)
"""Refused, closed and timed out; or bytes that are neither HTTP nor Phoenix."""

_LONGEST_HEAD_BYTES = 64 * 1024
_NAME_BYTES = 4_000
"""Of a header's name; web servers take heads of 8 KB."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One proxy to watch."""

    proxy: str
    """Its name in Toxiproxy, e.g. ``chrome-realtime``."""
    side: Literal["realtime", "api"]
    host: str
    port: int


class Line(Protocol):
    """One open connection."""

    async def send(self, number: int) -> None:
        """Put a probe on the wire."""
        ...

    async def answer(self) -> int:
        """Wait for the next answer; returns the number of its probe."""
        ...

    def abort(self) -> None:
        """Drop the connection at once, without a farewell that a fault could hold up."""
        ...


class RealtimeLine:
    """A WebSocket that carries Phoenix heartbeats; their ``ref`` is the number."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    @classmethod
    async def open(cls, target: Target, api_key: str) -> Self:
        url = (
            f"ws://{target.host}:{target.port}/realtime/v1/websocket"
            f"?apikey={quote(api_key, safe='')}&vsn=2.0.0"
        )
        socket = await connect(
            url, compression=None, ping_interval=None, open_timeout=None, max_queue=None, proxy=None
        )
        return cls(socket)

    async def send(self, number: int) -> None:
        frame = phoenix.Frame(None, str(number), "phoenix", "heartbeat", phoenix.EMPTY)
        await self._socket.send(phoenix.encode(frame, "2.0.0"), text=True)

    async def answer(self) -> int:
        return int(phoenix.decode(await self._socket.recv(decode=False), "2.0.0").ref or 0)

    def abort(self) -> None:
        self._socket.transport.abort()


class ApiLine:
    """A kept connection with pipelined ``GET`` requests; any whole HTTP answer will do."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._request = request
        self._sent: deque[int] = deque()

    @classmethod
    async def open(cls, target: Target, path: str) -> Self:
        reader, writer = await asyncio.open_connection(
            target.host, target.port, limit=_LONGEST_HEAD_BYTES
        )
        host = f"{target.host}:{target.port}"
        return cls(reader, writer, f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())

    async def send(self, number: int) -> None:
        self._sent.append(number)
        self._writer.write(self._request)
        await self._writer.drain()

    async def keep_silent(self, for_s: float) -> None:
        """Let time pass. Raises :data:`LINE_ERRORS` if the connection ends meanwhile."""
        try:
            async with asyncio.timeout(for_s):
                await self._reader.readexactly(1)
        except TimeoutError:
            return
        raise ValueError("an answer that nobody had asked for")

    async def answer(self) -> int:
        await read_answer(self._reader)
        return self._sent.popleft()

    def abort(self) -> None:
        self._writer.transport.abort()


async def connect_only(target: Target) -> None:
    """Open a TCP connection and drop it."""
    _, writer = await asyncio.open_connection(target.host, target.port)
    writer.transport.abort()


async def handshake_only(target: Target, api_key: str) -> None:
    """Open a WebSocket and drop it."""
    line = await RealtimeLine.open(target, api_key)
    line.abort()


async def request_once(target: Target, path: str) -> None:
    """One request on a connection of its own."""
    line = await ApiLine.open(target, path)
    try:
        await line.send(1)
        await line.answer()
    finally:
        line.abort()


async def farewell(target: Target) -> None:
    """Open a connection, close our direction, and wait until theirs is closed too.

    A proxy closes the other side when it sees an end, whichever comes first; so the way there and
    the way back are both in it.
    """
    reader, writer = await asyncio.open_connection(target.host, target.port)
    try:
        writer.write_eof()
        await reader.read()
    finally:
        writer.transport.abort()


async def haul(target: Target, path: str, bulk_bytes: int) -> None:
    """Carry ``bulk_bytes`` there and at least as many back, on one connection.

    By what any server does for the web pages of others: a preflight (Fetch standard, 4.8) is
    answered with the list of headers that it asked for. Raises ``ValueError`` where it is not.
    """
    heads = _preflights(target, path, bulk_bytes)
    reader, writer = await asyncio.open_connection(
        target.host, target.port, limit=_LONGEST_HEAD_BYTES
    )
    try:
        writer.write(b"".join(heads))
        await writer.drain()
        came_bytes = 0
        for _ in heads:
            came_bytes += (await read_answer(reader)).head_bytes
        if came_bytes < bulk_bytes:
            raise ValueError(f"{came_bytes} bytes came back of {bulk_bytes}")
    finally:
        writer.transport.abort()


def _preflights(target: Target, path: str, bulk_bytes: int) -> list[bytes]:
    """Pipelined requests that ask for headers with names of ``bulk_bytes`` in all."""
    sizes = [_NAME_BYTES] * (bulk_bytes // _NAME_BYTES) + [bulk_bytes % _NAME_BYTES]
    return [
        (
            f"OPTIONS {path} HTTP/1.1\r\nHost: {target.host}:{target.port}\r\n"
            f"Origin: http://{target.host}\r\nAccess-Control-Request-Method: GET\r\n"
            f"Access-Control-Request-Headers: {'x' * size}\r\n\r\n"
        ).encode()
        for size in sizes
        if size
    ]


def outcome_of(error: BaseException) -> ProbeOutcome:
    """How a probe ended that ran into one of :data:`LINE_ERRORS`."""
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, TimeoutError):
        return "unanswered"
    if isinstance(error, InvalidMessage):
        # websockets' word for a connection that ends in the middle of its handshake
        return "closed" if isinstance(error.__cause__, EOFError) else "error"
    return "closed" if isinstance(error, ConnectionError | EOFError | ConnectionClosed) else "error"


def words_of(error: BaseException) -> str:
    """The same for whoever reads the probe."""
    return f"{type(error).__name__}: {error}"[:120]
