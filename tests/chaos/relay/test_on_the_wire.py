"""What each rule of a real relay does to open and to new connections, and at its end."""

from __future__ import annotations

import asyncio

import pytest

from chaos.relay.rules import (
    Act,
    Ending,
    Hang,
    Idleness,
    Lifetime,
    Page,
    Refuse,
    Stall,
    Strip,
    Upgrades,
)
from tests.chaos.relay.conftest import ORDINARY, UPGRADE, End, Rig, RunStory

pytestmark = pytest.mark.e2e

UPGRADE_ACTS: list[Act] = [
    Upgrades(outcome=outcome, cut_open=False)
    for outcome in (Refuse(403), Page(), Strip(), Hang("answered"))
]


async def passes(client: End, server: End) -> bool:
    """Whether both directions work."""
    client.send(b"up")
    server.send(b"down")
    return (await server.receive(), await client.receive()) == (b"up", b"down")


async def ends(end: End, how: Ending) -> bool:
    """Whether the next thing that it hears is this end."""
    try:
        heard = await end.receive()
    except ConnectionResetError:
        return how == "rst"
    return how == "fin" and heard == b""


@pytest.mark.parametrize("ending", ["fin", "rst"])
def test_a_lifetime_ends_old_connections_at_once_and_new_ones_at_their_age(
    with_rig: RunStory, ending: Ending
) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect()
        bare = await rig.dial()
        await asyncio.sleep(0.5)
        await rig.put(Lifetime(ttl_s=0.5, ending=ending))
        assert await ends(client, ending)
        assert await ends(server, ending)
        assert await ends(bare, ending)

        client, server = await rig.connect()
        assert await passes(client, server)
        assert await ends(client, ending)

        await rig.drop()
        client, server = await rig.connect()
        await asyncio.sleep(0.8)
        assert await passes(client, server)

    with_rig(story)


def test_idleness_ends_silent_connections_and_spares_those_that_talk(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect()
        silent, _ = await rig.connect()
        await rig.put(Idleness(idle_s=0.6))
        for _ in range(5):
            await asyncio.sleep(0.2)
            assert await passes(client, server)
        assert await ends(silent, "fin")
        assert await ends(client, "fin")
        assert await ends(server, "fin")

        await rig.drop()
        client, server = await rig.connect()
        await asyncio.sleep(0.9)
        assert await passes(client, server)

    with_rig(story)


@pytest.mark.parametrize(
    ("outcome", "begin"),
    [(Refuse(503), b"HTTP/1.1 503 Service Unavailable\r\n"), (Page(), b"HTTP/1.1 200 OK\r\n")],
)
def test_an_upgrade_is_answered_by_the_relay_and_closed(
    with_rig: RunStory, outcome: Refuse | Page, begin: bytes
) -> None:
    async def story(rig: Rig) -> None:
        await rig.put(Upgrades(outcome=outcome, cut_open=False))
        client = await rig.dial()
        client.send(UPGRADE)
        assert (await client.receive_all()).startswith(begin)
        assert rig.accepted.empty()

        await rig.drop()
        assert await passes(*await rig.connect())

    with_rig(story)


def test_a_stripped_upgrade_reaches_the_server_as_an_ordinary_request(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        await rig.put(Upgrades(outcome=Strip(), cut_open=False))
        client = await rig.dial()
        client.send(UPGRADE)
        server = await rig.server_end()
        assert await server.receive() == b"GET /ws HTTP/1.1\r\nHost: a\r\n\r\n"
        assert await passes(client, server)

        await rig.drop()
        assert await passes(*await rig.connect())

    with_rig(story)


def test_a_handshake_hangs_unseen_by_the_server_and_goes_on_at_the_end(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        await rig.put(Upgrades(outcome=Hang("answered"), cut_open=False))
        client, impatient = await rig.dial(), await rig.dial()
        client.send(UPGRADE)
        impatient.send(UPGRADE)
        assert await client.hears_nothing()
        assert rig.accepted.empty()
        impatient.writer.close()
        await rig.state_until(lambda state: (state.open, state.hung) == (1, 1))

        await rig.drop()
        server = await rig.server_end()
        assert await server.receive() == UPGRADE
        assert await passes(client, server)

    with_rig(story)


def test_a_hanging_handshake_may_be_cut_at_the_end(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        await rig.put(Upgrades(outcome=Hang("cut"), cut_open=False))
        client = await rig.dial()
        client.send(UPGRADE)
        assert await client.hears_nothing()
        await rig.drop()
        assert await ends(client, "fin")
        assert rig.accepted.empty()

    with_rig(story)


@pytest.mark.parametrize("act", UPGRADE_ACTS)
def test_open_websockets_and_ordinary_requests_are_left_alone(with_rig: RunStory, act: Act) -> None:
    async def story(rig: Rig) -> None:
        there = await rig.connect()
        await rig.put(act)
        assert await passes(*there)
        assert await passes(*await rig.connect(ORDINARY))

    with_rig(story)


def test_open_websockets_are_cut_where_asked_and_other_connections_not(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect()
        other = await rig.connect(ORDINARY)
        await rig.put(Upgrades(outcome=Page(), cut_open=True))
        assert await ends(client, "fin")
        assert await ends(server, "fin")
        assert await passes(*other)

    with_rig(story)


def test_stalled_connections_hear_nothing_and_lose_nothing(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect()
        other, other_server = await rig.connect(ORDINARY)
        await rig.put(Stall())
        late = await rig.dial()
        late.send(UPGRADE)
        other_server.send(b"answer")
        client.send(b"up, ")
        server.send(b"down")
        client.send(b"more")
        client.writer.write_eof()
        assert await server.hears_nothing()
        assert await client.hears_nothing()
        assert await other.hears_nothing()
        assert rig.accepted.empty()
        await rig.state_until(lambda state: state.stalled == 3)

        await rig.drop()
        assert await server.receive_all() == b"up, more"
        assert await client.receive() == b"down"
        assert await other.receive() == b"answer"
        late_server = await rig.server_end()
        assert await late_server.receive() == UPGRADE
        assert await passes(late, late_server)

    with_rig(story)


def test_a_share_stalls_exactly_so_many_of_the_open_and_of_the_new(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        there = [await rig.connect() for _ in range(10)]
        await rig.put(Stall(), share=0.3)
        new = [await rig.dial() for _ in range(10)]
        for client in new:
            client.send(UPGRADE)
        state = await rig.state_until(lambda state: state.rules[0].concerned == 20)
        assert (state.rules[0].hit, state.stalled) == (6, 6)
        for _, server in there:
            server.send(b"down")
        deaf = [await client.hears_nothing() for client, _ in there]
        assert sum(deaf) == 3

    with_rig(story)
