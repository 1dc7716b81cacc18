"""A real relay before a server whose accepted connections the test holds."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from chaos.relay.client import RelayClient
from chaos.relay.listener import Route
from chaos.relay.process import RelayProcess, relay
from chaos.relay.reports import ListenerState
from chaos.relay.rules import Act, Rule
from chaos.toxiproxy.process import free_port

WITHIN_S = 10.0
A_WHILE_S = 0.3

UPGRADE = b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
ORDINARY = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclass(frozen=True)
class End:
    """One end of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def pause(self) -> None:
        """Read no more for now."""
        cast(asyncio.Transport, self.writer.transport).pause_reading()

    def resume(self) -> None:
        cast(asyncio.Transport, self.writer.transport).resume_reading()

    async def receive(self, count: int = 0) -> bytes:
        """The next bytes, or exactly so many; ``b""`` for FIN. Raises for RST."""
        async with asyncio.timeout(WITHIN_S):
            return await (self.reader.readexactly(count) if count else self.reader.read(10_000))

    def reset(self) -> None:
        """End it with a RST."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def receive_all(self) -> bytes:
        """Up to the FIN."""
        async with asyncio.timeout(WITHIN_S):
            return await self.reader.read()

    async def hears_nothing(self) -> bool:
        """Whether nothing at all, not even a close, comes for a while."""
        try:
            async with asyncio.timeout(A_WHILE_S):
                await self.reader.read(1)
        except TimeoutError:
            return True
        return False


@dataclass
class Rig:
    """A relay with a listener ``ws``, and one called ``nowhere`` before a closed port."""

    api: RelayClient
    process: RelayProcess
    accepted: asyncio.Queue[End] = field(default_factory=asyncio.Queue)
    opened: list[asyncio.StreamWriter] = field(default_factory=list)

    async def dial(self, listener: str = "ws") -> End:
        """The client's end of a connection on which nothing was said yet."""
        port = self.process.ports[listener]
        client = End(*await asyncio.open_connection("127.0.0.1", port))
        self.opened.append(client.writer)
        return client

    async def connect(self, opening: bytes = UPGRADE) -> tuple[End, End]:
        """Both ends of a connection, after the server has heard the opening."""
        client = await self.dial()
        client.send(opening)
        server = await self.server_end()
        assert await server.receive(len(opening)) == opening
        return client, server

    async def server_end(self) -> End:
        async with asyncio.timeout(WITHIN_S):
            return await self.accepted.get()

    async def put(self, act: Act, share: float = 1.0) -> None:
        await self.api.put("ws", Rule(name="r", act=act, share=share, seed=3))

    async def drop(self) -> None:
        await self.api.drop("ws", "r")

    async def state(self) -> ListenerState:
        state, _ = await self.api.listeners()
        return state

    async def state_until(self, seen: Callable[[ListenerState], bool]) -> ListenerState:
        async with asyncio.timeout(WITHIN_S):
            while not seen(state := await self.state()):
                await asyncio.sleep(0.01)
        return state


@asynccontextmanager
async def rig(folder: Path) -> AsyncIterator[Rig]:
    accepted: asyncio.Queue[End] = asyncio.Queue()
    opened: list[asyncio.StreamWriter] = []

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        await accepted.put(End(reader, writer))

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    routes = [
        Route(name="ws", host="127.0.0.1", port=port),
        Route(name="nowhere", host="127.0.0.1", port=free_port()),
    ]
    async with (
        server,
        relay(routes, folder / "relay.log") as process,
        RelayClient(process.url) as api,
    ):
        try:
            yield Rig(api, process, accepted, opened)
        finally:
            for writer in opened:
                writer.transport.abort()
    assert (folder / "relay.log").read_text() == ""


Story = Callable[[Rig], Awaitable[None]]
RunStory = Callable[[Story], None]


@pytest.fixture
def with_rig(tmp_path: Path) -> RunStory:
    def run(story: Story) -> None:
        async def tell() -> None:
            async with rig(tmp_path) as real:
                await story(real)

        asyncio.run(tell())

    return run
