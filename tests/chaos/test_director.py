from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from chaos.actuators.proxies import ProxyActuator
from chaos.director import Director
from chaos.faults.model import Stage
from chaos.faults.parse import parse_faults
from chaos.faults.schedule import ScheduledFault
from chaos.history import HistoryEntry
from chaos.timeline import plan
from chaos.toxiproxy.model import Proxy, Toxic
from harness.errors import RigError
from tests.support.fake_toxiproxy import FakeToxiproxy

BEGINS_AT_S = 1000.0


class ManualTime:
    """A clock that moves only when somebody sleeps on it."""

    def __init__(self) -> None:
        self.now_s = BEGINS_AT_S - 5

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, for_s: float) -> None:
        self.now_s += for_s
        await asyncio.sleep(0)


class Rig:
    def __init__(self, api: FakeToxiproxy | None = None) -> None:
        self.api = api or FakeToxiproxy()
        self.time = ManualTime()
        self.history: list[HistoryEntry] = []

    async def play(self, *tables: dict[str, Any], call_limit_s: float = 5) -> None:
        faults = parse_faults(tables, where="x.toml", cohorts=("a", "b"), seed=1)
        await self.play_faults(faults, call_limit_s=call_limit_s)

    async def play_faults(
        self, faults: Sequence[ScheduledFault], *, call_limit_s: float = 5
    ) -> None:
        for proxy in ("a-api", "a-realtime", "b-api", "b-realtime"):
            await self.api.create(Proxy(name=proxy, listen="127.0.0.1:0", upstream="up:1"))
        self.api.calls.clear()
        director = Director(
            {"toxiproxy": ProxyActuator(self.api, call_limit_s=call_limit_s)},
            clock=self.time,
            sleep=self.time.sleep,
            report=self.history.append,
        )
        await director.play(plan(faults), load_begins_at_s=BEGINS_AT_S)

    @property
    def told(self) -> list[tuple[float, str, str]]:
        return [(entry.t_s - BEGINS_AT_S, entry.fault, entry.what) for entry in self.history]

    async def clean(self) -> bool:
        return all(p.enabled and not p.toxics for p in (await self.api.proxies()).values())


def table(name: str, kind: str, at_s: float, for_s: float, **keys: Any) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "on": "realtime",
        "cohorts": ["a"],
        "at_s": at_s,
        "for_s": for_s,
        **keys,
    }


SHUT = table("shut", "refused", 10, 5, on="both")
SILENT = table("silent", "half_open", 12, 8, cohorts=["b"])


def test_it_looks_first_and_then_plays_every_step_and_checks_it() -> None:
    rig = Rig()
    asyncio.run(rig.play(SHUT, SILENT))
    assert rig.api.calls == [
        "list",
        "list",
        "list",
        "disable a-api",
        "disable a-realtime",
        "list",
        "add b-realtime silent-upstream",
        "add b-realtime silent-downstream",
        "list",
        "enable a-api",
        "enable a-realtime",
        "list",
        "remove b-realtime silent-upstream",
        "remove b-realtime silent-downstream",
        "list",
    ]
    assert rig.told == [
        (10, "shut", "requested"),
        (10, "shut", "applied"),
        (12, "silent", "requested"),
        (12, "silent", "applied"),
        (15, "shut", "heal_requested"),
        (15, "shut", "heal_applied"),
        (20, "silent", "heal_requested"),
        (20, "silent", "heal_applied"),
    ]


def test_the_stages_of_a_fault_follow_each_other_and_only_what_differs_is_touched() -> None:
    rig = Rig()
    (fault,) = parse_faults([SILENT], where="x.toml", cohorts=("a", "b"), seed=1)
    up, down = fault.stages[0].changes
    stages = (Stage(0, (up, down)), Stage(2, (up,)), Stage(5, ()))
    asyncio.run(rig.play_faults([msgspec.structs.replace(fault, stages=stages)]))
    assert [call for call in rig.api.calls if call != "list"] == [
        "add b-realtime silent-upstream",
        "add b-realtime silent-downstream",
        "remove b-realtime silent-downstream",
        "remove b-realtime silent-upstream",
    ]
    assert rig.told == [
        (12, "silent", "requested"),
        (12, "silent", "applied"),
        (14, "silent", "changed"),
        (17, "silent", "changed"),
        (20, "silent", "heal_requested"),
        (20, "silent", "heal_applied"),
    ]


