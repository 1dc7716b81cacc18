"""Faults in several lanes: each is told of its own part, and all act before any error is raised."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from chaos.actuators.lanes import InLanes
from chaos.actuators.model import Changes
from chaos.faults.parse import parse_faults
from chaos.faults.schedule import ScheduledFault
from harness.errors import RigError


class FakeLane:
    """An :class:`~chaos.actuators.model.Actuator` that keeps what it is told."""

    def __init__(self, *, fails: bool = False) -> None:
        self.told: list[tuple[str, tuple[str, ...]]] = []
        self._fails = fails

    async def prepare(self, faults: Sequence[ScheduledFault]) -> None:
        await self._do("prepare", tuple(proxy for fault in faults for proxy in fault.proxies))

    async def change(self, fault: ScheduledFault, before: Changes, now: Changes) -> None:
        await self._do("change", fault.proxies)

    async def heal(self) -> None:
        await self._do("heal", ())

    async def _do(self, what: str, where: tuple[str, ...]) -> None:
        if self._fails:
            raise RigError(f"cannot {what}")
        await asyncio.sleep(0)  # the others have failed by now
        self.told.append((what, where))


@pytest.fixture
def fault() -> ScheduledFault:
    table = {"name": "f", "kind": "refused", "on": "realtime", "at_s": 1, "for_s": 9}
    (parsed,) = parse_faults([table], where="x.toml", cohorts=("a", "b"), seed=1)
    return parsed


async def _everything(actuator: InLanes, fault: ScheduledFault) -> list[str]:
    errors = []
    for work in (actuator.prepare([fault]), actuator.change(fault, (), ()), actuator.heal()):
        try:
            await work
        except RigError as error:
            errors.append(str(error))
    return errors


def test_each_lane_is_told_of_its_own_proxies_alone(fault: ScheduledFault) -> None:
    lanes = (FakeLane(), FakeLane())

    assert asyncio.run(_everything(InLanes(lanes), fault)) == []

    for lane, proxies in zip(
        lanes, (("a-realtime", "b-realtime"), ("a-realtime.2", "b-realtime.2")), strict=True
    ):
        assert lane.told == [("prepare", proxies), ("change", proxies), ("heal", ())]


def test_a_lane_that_fails_keeps_no_other_from_its_part_and_is_heard(
    fault: ScheduledFault,
) -> None:
    good = FakeLane()

    errors = asyncio.run(_everything(InLanes((FakeLane(fails=True), good)), fault))

    assert errors == ["cannot prepare", "cannot change", "cannot heal"]
    assert [what for what, _ in good.told] == ["prepare", "change", "heal"]
