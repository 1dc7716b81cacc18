"""Faults on a relay that keeps its rules in memory, and one that lies or hangs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chaos.actuators.relay import RelayActuator
from chaos.faults.parse import parse_faults
from chaos.faults.schedule import ScheduledFault
from chaos.relay.reports import ListenerState, RuleState
from chaos.relay.rules import Lifetime, Rule, Stall
from chaos.toxiproxy.model import Toxic
from harness.errors import RigError


class FakeRelay:
    """A :class:`~chaos.relay.client.RelayApi`."""

    def __init__(self, *listeners: str) -> None:
        self.rules: dict[str, dict[str, Rule]] = {name: {} for name in listeners}
        self.calls: list[str] = []
        self.deaf = False
        """It says yes and changes nothing."""
        self.hangs = False

    async def listeners(self) -> tuple[ListenerState, ...]:
        self.calls.append("list")
        return tuple(
            ListenerState(
                name=name,
                rules=tuple(RuleState(rule=rule, concerned=0, hit=0) for rule in held.values()),
                **dict.fromkeys(
                    (
                        *("accepted", "open", "websockets"),
                        *("stalled", "hung", "bytes_up", "bytes_down"),
                    ),
                    0,
                ),
            )
            for name, held in self.rules.items()
        )

    async def put(self, listener: str, rule: Rule) -> None:
        self.calls.append(f"put {listener} {rule.name}")
        if self.hangs:
            await asyncio.Event().wait()
        if not self.deaf:
            self.rules[listener][rule.name] = rule

    async def drop(self, listener: str, rule: str) -> None:
        self.calls.append(f"drop {listener} {rule}")
        if not self.deaf:
            self.rules[listener].pop(rule, None)

    async def clear(self) -> None:
        self.calls.append("clear")
        if not self.deaf:
            for held in self.rules.values():
                held.clear()


def fault(kind: str = "stalled_connections", **keys: Any) -> ScheduledFault:
    table = {"name": "f#2", "kind": kind, "on": "both", "cohorts": ["a"], "at_s": 1, "for_s": 9}
    (parsed,) = parse_faults([table | keys], where="x.toml", cohorts=("a", "b"), seed=1)
    return parsed


RELAY = ("a-api", "a-realtime", "b-api")


def test_a_fault_is_set_and_taken_back_on_its_listeners_and_looked_up_each_time() -> None:
    api, stall = FakeRelay(*RELAY), fault(share=0.5)
    changes = stall.stages[0].changes

    async def scene() -> None:
        actuator = RelayActuator(api)
        await actuator.prepare([stall])
        await actuator.change(stall, (), changes)
        assert [list(held.values()) for held in api.rules.values()] == [
            list(changes),
            list(changes),
            [],
        ]
        await actuator.change(stall, changes, ())

    asyncio.run(scene())
    assert api.calls == [
        *("clear", "list"),
        *("put a-api f.2", "put a-realtime f.2", "list"),
        *("drop a-api f.2", "drop a-realtime f.2", "list"),
    ]
    assert isinstance(changes[0], Rule)
    assert (changes[0].act, changes[0].share) == (Stall(), 0.5)


def test_a_change_of_stage_replaces_a_rule_of_the_same_name() -> None:
    api, ttl = FakeRelay(*RELAY), fault("ttl", ttl_s=2)
    before = Rule(name="f.2", act=Lifetime(ttl_s=2))
    now = Rule(name="f.2", act=Lifetime(ttl_s=1))

    async def scene() -> None:
        await RelayActuator(api).change(ttl, (), (before,))
        await RelayActuator(api).change(ttl, (before,), (now,))

    asyncio.run(scene())
    assert api.rules["a-api"] == {"f.2": now}


def test_a_listener_that_is_not_there_is_named_before_anything_begins() -> None:
    with pytest.raises(RigError, match=r"'f#2' needs a listener behind 'a-realtime'; .*: a-api"):
        asyncio.run(RelayActuator(FakeRelay("a-api")).prepare([fault()]))


@pytest.mark.parametrize("step", ["set", "removed"])
def test_a_relay_that_confirms_what_it_does_not_do_is_found_out(step: str) -> None:
    api, stall = FakeRelay(*RELAY), fault()
    changes = stall.stages[0].changes

    async def scene() -> None:
        if step == "removed":
            await RelayActuator(api).change(stall, (), changes)
        api.deaf = True
        before, now = ((), changes) if step == "set" else (changes, ())
        await RelayActuator(api).change(stall, before, now)

    with pytest.raises(RigError, match=f"f#2 on a-api was {step} without an error, but"):
        asyncio.run(scene())


def test_healing_leaves_no_rule_or_says_where_one_is_left() -> None:
    api, stall = FakeRelay(*RELAY), fault()

    async def scene() -> None:
        await RelayActuator(api).change(stall, (), stall.stages[0].changes)
        await RelayActuator(api).heal()
        assert not any(api.rules.values())
        await RelayActuator(api).change(stall, (), stall.stages[0].changes)
        api.deaf = True
        await RelayActuator(api).heal()

    with pytest.raises(RigError, match="a-api was cleared without an error, but shows"):
        asyncio.run(scene())


def test_a_relay_that_does_not_answer_in_time_is_named() -> None:
    api = FakeRelay(*RELAY)
    api.hangs = True
    stall = fault()
    with pytest.raises(RigError, match=r"relay: no answer within 0\.01 s \(f#2 on a-api\)"):
        asyncio.run(
            RelayActuator(api, call_limit_s=0.01).change(stall, (), stall.stages[0].changes)
        )


def test_what_is_another_part_s_is_no_change_for_the_relay() -> None:
    toxic = Toxic(name="t", type="timeout", stream="upstream", attributes={"timeout": 0})
    with pytest.raises(RigError, match="relay: it cannot play Toxic"):
        asyncio.run(RelayActuator(FakeRelay(*RELAY)).change(fault(), (), (toxic,)))
