"""What clients see of the faults that Toxiproxy plays by itself: at their begin, while they are on
and at their end, on connections that were open and on new ones; and that receipts prove it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from chaos.faults.parse import parse_faults
from chaos.faults.schedule import ScheduledFault
from chaos.toxiproxy.model import Toxic
from harness.clock import monotonic_s
from harness.receipts import Probe
from tests.chaos.conftest import RunStory
from tests.support.played_faults import Played, play
from tests.support.proxied_pair import End, Rig

pytestmark = pytest.mark.e2e

KINDS: dict[str, dict[str, Any]] = {
    "bandwidth": {"rate_kb_per_s": 50},
    "sliced": {"average_bytes": 64, "variation_bytes": 16, "pause_us": 5_000},
    "cut_after": {"after_bytes": 3_000},
    "slow_close": {"delay_ms": 600},
    "flapping": {"down_s": 0.8, "up_s": 1.4, "spread_s": 0.2, "for_s": 5.0},
    "loss": {"loss_percent": 5, "rtt_ms": 80, "for_s": 5.0},
}
EFFECTS = {
    "bandwidth": "bulk late",
    "sliced": "bulk late",
    "cut_after": "bulk closed",
    "slow_close": "closing late",
    "flapping": "connect refused",
    "loss": "socket late",
}


def fault_of(kind: str, **keys: Any) -> ScheduledFault:
    table = {"name": kind, "kind": kind, "on": "both", "cohorts": [kind], "at_s": 0.5, "for_s": 2.5}
    table |= {**KINDS[kind], **keys}
    (fault,) = parse_faults([table], where="test", cohorts=tuple(KINDS), seed=1)
    return fault


async def begin(rig: Rig, kind: str, **keys: Any) -> None:
    for toxic in fault_of(kind, **keys).stages[0].changes:
        assert isinstance(toxic, Toxic)
        await rig.api.add_toxic("ws", toxic)


async def end(rig: Rig) -> None:
    for toxic in reversed((await rig.api.proxies())["ws"].toxics):
        await rig.api.remove_toxic("ws", toxic.name)


async def whole(end: End, size: int) -> list[bytes]:
    """The reads until so many bytes are there."""
    reads: list[bytes] = []
    while sum(map(len, reads)) < size:
        reads.append(await end.receive())
    return reads


def test_bandwidth_slows_open_and_new_connections_and_loses_nothing(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        live = await rig.connect()
        await begin(rig, "bandwidth", rate_kb_per_s=10)
        new = await rig.connect()  # not slowed
        for sender, receiver in (live, live[::-1], new, new[::-1]):
            begun_s = monotonic_s()
            sender.send(bytes(3_000))
            await whole(receiver, 3_000)
            assert monotonic_s() - begun_s >= 0.299
        sent = bytes(range(256)) * 100  # 2.5 s at this rate
        live[0].send(sent)
        first = await live[1].receive()
        await end(rig)
        rest = await whole(live[1], len(sent) - len(first))
        assert first + b"".join(rest) == sent

    with_rig(story)


def test_slices_come_on_open_and_new_connections_until_the_end(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        live = await rig.connect()
        keys = {"average_bytes": 20, "variation_bytes": 0, "pause_us": 30_000}
        await begin(rig, "sliced", **keys)
        new = await rig.connect()
        for sender, receiver in (live, live[::-1], new, new[::-1]):
            sender.send(bytes(100))
            pieces = await whole(receiver, 100)
            assert max(map(len, pieces)) <= 20
        await end(rig)
        live[0].send(bytes(100))
        assert await whole(live[1], 100) == [bytes(100)]

    with_rig(story)


def test_a_cut_counts_from_the_begin_and_spares_who_stays_below_it(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        live, quiet = await rig.connect(), await rig.connect()
        live[1].send(b"earlier")
        assert await live[0].receive() == b"earlier"
        await begin(rig, "cut_after", after_bytes=10)
        new = await rig.connect()
        for client, server in (live, new):
            server.send(b"0123456789abcdef")
            assert await whole(client, 10) == [b"0123456789"]
            assert await client.receive() == b""
            assert await server.receive() == b""
        quiet[1].send(b"short")
        assert await quiet[0].receive() == b"short"
        await end(rig)
        quiet[1].send(b"0123456789abcdef")
        assert await quiet[0].receive() == b"0123456789abcdef"

    with_rig(story)


def test_a_slow_close_reaches_either_end_late_and_at_the_end_at_once(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        live = await rig.connect()
        await begin(rig, "slow_close", delay_ms=60_000)
        new = await rig.connect()
        for leaver, stayer in (live, new[::-1]):
            leaver.send(b"last words")
            leaver.writer.close()
            assert await stayer.receive() == b"last words"
            assert await stayer.hears_nothing()
        await end(rig)
        assert await live[1].receive() == b""
        assert await new[0].receive() == b""

    with_rig(story)


RunOf = Callable[[str], Played]


@pytest.fixture(scope="module")
def run_of(toxiproxy_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> RunOf:
    """The run in which a kind was played: two of them side by side, each with what shows in the
    same way, each kind on a cohort of its own, and in each a cohort without any."""
    found: dict[str, Played] = {}
    for kinds in (("bandwidth", "sliced", "cut_after"), ("slow_close", "flapping", "loss")):
        tables = [
            {"name": kind, "kind": kind, "on": "both", "cohorts": [kind], "at_s": 0.5, "for_s": 2.5}
            | KINDS[kind]
            for kind in kinds
        ]
        folder = tmp_path_factory.mktemp("toxic-kinds")
        run = asyncio.run(play(toxiproxy_binary, folder, (*kinds, "untouched"), tables))
        assert run.ended is None
        found |= dict.fromkeys(kinds, run)
    return found.__getitem__


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_leaves_a_sound_receipt_that_says_what_was_felt(run_of: RunOf, kind: str) -> None:
    receipt = run_of(kind).receipts()[kind]
    assert receipt.problems == ()
    assert EFFECTS[kind] in receipt.effect.en


@pytest.mark.parametrize(("kind", "special"), [("bandwidth", "bulk"), ("slow_close", "close")])
def test_nobody_else_is_hit(run_of: RunOf, kind: str, special: str) -> None:
    seen = [p for p in run_of(kind).probes if p.proxy.startswith("untouched-")]
    assert {probe.kind for probe in seen} == {"ws", "http", "connect", special}
    assert {probe.outcome for probe in seen} == {"ok"}


def stages_of(run: Played, kind: str) -> list[tuple[bool, float, float]]:
    """Of each stage of a fault as it was: whether it changed something, from when to when."""
    (fault,) = (each for each in run.faults if each.name == kind)
    told_s = [
        entry.t_s
        for entry in run.history
        if entry.fault == kind and entry.what in ("applied", "changed", "heal_requested")
    ]
    return [
        (bool(stage.changes), *moments)
        for stage, moments in zip(fault.stages, pairwise(told_s), strict=True)
    ]


def sent_within(run: Played, proxy: str, kind: str, begin_s: float, end_s: float) -> list[Probe]:
    return [
        p for p in run.probes if (p.proxy, p.kind) == (proxy, kind) and begin_s <= p.sent_s < end_s
    ]


def test_a_flapping_door_is_shut_and_open_in_turns(run_of: RunOf) -> None:
    run, found = run_of("flapping"), []
    for shut, begin_s, end_s in stages_of(run, "flapping"):
        # A change is on its way for some ms before it is confirmed.
        seen = sent_within(run, "flapping-realtime", "connect", begin_s, end_s - 0.15)
        if len(seen) > 1:
            found.append((shut, {probe.outcome for probe in seen}))
    assert found[:3] == [(True, {"refused"}), (False, {"ok"}), (True, {"refused"})]


def test_a_lossy_line_stands_still_and_then_delivers_all_at_once(run_of: RunOf) -> None:
    stalls = [
        (begin_s, end_s) for held, begin_s, end_s in stages_of(run_of("loss"), "loss") if held
    ]
    assert stalls
    for begin_s, end_s in stalls:
        middle_s = (begin_s + end_s) / 2
        caught = sent_within(run_of("loss"), "loss-realtime", "ws", begin_s, middle_s)
        answered_s = [probe.answered_s or 0 for probe in caught]
        assert {probe.outcome for probe in caught} <= {"ok"}
        assert all(at_s > middle_s for at_s in answered_s)
        assert max(answered_s) - min(answered_s) < (middle_s - begin_s) / 2
