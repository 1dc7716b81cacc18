"""What the faults of the real Toxiproxy do to connections: the facts our faults are built on."""

from __future__ import annotations

import pytest

from chaos.toxiproxy.model import Stream
from tests.chaos.conftest import RunStory
from tests.support.proxied_pair import Rig

pytestmark = pytest.mark.e2e


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