def test_a_fault_that_comes_on_by_degrees_is_never_taken_away_between_its_steps() -> None:
    rig = Rig()
    slow = table("slow", "latency", 10, 8, latency_ms=600, direction="upstream")
    asyncio.run(rig.play({**slow, "ramp_s": 6, "ramp_steps": 3}))
    assert [call for call in rig.api.calls if call not in ("reset", "list")] == [
        "add a-realtime slow-upstream",
        "update a-realtime slow-upstream",
        "update a-realtime slow-upstream",
        "remove a-realtime slow-upstream",
    ]
    assert [(at_s, what) for at_s, _, what in rig.told if what == "changed"] == [
        (12, "changed"),
        (14, "changed"),
    ]


def test_a_refused_step_is_the_faults_problem_and_ends_the_run_healed() -> None:
    rig = Rig()
    rig.api.refused.add("add b-realtime silent-downstream")
    with pytest.raises(RigError, match="silent-downstream"):
        asyncio.run(rig.play({**SHUT, "for_s": 50}, SILENT))
    assert asyncio.run(rig.clean())
    assert rig.told[2:] == [
        (12, "silent", "requested"),
        (12, "silent", "problem"),
        (12, "shut", "heal_requested"),
        (12, "silent", "heal_requested"),
        (12, "shut", "heal_applied"),
        (12, "silent", "heal_applied"),
    ]
    assert "silent-downstream" in rig.history[3].detail


def test_cancelling_heals_what_is_on() -> None:
    rig = Rig()

    async def play_and_cancel() -> None:
        playing = asyncio.create_task(rig.play(SHUT, SILENT))
        while len(rig.history) < 4:
            await asyncio.sleep(0)
        playing.cancel()
        await playing

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(play_and_cancel())
    assert asyncio.run(rig.clean())
    assert [(fault, what) for _, fault, what in rig.told[4:]] == [
        ("shut", "heal_requested"),
        ("silent", "heal_requested"),
        ("shut", "heal_applied"),
        ("silent", "heal_applied"),
    ]


def test_what_was_left_by_an_earlier_run_is_healed_before_the_first_fault() -> None:
    rig = Rig()

    async def story() -> None:
        await rig.api.create(Proxy(name="a-api", listen="127.0.0.1:0", upstream="up:1"))
        for name in ("first", "second"):
            await rig.api.add_toxic("a-api", _toxic(name))
        await rig.api.set_enabled("a-api", False)
        rig.api.calls.clear()
        await ProxyActuator(rig.api).prepare(())

    asyncio.run(story())
    assert [call for call in rig.api.calls if call != "list"] == [
        "remove a-api second",
        "remove a-api first",
        "enable a-api",
    ]


def test_proxies_of_others_are_left_as_they_are() -> None:
    rig = Rig()

    async def story() -> None:
        for proxy in ("ours", "theirs"):
            await rig.api.create(Proxy(name=proxy, listen="127.0.0.1:0", upstream="up:1"))
            await rig.api.add_toxic(proxy, _toxic("slow"))
        await ProxyActuator(rig.api, ours=["ours"]).heal()

    asyncio.run(story())
    left = asyncio.run(rig.api.proxies())
    assert (left["ours"].toxics, left["theirs"].toxics) == ((), (_toxic("slow"),))


def _toxic(name: str) -> Toxic:
    return Toxic(name=name, type="latency", stream="upstream", attributes={"latency": 1})


