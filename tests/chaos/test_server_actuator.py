"""What the actuator of the server does, step by step, over a server that remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Literal

import pytest

from chaos.actuators.server import ServerActuator
from chaos.faults.parse import parse_faults
from chaos.faults.schedule import ScheduledFault
from chaos.faults.server.switches import Switches
from harness.errors import RigError

BASE = Switches(
    knobs={"plan": "off", "slow_commit_s": 1.0, "strike_all": "none"},
    defects=frozenset(("stale-update",)),
)


class FakeServer:
    """A :class:`~chaos.actuators.server.ServerControl`; a start forgets all but ``BASE``."""

    def __init__(self) -> None:
        self.now = BASE
        self.up = True
        self.did: list[str] = []

    async def switches(self) -> Switches:
        if not self.up:
            raise RigError("server: it is down")
        return self.now

    async def turn(self, switches: Switches) -> None:
        if not self.up:
            raise RigError("server: it is down")
        self.did.append("turned")
        self.now = switches

    async def take_down(self, how: Literal["stop", "kill"]) -> None:
        self.did.append(how)
        self.up = False

    async def bring_up(self) -> None:
        if not self.up:
            self.did.append("started")
            self.up, self.now = True, BASE


def fault(kind: str, **keys: Any) -> ScheduledFault:
    table = {"name": kind, "kind": kind, "at_s": 0, "for_s": 5, **keys}
    (found,) = parse_faults([table], where="x.toml", cohorts=("a",), seed=1)
    return found


MUTE, SLOW, KILL = fault("mute"), fault("slow_commit", commit_s=3), fault("kill")


class Hands:
    """The director's calls, one after the other."""

    def __init__(self) -> None:
        self.server = FakeServer()
        self._actuator = ServerActuator(self.server, call_limit_s=0.05)
        self._run(self._actuator.prepare(()))

    def begin(self, one: ScheduledFault) -> None:
        self._run(self._actuator.change(one, (), one.stages[0].changes))

    def end(self, one: ScheduledFault) -> None:
        self._run(self._actuator.change(one, one.stages[0].changes, ()))

    def heal(self) -> None:
        self._run(self._actuator.heal())

    def _run(self, call: Awaitable[None]) -> None:
        async def scene() -> None:
            await call

        asyncio.run(scene())


def test_faults_that_overlap_compose_and_each_end_takes_back_its_own_part() -> None:
    hands = Hands()
    hands.begin(MUTE)
    assert hands.server.now.defects == {"stale-update", "mute"}
    hands.begin(SLOW)
    assert hands.server.now.defects == {"stale-update", "mute", "slow-commit"}
    assert hands.server.now.knobs["slow_commit_s"] == 3
    hands.end(MUTE)
    assert hands.server.now.defects == {"stale-update", "slow-commit"}
    hands.end(SLOW)
    assert hands.server.now == BASE


def test_a_fault_that_ends_a_process_starts_it_again_at_its_end_as_it_was_before() -> None:
    hands = Hands()
    hands.begin(KILL)
    assert not hands.server.up
    hands.end(KILL)
    assert hands.server.did == ["kill", "started", "turned"]
    assert hands.server.now == BASE


@pytest.mark.parametrize("on", [(MUTE, SLOW), (KILL,), ()])
def test_healing_undoes_whatever_is_on(on: tuple[ScheduledFault, ...]) -> None:
    hands = Hands()
    for each in on:
        hands.begin(each)
    hands.heal()
    assert hands.server.up
    assert hands.server.now == BASE


def test_a_switch_that_somebody_turned_back_is_found_at_the_next_step() -> None:
    hands = Hands()
    hands.begin(MUTE)
    hands.server.now = BASE
    with pytest.raises(RigError) as caught:
        hands.end(MUTE)
    assert str(caught.value) == "server: its switches are not as they were set: mute is not planted"


def test_a_turn_that_does_not_hold_is_no_confirmation(monkeypatch: pytest.MonkeyPatch) -> None:
    hands = Hands()

    async def ignored(switches: Switches) -> None:
        del switches

    monkeypatch.setattr(hands.server, "turn", ignored)
    with pytest.raises(RigError, match="mute is not planted"):
        hands.begin(MUTE)


def test_a_server_that_does_not_answer_in_time_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hands = Hands()

    async def never(switches: Switches) -> None:
        del switches
        await asyncio.Event().wait()

    monkeypatch.setattr(hands.server, "turn", never)
    with pytest.raises(RigError, match=r"^server: no answer within 0\.05 s \(its switches, mute\)"):
        hands.begin(MUTE)
