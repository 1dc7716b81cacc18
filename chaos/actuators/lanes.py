"""Plays faults in every lane of the rig: the same change on several Toxiproxies, or relays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence

import msgspec

from chaos.actuators.model import Actuator, Changes
from chaos.faults.schedule import ScheduledFault


class InLanes:
    """An :class:`~chaos.actuators.model.Actuator` over one for each lane, in their order.

    Each is shown a fault as it is in its lane alone, so that it need not know of the others. All
    act side by side; where some cannot, the error of the first of them is raised when all are done.
    """

    def __init__(self, lanes: Sequence[Actuator]) -> None:
        self._lanes = tuple(enumerate(lanes, start=1))

    async def prepare(self, faults: Sequence[ScheduledFault]) -> None:
        await _all_of(
            actuator.prepare([_in(lane, fault) for fault in faults])
            for lane, actuator in self._lanes
        )

    async def change(self, fault: ScheduledFault, before: Changes, now: Changes) -> None:
        await _all_of(
            actuator.change(_in(lane, fault), before, now) for lane, actuator in self._lanes
        )

    async def heal(self) -> None:
        await _all_of(actuator.heal() for _, actuator in self._lanes)


def _in(lane: int, fault: ScheduledFault) -> ScheduledFault:
    return msgspec.structs.replace(fault, lanes=(lane,))


async def _all_of(steps: Iterable[Awaitable[None]]) -> None:
    for error in await asyncio.gather(*steps, return_exceptions=True):
        if error is not None:
            raise error
