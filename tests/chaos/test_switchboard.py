"""Faults that somebody turns on and off: what is done to the proxies, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from chaos.actuators.proxies import ProxyActuator
from chaos.faults.model import Stage
from chaos.faults.parse import parse_faults
from chaos.faults.schedule import ScheduledFault
from chaos.history import HistoryEntry
from chaos.switchboard import Switchboard
from chaos.toxiproxy.model import Proxy
from harness.errors import RigError, UsageError
from tests.support.fake_toxiproxy import FakeToxiproxy

ZERO_S = 1000.0


class SteppedTime:
    """A clock that moves only when a test moves it, and wakes those who sleep until then."""

    def __init__(self) -> None:
        self.now_s = ZERO_S
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, for_s: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now_s + for_s, woken))
        await woken

    async def go_to(self, at_s: float) -> None:
        """Let what is due happen, one moment after the other."""
        await settle()
        while due := sorted(s for s in self._awake() if s[0] <= ZERO_S + at_s):
            self.now_s, woken = due[0]
            woken.set_result(None)
            await settle()
        self.now_s = ZERO_S + at_s

    def _awake(self) -> list[tuple[float, asyncio.Future[None]]]:
        return [sleeper for sleeper in self._sleepers if not sleeper[1].done()]


async def settle() -> None:
    """Let every task go on until it waits for something that a test decides."""
    for _ in range(50):
        await asyncio.sleep(0)


class Bench:
    """A board over a Toxiproxy in memory."""

    def __init__(self) -> None:
        self.api = FakeToxiproxy()
        self.time = SteppedTime()
        self.history: list[HistoryEntry] = []
        self.board = Switchboard(
            {"toxiproxy": ProxyActuator(self.api, call_limit_s=5)},
            clock=self.time,
            zero_s=ZERO_S,
            report=self.history.append,
            sleep=self.time.sleep,
        )

    @property
    def told(self) -> list[tuple[float, str, str]]:
        return [(entry.t_s - ZERO_S, entry.fault, entry.what) for entry in self.history]

    async def clean(self) -> bool:
        return all(p.enabled and not p.toxics for p in (await self.api.proxies()).values())


def fault(name: str, kind: str, *, at_s: float = 0, for_s: float = 600, **more: Any) -> Any:
    table = {"on": "realtime", **more, "name": name, "kind": kind, "at_s": at_s, "for_s": for_s}
    (found,) = parse_faults([table], where="test", cohorts=("a",), seed=1)
    return found


SHUT: ScheduledFault = fault("shut", "refused")
SILENT: ScheduledFault = fault("silent", "half_open", on="api")


def play(scene: Callable[[Bench], Awaitable[None]]) -> Bench:
    """A scene on a running board, which is then cancelled."""
    bench = Bench()

    async def whole() -> None:
        for proxy in ("a-api", "a-realtime"):
            await bench.api.create(Proxy(name=proxy, listen="127.0.0.1:0", upstream="up:1"))
        running = asyncio.create_task(bench.board.run((SHUT, SILENT)))
        await settle()
        try:
            await scene(bench)
        finally:
            running.cancel()
            await asyncio.wait((running,))
        assert await bench.clean()
        if not running.cancelled():
            running.result()

    asyncio.run(whole())
    return bench


def at(name: str, at_s: float, of: ScheduledFault) -> ScheduledFault:
    return msgspec.structs.replace(of, name=name, at_s=at_s)


def test_a_fault_is_on_until_its_end_is_asked_for() -> None:
    async def scene(bench: Bench) -> None:
        await bench.time.go_to(3)
        bench.board.add([at("shut", 3, SHUT)])
        await settle()
        assert bench.board.is_on("shut")
        await bench.time.go_to(10)
        bench.board.end("shut")
        await settle()
        assert not bench.board.playing

    assert play(scene).told == [
        (3, "shut", "requested"),
        (3, "shut", "applied"),
        (10, "shut", "heal_requested"),
        (10, "shut", "heal_applied"),
    ]


def test_a_fault_that_nobody_ends_ends_by_itself() -> None:
    async def scene(bench: Bench) -> None:
        bench.board.add([SHUT])
        await bench.time.go_to(700)

    assert play(scene).told[-1] == (600, "shut", "heal_applied")


def test_the_stages_of_a_fault_come_at_their_moments_and_no_longer_after_its_end() -> None:
    (up, down) = SILENT.stages[0].changes
    stages = (Stage(0, (up,)), Stage(5, (down,)), Stage(9, (up,)))
    staged = msgspec.structs.replace(SILENT, stages=stages)

    async def scene(bench: Bench) -> None:
        await bench.time.go_to(2)
        bench.board.add([at("silent", 2, staged)])
        await bench.time.go_to(8)
        bench.board.end("silent")
        await bench.time.go_to(20)

    assert [(t, what) for t, _, what in play(scene).told] == [
        (2, "requested"),
        (2, "applied"),
        (7, "changed"),
        (8, "heal_requested"),
        (8, "heal_applied"),
    ]


def test_a_fault_still_to_come_that_is_ended_never_begins() -> None:
    async def scene(bench: Bench) -> None:
        bench.board.add([at("shut", 5, SHUT), at("silent", 6, SILENT)])
        assert not bench.board.is_on("shut")
        bench.board.end("shut")
        await bench.time.go_to(10)

    assert {name for _, name, _ in play(scene).told} == {"silent"}


def test_end_all_heals_what_is_on_and_forgets_what_is_to_come() -> None:
    async def scene(bench: Bench) -> None:
        bench.board.add([SHUT, at("silent", 50, SILENT)])
        await bench.time.go_to(10)
        bench.board.end_all()
        await bench.time.go_to(100)

    assert play(scene).told[2:] == [(10, "shut", "heal_requested"), (10, "shut", "heal_applied")]


def test_a_fault_that_does_not_go_with_one_that_is_on_is_refused_and_nothing_changes() -> None:
    also = fault("slow", "latency", latency_ms=5)

    async def scene(bench: Bench) -> None:
        bench.board.add([SHUT])
        await settle()
        with pytest.raises(UsageError, match=r"slow cannot begin now.*a-realtime.*disables it"):
            bench.board.add([at("silent", 0, SILENT), also])
        await settle()
        assert [each.name for each in bench.board.playing] == ["shut"]

    play(scene)


def test_a_fault_is_on_from_the_moment_at_which_it_was_asked_for() -> None:
    async def scene(bench: Bench) -> None:
        bench.board.add([SHUT, at("silent", 5, SILENT)])
        assert bench.board.is_on("shut")
        assert not bench.board.is_on("silent")
        bench.board.end("shut")
        assert not bench.board.is_on("shut")
        await settle()

    assert play(scene).told == []


def test_asking_twice_for_the_end_ends_once() -> None:
    async def scene(bench: Bench) -> None:
        bench.board.add([SHUT])
        await settle()
        bench.board.end("shut")
        bench.board.end("shut")

    assert [what for _, _, what in play(scene).told].count("heal_requested") == 1


def test_an_end_asked_for_while_the_begin_is_under_way_comes_after_it() -> None:
    async def scene(bench: Bench) -> None:
        bench.board.add([SHUT])
        while not bench.history:
            await asyncio.sleep(0)
        bench.board.end("shut")
        await settle()

    assert [what for _, _, what in play(scene).told] == [
        "requested",
        "applied",
        "heal_requested",
        "heal_applied",
    ]


def test_what_is_on_when_the_board_is_cancelled_is_healed() -> None:
    async def scene(bench: Bench) -> None:
        bench.board.add([SHUT, SILENT])
        await settle()

    assert [what for _, _, what in play(scene).told].count("heal_applied") == 2


def test_a_step_that_fails_ends_the_board_healed() -> None:
    async def scene(bench: Bench) -> None:
        bench.api.refused.add("add a-api silent-upstream")
        bench.board.add([SHUT, SILENT])
        await settle()

    with pytest.raises(RigError, match="silent-upstream"):
        play(scene)