def test_what_cannot_be_healed_is_told_for_each_fault_and_the_first_error_stays() -> None:
    rig = Rig()
    rig.api.refused.add("enable a-realtime")
    with pytest.raises(RigError, match="enable a-realtime"):
        asyncio.run(rig.play(SHUT, SILENT))
    problems = [(e.fault, e.detail) for e in rig.history if e.what == "problem"]
    assert problems == [
        ("shut", "enable a-realtime: refused by the test"),
        ("shut", "not healed at the end of the run: enable a-realtime: refused by the test"),
        ("silent", "not healed at the end of the run: enable a-realtime: refused by the test"),
    ]


class _Liar(FakeToxiproxy):
    """Says yes and does nothing."""

    async def add_toxic(self, proxy: str, toxic: Toxic) -> None:
        self.calls.append(f"add {proxy} {toxic.name}")

    async def set_enabled(self, proxy: str, enabled: bool) -> None:
        self.calls.append(f"set {proxy}")


@pytest.mark.parametrize("fault", [SHUT, SILENT], ids=["disabled", "toxics"])
def test_a_fault_that_is_not_in_toxiproxys_list_is_a_problem(fault: dict[str, Any]) -> None:
    rig = Rig(_Liar())
    with pytest.raises(RigError, match="without an error, but its list shows"):
        asyncio.run(rig.play(fault))
    assert [what for _, _, what in rig.told][:2] == ["requested", "problem"]


class _Hangs(FakeToxiproxy):
    def __init__(self, *proxies: str) -> None:
        super().__init__()
        self.hanging = proxies

    async def remove_toxic(self, proxy: str, toxic: str) -> None:
        self._note(f"remove {proxy} {toxic}")
        if proxy in self.hanging:
            await asyncio.Event().wait()
        await super().remove_toxic(proxy, toxic)


def test_a_call_that_never_ends_is_given_up_and_the_other_proxies_do_not_wait() -> None:
    rig = Rig(_Hangs("a-realtime"))
    broken = table("broken", "reset", 1, 1, cohorts=[])
    with pytest.raises(RigError, match=r"no answer within 0\.01 s \(broken on a-realtime\)"):
        asyncio.run(rig.play(broken, call_limit_s=0.01))
    assert "remove b-realtime broken-downstream" in rig.api.calls
    left = asyncio.run(rig.api.proxies())
    assert [name for name, proxy in left.items() if proxy.toxics] == ["a-realtime"]
    assert "not healed at the end of the run" in rig.history[-1].detail


def test_a_share_that_toxiproxy_rounds_to_32_bits_is_still_the_same() -> None:
    class Rounds(FakeToxiproxy):
        async def add_toxic(self, proxy: str, toxic: Toxic) -> None:
            await super().add_toxic(proxy, _rounded(toxic))

    rig = Rig(Rounds())
    asyncio.run(rig.play({**SILENT, "share": 1 / 3}))
    assert [what for _, _, what in rig.told][-1] == "heal_applied"


def _rounded(toxic: Toxic) -> Toxic:
    return Toxic(
        name=toxic.name,
        type=toxic.type,
        stream=toxic.stream,
        attributes=toxic.attributes,
        toxicity=0.33333334,
    )


def test_a_proxy_that_does_not_exist_is_named_before_anything_begins() -> None:
    async def play(names: Sequence[str]) -> None:
        api = FakeToxiproxy()
        for name in names:
            await api.create(Proxy(name=name, listen="127.0.0.1:0", upstream="up:1"))
        faults = parse_faults([SHUT], where="x.toml", cohorts=("a",), seed=1)
        time = ManualTime()
        proxies = ProxyActuator(api)
        director = Director(
            {"toxiproxy": proxies}, clock=time, sleep=time.sleep, report=lambda entry: None
        )
        await director.play(plan(faults), load_begins_at_s=BEGINS_AT_S)

    with pytest.raises(RigError, match=r"'shut' needs proxy 'a-realtime'.*it has: a-api"):
        asyncio.run(play(["a-api"]))
