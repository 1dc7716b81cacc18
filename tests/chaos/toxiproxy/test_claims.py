"""What is said about Toxiproxy, held against the real one: the traps that our faults go round."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest

from chaos.actuators.proxies import ProxyActuator
from chaos.toxiproxy.model import Toxic
from harness.clock import monotonic_s
from tests.chaos.conftest import RunStory
from tests.support.proxied_pair import A_WHILE_S, WITHIN_S, End, Rig

pytestmark = pytest.mark.e2e

IMPATIENT = httpx.Timeout(0.7)
"""Of a call that Toxiproxy could answer in a millisecond."""


async def _all_of(end: End) -> tuple[bytes, ...]:
    """What comes until the close, read by read."""
    reads = []
    while read := await end.receive():
        reads.append(read)
    return tuple(reads)


async def _stuck(rig: Rig, toxic: str) -> bool:
    """Whether the removal of a toxic gets no answer."""
    try:
        await rig.raw.delete(f"/proxies/ws/toxics/{toxic}", timeout=IMPATIENT)
    except httpx.ReadTimeout:
        return True
    return False


async def _latency_before_a_stall(rig: Rig) -> None:
    """Two toxics on one stream, and bytes under way through both."""
    client, server = await rig.connect()
    await rig.api.add_toxic("ws", _latency("slow"))
    await rig.poison("bandwidth", "upstream", rate=0)
    for word in (b"one", b"two", b"three"):
        client.send(word)
        assert await server.hears_nothing()


def _latency(name: str) -> Toxic:
    return Toxic(name=name, type="latency", stream="upstream", attributes={"latency": 1})


def test_a_toxic_before_a_stall_cannot_be_removed_and_then_nor_can_the_stall(
    with_rig: RunStory,
) -> None:
    async def story(rig: Rig) -> None:
        await _latency_before_a_stall(rig)
        assert await _stuck(rig, "slow")
        assert await _stuck(rig, "upstream")
        assert (await rig.raw.get("/version", timeout=IMPATIENT)).is_success

    with_rig(story)


def test_our_healing_takes_the_last_toxic_first_and_is_not_stuck(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        await _latency_before_a_stall(rig)
        await ProxyActuator(rig.api).heal()
        assert (await rig.api.proxies())["ws"].toxics == ()

    with_rig(story)


def test_a_toxic_added_after_a_stall_lets_go_what_the_stall_held(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect()
        await rig.poison("bandwidth", "upstream", rate=0)
        client.send(b"held")
        assert await server.hears_nothing()
        await rig.api.add_toxic("ws", _latency("slow"))
        assert await server.receive() == b"held"

    with_rig(story)


def test_a_kilobyte_is_a_thousand_bytes_and_comes_in_slices_of_a_tenth_of_a_second(
    with_rig: RunStory,
) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect()
        await rig.poison("bandwidth", "upstream", rate=20)
        begun_s = monotonic_s()
        client.send(bytes(4_000))
        reads = [await server.reader.read(100_000), await server.reader.read(100_000)]
        assert [len(read) for read in reads] == [2_000, 2_000]
        assert monotonic_s() - begun_s >= 0.199  # of 1,024 bytes it would be 0.195 s

    with_rig(story)


def test_slow_close_delays_the_close_and_nothing_else(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect()
        await rig.poison("slow_close", "upstream", delay=60_000)
        client.send(b"data")
        assert await server.receive() == b"data"
        client.writer.close()
        assert await server.hears_nothing()
        await rig.api.remove_toxic("ws", "upstream")
        assert await server.receive() == b""

    with_rig(story)


def test_the_timer_of_a_timeout_starts_again_at_every_chunk_that_it_drops(
    with_rig: RunStory,
) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect()
        await rig.poison("timeout", "upstream", timeout=1_500)
        for _ in range(9):
            client.send(b"heartbeat")
            assert await server.hears_nothing()  # 0.3 s each, twice the time-out in all
        assert await server.receive() == b""

    with_rig(story)


def test_the_wait_of_a_reset_blocks_its_removal_and_what_new_connections_send(
    with_rig: RunStory,
) -> None:
    async def story(rig: Rig) -> None:
        client, _ = await rig.connect()
        await rig.poison("reset_peer", "upstream", timeout=4_000)
        client.send(b"frame")
        assert await client.hears_nothing()
        assert await _stuck(rig, "upstream")
        late_client, late_server = await rig.connect()  # it dials, and starts no link
        late_client.send(b"frame")
        assert await late_server.hears_nothing()

    with_rig(story)


def test_reset_peer_makes_every_close_of_new_connections_a_reset_even_where_it_spares_them(
    with_rig: RunStory,
) -> None:
    async def story(rig: Rig) -> None:
        await rig.poison("reset_peer", "downstream", 0.0, timeout=0)
        client, server = await rig.connect()
        server.send(b"passes")
        assert await client.receive() == b"passes"
        server.writer.close()
        with pytest.raises(ConnectionResetError):
            await client.receive()

    with_rig(story)


def test_a_slicer_cuts_into_pieces_of_its_size_give_or_take_the_variation(
    with_rig: RunStory,
) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect()
        await rig.poison("slicer", "upstream", average_size=20, size_variation=5, delay=50_000)
        sent = bytes(range(200))
        client.send(sent)
        pieces: list[bytes] = []
        while len(b"".join(pieces)) < len(sent):
            pieces.append(await server.receive())
        assert b"".join(pieces) == sent
        assert len(pieces) >= 8
        assert max(map(len, pieces)) <= 25

    with_rig(story)


def test_limit_data_cuts_in_the_middle_and_keeps_its_count_over_an_update(
    with_rig: RunStory,
) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect()
        client.send(b"before")
        assert await server.receive() == b"before"  # not counted
        await rig.poison("limit_data", "upstream", bytes=6)
        client.send(b"1234")
        assert await server.receive() == b"1234"
        update = {"attributes": {"bytes": 10}}
        (await rig.raw.patch("/proxies/ws/toxics/upstream", json=update)).raise_for_status()
        client.send(b"5678901234567890")
        assert await _all_of(server) == (b"567890",)

    with_rig(story)


def test_latency_delays_no_connect_and_keeps_the_order_whatever_its_jitter(
    with_rig: RunStory,
) -> None:
    async def story(rig: Rig) -> None:
        await rig.poison("latency", "downstream", latency=60_000)
        await rig.poison("latency", "upstream", latency=100, jitter=100)
        client, server = await rig.connect()
        words = [b"%03d" % number for number in range(60)]
        for word in words:
            client.send(word)
            await asyncio.sleep(0.005)
        came = b""
        while len(came) < 180:
            came += await server.receive()
        assert came == b"".join(words)

    with_rig(story)


DEADLY = {
    "a slicer of size 0": ("slicer", {"average_size": 0, "size_variation": 0, "delay": 0}),
    "a slicer that varies by more than its size": (
        "slicer",
        {"average_size": 10, "size_variation": 60, "delay": 0},
    ),
    "a negative bandwidth": ("bandwidth", {"rate": -1}),
    "a jitter that overflows": ("latency", {"latency": 1, "jitter": 2**62}),
}


@pytest.mark.parametrize("how", DEADLY)
def test_it_dies_of(with_rig: RunStory, how: str) -> None:
    kind, attributes = DEADLY[how]

    async def story(rig: Rig) -> None:
        client, _ = await rig.connect()
        await rig.poison_unguarded(name="x", type=kind, stream="upstream", attributes=attributes)
        ended = asyncio.create_task(rig.process.ended())
        async with asyncio.timeout(WITHIN_S):
            while not ended.done():  # one of them dies only by chance
                client.send(bytes(200))
                await asyncio.wait({ended}, timeout=0.02)
        how_it_ended = ended.result()
        assert (how_it_ended.exit_code, how_it_ended.asked) == (2, False)  # of a panic

    with_rig(story)


CONNECTIONS = 30
"""So many that chance alone (2**-30) would make the test fail, or pass."""
Act = Callable[[Rig], Awaitable[object]]


async def _update(rig: Rig) -> None:
    update = {"attributes": {"rate": 0}}
    (await rig.raw.patch("/proxies/ws/toxics/upstream", json=update)).raise_for_status()


async def _add(rig: Rig) -> None:
    await rig.api.add_toxic("ws", _latency("after"))


@pytest.mark.parametrize("act", [_update, _add], ids=["updated", "another is added after it"])
def test_the_share_of_a_toxic_is_drawn_anew_when_it_is(with_rig: RunStory, act: Act) -> None:
    async def story(rig: Rig) -> None:
        pairs = [await rig.connect() for _ in range(CONNECTIONS)]
        await rig.poison("bandwidth", "upstream", 0.5, rate=0)
        first = await _held(pairs, b"1")
        await act(rig)
        second = await _held(pairs, b"2")
        assert 0 < len(first) < CONNECTIONS
        assert first != second

    with_rig(story)


def test_the_share_is_drawn_anew_too_when_the_toxic_after_it_is_removed(
    with_rig: RunStory,
) -> None:
    async def story(rig: Rig) -> None:
        pairs = [await rig.connect() for _ in range(CONNECTIONS)]
        await rig.poison("bandwidth", "upstream", 0.5, rate=0)
        await _add(rig)
        first = await _held(pairs, b"1")
        await rig.api.remove_toxic("ws", "after")
        assert first != await _held(pairs, b"2")

    with_rig(story)


def test_each_direction_draws_its_share_for_itself(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        pairs = [await rig.connect() for _ in range(CONNECTIONS)]
        await rig.poison("bandwidth", "upstream", 0.5, rate=0)
        await rig.poison("bandwidth", "downstream", 0.5, rate=0)
        up = await _held(pairs, b"1")
        down = await _held([(server, client) for client, server in pairs], b"2")
        assert up != down

    with_rig(story)


async def _held(pairs: list[tuple[End, End]], word: bytes) -> frozenset[int]:
    """The numbers of the connections through which the first end's word does not come."""
    for sender, _ in pairs:
        sender.send(word)
    came = await asyncio.gather(*(_hears(receiver, word) for _, receiver in pairs))
    return frozenset(number for number, heard in enumerate(came) if not heard)


