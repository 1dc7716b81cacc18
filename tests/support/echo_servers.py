"""The two ends that a canary talks to, as small as they can be."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from harness.wire import phoenix

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"


async def _reply(socket: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for text in socket:
            asked = phoenix.decode(text, "2.0.0")
            said = phoenix.payload({"status": "ok", "response": {}})
            frame = phoenix.Frame(None, asked.ref, asked.topic, "phx_reply", said)
            await socket.send(phoenix.encode_from_server(frame, "2.0.0"), text=True)


@asynccontextmanager
async def realtime_server(port: int = 0) -> AsyncIterator[int]:
    """Answers every Phoenix frame on 127.0.0.1; gives its port."""
    server = await serve(_reply, "127.0.0.1", port, compression=None, ping_interval=None)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def api_server(*, chunked: bool = False) -> AsyncIterator[int]:
    """Answers every HTTP request on kept connections of 127.0.0.1; gives its port."""
    connections: set[asyncio.StreamWriter] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(writer)
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(_CHUNKED if chunked else _ANSWER)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in connections:
            writer.transport.abort()
        await server.wait_closed()
