"""What the faults of the real Toxiproxy do to connections: the facts our faults are built on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from chaos.toxiproxy.client import ToxiproxyClient
from chaos.toxiproxy.model import Proxy, Stream, Toxic, ToxicType
from chaos.toxiproxy.process import start_toxiproxy

pytestmark = pytest.mark.e2e

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
    ):
        made = await api.create(Proxy(name="ws", listen="127.0.0.1:0", upstream=f"{host}:{port}"))
        listen_host, _, listen_port = made.listen.rpartition(":")
        yield Rig(api, (listen_host, int(listen_port)), accepted, opened)
        for writer in opened:
            writer.close()


Story = Callable[[Rig], Awaitable[None]]
RunStory = Callable[[Story], None]


@pytest.fixture
def with_rig(toxiproxy_binary: Path, tmp_path: Path) -> RunStory:
    def run(story: Story) -> None:
        async def tell() -> None:
            async with rig(toxiproxy_binary, tmp_path / "log") as real:
                await story(real)

        asyncio.run(tell())

    return run


def test_disabling_a_proxy_closes_open_connections_and_refuses_new_ones(
    with_rig: RunStory,
) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect()
        await rig.api.set_enabled("ws", False)
        assert await client.receive() == b""
        assert await server.receive() == b""
        with pytest.raises(ConnectionRefusedError):
            await rig.connect()

        await rig.api.set_enabled("ws", True)
        client, server = await rig.connect()
        client.send(b"back")
        assert await server.receive() == b"back"

    with_rig(story)


def test_zero_bandwidth_holds_bytes_and_the_close_and_delivers_both_after_removal(
    with_rig: RunStory,
) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect()
        await rig.poison("bandwidth", "upstream", rate=0)
        await rig.poison("bandwidth", "downstream", rate=0)
        client.send(b"up")
        server.send(b"down")
        late_client, late_server = await rig.connect()  # new connections are accepted, and deaf
        late_client.send(b"last words")
        late_client.writer.close()
        assert await server.hears_nothing()
        assert await client.hears_nothing()
        assert await late_server.hears_nothing()

        await rig.api.remove_toxic("ws", "upstream")
        await rig.api.remove_toxic("ws", "downstream")
        assert await server.receive() == b"up"
        assert await client.receive() == b"down"
        assert await late_server.receive() == b"last words"
        assert await late_server.receive() == b""

    with_rig(story)


def test_a_zero_timeout_drops_bytes_for_good_and_closes_on_removal(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect()
        await rig.poison("timeout", "upstream", timeout=0)
        client.send(b"lost")
        server.send(b"other way")
        assert await client.receive() == b"other way"
        assert await server.hears_nothing()

        await rig.api.remove_toxic("ws", "upstream")
        assert await server.receive() == b""
        assert await client.receive() == b""

    with_rig(story)


def test_removing_a_zero_timeout_closes_even_connections_that_it_did_not_select(
    with_rig: RunStory,
) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect()
        await rig.poison("timeout", "upstream", 0.0, timeout=0)
        client.send(b"passes")
        assert await server.receive() == b"passes"

        await rig.api.remove_toxic("ws", "upstream")
        assert await client.receive() == b""

    with_rig(story)


def test_reset_peer_sends_fin_to_open_connections_and_rst_to_new_ones(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        open_client, open_server = await rig.connect()
        idle_client, _ = await rig.connect()
        await rig.poison("reset_peer", "downstream", timeout=0)
        open_server.send(b"frame")
        assert await open_client.receive() == b""
        assert await idle_client.hears_nothing()

        new_client, new_server = await rig.connect()
        new_server.send(b"frame")
        with pytest.raises(ConnectionResetError):
            await new_client.receive()

    with_rig(story)


@pytest.mark.parametrize("delayed", ["upstream", "downstream"])
def test_latency_holds_the_bytes_of_its_own_stream_only(
    with_rig: RunStory, delayed: Stream
) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect()
        sender, receiver = (client, server) if delayed == "upstream" else (server, client)
        await rig.poison("latency", delayed, latency=60_000)
        sender.send(b"held")
        receiver.send(b"passes")
        assert await sender.receive() == b"passes"
        assert await receiver.hears_nothing()

        await rig.api.remove_toxic("ws", delayed)  # lets go of what it holds
        assert await receiver.receive() == b"held"

    with_rig(story)