async def _hears(end: End, word: bytes) -> bool:
    try:
        async with asyncio.timeout(2 * A_WHILE_S):
            while word not in await end.reader.read(1_000):
                pass
    except TimeoutError:
        return False
    return True


def test_a_share_that_is_none_is_taken_in_silence(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        attributes = {"rate": 1}
        await rig.poison_unguarded(name="x", type="bandwidth", attributes=attributes, toxicity=2.5)
        (toxic,) = (await rig.api.proxies())["ws"].toxics
        assert (toxic.toxicity, toxic.stream) == (2.5, "downstream")

    with_rig(story)


def test_an_end_of_one_direction_ends_both(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect()
        client.writer.write_eof()
        assert await server.receive() == b""
        assert await client.receive() == b""

    with_rig(story)


def test_a_proxy_whose_server_is_away_accepts_and_closes(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        client, _ = await rig.connect()
        away = {"upstream": "127.0.0.1:9"}
        (await rig.raw.patch("/proxies/ws", json=away)).raise_for_status()
        assert await client.receive() == b""  # the change cuts what is open
        late = End(*await asyncio.open_connection(*rig.address))
        rig.opened.append(late.writer)
        assert await late.receive() == b""

    with_rig(story)


def test_its_api_answers_as_is_said(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        page = {"User-Agent": "Mozilla/5.0"}
        assert (await rig.raw.get("/version", headers=page)).status_code == 403
        assert (await rig.raw.get("/metrics")).status_code == 404
        proxy = {"name": "x", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"}
        assert (await rig.raw.post("/proxies", json=proxy)).status_code == 201
        assert (await rig.raw.post("/proxies", json=proxy)).status_code == 409
        toxic = {"name": "t", "type": "latency", "attributes": {"latency": 5}}
        assert (await rig.raw.post("/proxies/x/toxics", json=toxic)).status_code == 200
        other = {"type": "bandwidth", "attributes": {"latency": 7}}
        answer = await rig.raw.patch("/proxies/x/toxics/t", json=other)
        assert (answer.json()["type"], answer.json()["attributes"]["latency"]) == ("latency", 7)
        assert (await rig.raw.post("/reset")).status_code == 204
        assert (await rig.raw.get("/proxies")).json()["x"]["toxics"] == []
        assert (await rig.raw.delete("/proxies/x")).status_code == 204

    with_rig(story)
