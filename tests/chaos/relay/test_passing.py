"""What a relay without rules does to bytes, ends and memory: nothing, nothing and little."""

from __future__ import annotations

import asyncio
import random

import psutil
import pytest

from tests.chaos.relay.conftest import ORDINARY, UPGRADE, WITHIN_S, End, Rig, RunStory

pytestmark = pytest.mark.e2e

MB = 1_000_000


async def _in_pieces(end: End, content: bytes, rng: random.Random) -> None:
    at = 0
    while at < len(content):
        size = rng.choice((1, 7, 1_000, 65_536, 300_000))
        end.send(content[at : at + size])
        at += size
        await end.writer.drain()


def test_bytes_of_both_directions_arrive_unchanged_however_they_are_cut(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        rng = random.Random(1)
        client, server = await rig.connect()
        up, down = rng.randbytes(3 * MB), rng.randbytes(3 * MB)
        async with asyncio.TaskGroup() as group:
            group.create_task(_in_pieces(client, up, rng))
            group.create_task(_in_pieces(server, down, rng))
            heard = group.create_task(server.receive(len(up)))
            heard_back = group.create_task(client.receive(len(down)))
        assert heard.result() == up
        assert heard_back.result() == down

    with_rig(story)


@pytest.mark.parametrize("opening", [UPGRADE, ORDINARY, b"\x16\x03\x01 no HTTP"])
def test_an_opening_in_single_bytes_reaches_the_server_as_it_was(
    with_rig: RunStory, opening: bytes
) -> None:
    async def story(rig: Rig) -> None:
        client = await rig.dial()
        for at in range(len(opening)):
            client.send(opening[at : at + 1])
            await asyncio.sleep(0)
        server = await rig.server_end()
        assert await server.receive(len(opening)) == opening

    with_rig(story)


def test_a_connection_half_closed_by_the_client_still_gets_its_answer(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect(ORDINARY)
        client.send(b"last words")
        client.writer.write_eof()
        assert await server.receive_all() == b"last words"
        server.send(b"answer")
        assert await client.receive() == b"answer"
        server.writer.close()
        assert await client.receive() == b""
        await rig.state_until(lambda state: state.open == 0)

    with_rig(story)


def test_a_connection_half_closed_by_the_server_still_takes_data(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect(ORDINARY)
        server.writer.write_eof()
        assert await client.receive() == b""
        client.send(b"more")
        assert await server.receive() == b"more"
        client.writer.close()
        assert await server.receive() == b""
        await rig.state_until(lambda state: state.open == 0)

    with_rig(story)


def test_a_request_that_ends_before_its_head_is_complete_is_passed_on_as_far_as_it_came(
    with_rig: RunStory,
) -> None:
    async def story(rig: Rig) -> None:
        client = await rig.dial()
        client.send(b"GET / HT")
        client.writer.write_eof()
        server = await rig.server_end()
        assert await server.receive_all() == b"GET / HT"

    with_rig(story)


def test_a_reset_is_passed_on_as_a_reset(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect()
        server.reset()
        with pytest.raises(ConnectionResetError):
            await client.receive()
        client, server = await rig.connect()
        client.reset()
        with pytest.raises(ConnectionResetError):
            await server.receive()

    with_rig(story)


def test_a_server_that_is_not_there_closes_the_connection(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        client = await rig.dial("nowhere")
        assert await client.hears_nothing()
        client.send(ORDINARY)
        assert await client.receive() == b""

    with_rig(story)


def test_a_bare_connect_does_not_reach_the_server(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        client = await rig.dial()
        assert await client.hears_nothing()
        assert rig.accepted.empty()
        client.writer.close()
        await rig.state_until(lambda state: (state.accepted, state.open) == (1, 0))

    with_rig(story)


async def _push(end: End, size: int) -> None:
    for _ in range(size // 50_000):
        end.send(bytes(50_000))
        await end.writer.drain()


@pytest.mark.parametrize("who", ["client", "server"])
def test_a_reader_that_does_not_read_holds_its_peer_back_and_costs_no_memory(
    with_rig: RunStory, who: str
) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect()
        slow, fast = (client, server) if who == "client" else (server, client)
        slow.pause()
        memory = psutil.Process(rig.process.pid).memory_info
        before_bytes = memory().rss
        pushing = asyncio.create_task(_push(fast, 200 * MB))
        moved = -1
        while moved != (moved := await _moved(rig)):  # until the kernel's buffers are full
            await asyncio.sleep(0.3)
        assert not pushing.done()
        assert memory().rss - before_bytes < 5 * MB

        slow.resume()
        async with asyncio.timeout(WITHIN_S * 3):
            left = 200 * MB
            while left:
                left -= len(await slow.reader.read(MB))
            await pushing
        assert memory().rss - before_bytes < 5 * MB

    with_rig(story)


async def _moved(rig: Rig) -> int:
    state = await rig.state()
    return state.bytes_up + state.bytes_down


def test_many_connections_leave_nothing_behind(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        await rig.state()  # opens the connection that the control port keeps
        files = psutil.Process(rig.process.pid).num_fds
        before = files()
        for _ in range(50):
            client, _ = await rig.connect(ORDINARY)
            client.writer.close()
        for writer in rig.opened:
            writer.close()
        await rig.state_until(lambda state: (state.accepted, state.open) == (50, 0))
        assert files() == before

    with_rig(story)
