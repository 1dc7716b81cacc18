"""One proxy of the real Toxiproxy between a client and a server whose ends a test holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from chaos.toxiproxy.client import ToxiproxyClient
from chaos.toxiproxy.model import Proxy, Stream, Toxic, ToxicType
from chaos.toxiproxy.process import ToxiproxyProcess, start_toxiproxy

WITHIN_S = 10.0
A_WHILE_S = 0.3


@dataclass(frozen=True)
class End:
    """One end of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def receive(self) -> bytes:
        """The next bytes; ``b""`` for FIN. Raises ConnectionResetError for RST."""
        async with asyncio.timeout(WITHIN_S):
            return await self.reader.read(1_000)

    async def hears_nothing(self) -> bool:
        """Whether nothing at all, not even a close, comes for a while."""
        try:
            async with asyncio.timeout(A_WHILE_S):
                await self.reader.read(1_000)
        except TimeoutError:
            return True
        return False


@dataclass(frozen=True)
class Rig:
    """One proxy called ``ws`` before a server whose accepted connections we hold."""

    api: ToxiproxyClient
    raw: httpx.AsyncClient
    """Toxiproxy's API past our own guards."""
    process: ToxiproxyProcess
    address: tuple[str, int]
    accepted: asyncio.Queue[End]
    opened: list[asyncio.StreamWriter]
    """Of both ends, to be closed after the story."""

    async def connect(self) -> tuple[End, End]:
        """A connection through the proxy: the client's end and the server's."""
        client = End(*await asyncio.open_connection(*self.address))
        self.opened.append(client.writer)
        async with asyncio.timeout(WITHIN_S):
            return client, await self.accepted.get()

    async def poison(
        self, kind: ToxicType, stream: Stream, toxicity: float = 1.0, **attributes: int
    ) -> None:
        """Add a toxic that is named after its stream."""
        toxic = Toxic(
            name=stream, type=kind, stream=stream, attributes=attributes, toxicity=toxicity
        )
        await self.api.add_toxic("ws", toxic)

    async def poison_unguarded(self, **toxic: Any) -> None:
        """Add what our own client would refuse to send."""
        answer = await self.raw.post("/proxies/ws/toxics", json=toxic)
        answer.raise_for_status()


@asynccontextmanager
async def rig(binary: Path, log: Path) -> AsyncIterator[Rig]:
    accepted: asyncio.Queue[End] = asyncio.Queue()
    opened: list[asyncio.StreamWriter] = []

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        await accepted.put(End(reader, writer))

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with (
        server,
        await start_toxiproxy(binary, log) as toxiproxy,
        ToxiproxyClient(toxiproxy.url) as api,
        httpx.AsyncClient(base_url=toxiproxy.url, trust_env=False, timeout=WITHIN_S) as raw,
    ):
        made = await api.create(Proxy(name="ws", listen="127.0.0.1:0", upstream=f"{host}:{port}"))
        listen_host, _, listen_port = made.listen.rpartition(":")
        address = (listen_host, int(listen_port))
        yield Rig(api, raw, toxiproxy, address, accepted, opened)
        for writer in opened:
            writer.close()
