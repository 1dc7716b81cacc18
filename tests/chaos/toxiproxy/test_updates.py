"""What an update of a toxic of the real Toxiproxy does to what the toxic holds."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from chaos.toxiproxy.client import ToxiproxyClient
from chaos.toxiproxy.model import Proxy, Toxic
from chaos.toxiproxy.process import start_toxiproxy

pytestmark = pytest.mark.e2e

A_WHILE_S = 0.3
WITHIN_S = 10.0
HELD = Toxic(
    name="slow", type="latency", stream="upstream", attributes={"latency": 60_000, "jitter": 0}
)


async def _received_after_an_update(binary: Path, log: Path) -> tuple[bytes, bytes]:
    """Of three chunks under a long delay: what comes when it is changed, and when it is gone."""
    got: asyncio.Queue[bytes] = asyncio.Queue()

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1_000):
            got.put_nowait(data)
        writer.close()

    server = await asyncio.start_server(keep, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with (
        server,
        await start_toxiproxy(binary, log) as toxiproxy,
        ToxiproxyClient(toxiproxy.url) as api,
    ):
        made = await api.create(Proxy(name="ws", listen="127.0.0.1:0", upstream=f"{host}:{port}"))
        listen_host, _, listen_port = made.listen.rpartition(":")
        _, writer = await asyncio.open_connection(listen_host, int(listen_port))
        await api.add_toxic("ws", HELD)
        for chunk in (b"a", b"b", b"c"):
            writer.write(chunk)
            await asyncio.sleep(A_WHILE_S)  # each is a chunk of its own in the proxy
        assert got.empty()
        longer = msgspec.structs.replace(HELD, attributes={"latency": 90_000, "jitter": 0})
        await api.update_toxic("ws", longer)
        changed = await _all(got)
        await api.remove_toxic("ws", HELD.name)
        gone = await _all(got)
        writer.close()
    return changed, gone


async def _all(got: asyncio.Queue[bytes]) -> bytes:
    """The next that comes, and what follows it within a while."""
    async with asyncio.timeout(WITHIN_S):
        found = await got.get()
    await asyncio.sleep(A_WHILE_S)
    while not got.empty():
        found += got.get_nowait()
    return found


def test_an_update_lets_one_chunk_go_and_a_removal_all(
    toxiproxy_binary: Path, tmp_path: Path
) -> None:
    found = asyncio.run(_received_after_an_update(toxiproxy_binary, tmp_path / "log"))
    assert found == (b"a", b"bc")
