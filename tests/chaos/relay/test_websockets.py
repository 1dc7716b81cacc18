"""What a real WebSocket client has of each fault, with the reference server behind the relay; and
what is left of it behind a real Toxiproxy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from chaos.relay.client import RelayClient
from chaos.relay.listener import Route
from chaos.relay.process import relay
from chaos.relay.rules import Act, Hang, Lifetime, Page, Refuse, Rule, Stall, Strip, Upgrades
from chaos.toxiproxy.client import ToxiproxyClient
from chaos.toxiproxy.model import Proxy
from chaos.toxiproxy.process import start_toxiproxy
from harness.tokens import mint_anon
from harness.wire import phoenix
from scenarios.server_process import reference_server
from tests.chaos.relay.conftest import A_WHILE_S, WITHIN_S, Rig, RunStory

pytestmark = pytest.mark.e2e

SECRET = "a-secret-of-at-least-thirty-two-bytes"


class Realtime:
    """The reference server's Realtime, seen through the relay."""

    def __init__(self, port: int, api: RelayClient) -> None:
        self._port = port
        self._api = api

    async def open(self) -> ClientConnection:
        key = quote(mint_anon(SECRET, issued_at_unix_s=int(time.time())))
        url = f"ws://127.0.0.1:{self._port}/realtime/v1/websocket?apikey={key}&vsn=2.0.0"
        return await connect(
            url, compression=None, ping_interval=None, open_timeout=None, proxy=None
        )

    async def put(self, act: Act) -> None:
        await self._api.put("realtime", Rule(name="r", act=act))

    async def drop(self) -> None:
        await self._api.drop("realtime", "r")


async def beats(socket: ClientConnection) -> bool:
    """Whether a heartbeat is answered."""
    frame = phoenix.Frame(None, "1", "phoenix", "heartbeat", phoenix.EMPTY)
    await socket.send(phoenix.encode(frame, "2.0.0"), text=True)
    async with asyncio.timeout(WITHIN_S):
        return phoenix.decode(await socket.recv(decode=False), "2.0.0").ref == "1"


@asynccontextmanager
async def realtime(folder: Path) -> AsyncIterator[Realtime]:
    async with (
        reference_server(folder / "chat.db", folder / "server.log", jwt_secret=SECRET) as server,
        relay(
            [Route(name="realtime", host=server.host, port=server.realtime_port)],
            folder / "relay.log",
        ) as process,
        RelayClient(process.url) as api,
    ):
        yield Realtime(process.ports["realtime"], api)


Story = Callable[[Realtime], Awaitable[None]]
RunRealtimeStory = Callable[[Story], None]


@pytest.fixture
def with_realtime(tmp_path: Path) -> RunRealtimeStory:
    def run(story: Story) -> None:
        async def tell() -> None:
            async with realtime(tmp_path) as real:
                await story(real)

        asyncio.run(tell())

    return run


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        *((Refuse(status), status) for status in (403, 404, 429, 502, 503)),
        (Page(), 200),
        (Strip(), 404),  # the server's own answer to such a request
    ],
)
def test_a_handshake_fails_with_the_status_and_open_sockets_live_on(
    with_realtime: RunRealtimeStory, outcome: Refuse | Page | Strip, status: int
) -> None:
    async def story(realtime: Realtime) -> None:
        socket = await realtime.open()
        await realtime.put(Upgrades(outcome=outcome, cut_open=False))
        with pytest.raises(InvalidStatus) as caught:
            await realtime.open()
        assert caught.value.response.status_code == status
        assert await beats(socket)
        await socket.close()

        await realtime.drop()
        async with await realtime.open() as again:
            assert await beats(again)

    with_realtime(story)


def test_a_hanging_handshake_opens_when_the_fault_ends(with_realtime: RunRealtimeStory) -> None:
    async def story(realtime: Realtime) -> None:
        await realtime.put(Upgrades(outcome=Hang("answered"), cut_open=False))
        opening = asyncio.create_task(realtime.open())
        done, _ = await asyncio.wait({opening}, timeout=A_WHILE_S)
        assert not done
        await realtime.drop()
        async with asyncio.timeout(WITHIN_S), await opening as socket:
            assert await beats(socket)

    with_realtime(story)


@pytest.mark.parametrize(
    "act", [Lifetime(ttl_s=0.01), Upgrades(outcome=Hang("cut"), cut_open=True)]
)
def test_a_socket_that_is_cut_closes_with_1006(with_realtime: RunRealtimeStory, act: Act) -> None:
    async def story(realtime: Realtime) -> None:
        socket = await realtime.open()
        assert await beats(socket)
        await realtime.put(act)
        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(WITHIN_S):
                await socket.recv()
        assert socket.close_code == 1006

    with_realtime(story)


def test_a_stalled_socket_answers_when_it_thaws(with_realtime: RunRealtimeStory) -> None:
    async def story(realtime: Realtime) -> None:
        socket = await realtime.open()
        await realtime.put(Stall())
        beating = asyncio.create_task(beats(socket))
        done, _ = await asyncio.wait({beating}, timeout=A_WHILE_S)
        assert not done
        await realtime.drop()
        assert await beating
        await socket.close()

    with_realtime(story)


def test_behind_toxiproxy_the_client_gets_a_fin_where_the_server_gets_a_reset(
    with_rig: RunStory, toxiproxy_binary: Path, tmp_path: Path
) -> None:
    async def story(rig: Rig) -> None:
        async with (
            await start_toxiproxy(toxiproxy_binary, tmp_path / "toxiproxy.log") as toxiproxy,
            ToxiproxyClient(toxiproxy.url) as api,
        ):
            upstream = f"127.0.0.1:{rig.process.ports['ws']}"
            made = await api.create(Proxy(name="ws", listen="127.0.0.1:0", upstream=upstream))
            rig.process.ports["ws"] = int(made.listen.rpartition(":")[2])
            client, server = await rig.connect()
            await rig.put(Lifetime(ttl_s=0.01, ending="rst"))
            assert await client.receive() == b""
            with pytest.raises(ConnectionResetError):
                await server.receive()

    with_rig(story)
