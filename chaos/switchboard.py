"""Plays faults that somebody turns on and off while it runs, each with its own stages."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from chaos.actuators.model import Actuator
from chaos.director import Sleep
from chaos.faults.model import Means
from chaos.faults.schedule import ScheduledFault
from chaos.overlap import conflict
from chaos.performer import Performer, Report
from chaos.timeline import Action, Finished, Wait, in_order, next_action, plan
from harness.clock import Clock
from harness.errors import UsageError


class Switchboard:
    """A plan that grows and shrinks while :meth:`run` plays it.

    ``actuators``, ``clock``, ``sleep`` and ``report`` are as the director's. Time zero of the plan
    is ``zero_s``, host-monotonic: the faults given to :meth:`add` begin at their ``at_s`` after it.
    """

    def __init__(
        self,
        actuators: Mapping[Means, Actuator],
        *,
        clock: Clock,
        zero_s: float,
        report: Report,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._performer = Performer(actuators, clock=clock, report=report)
        self._clock = clock
        self._zero_s = zero_s
        self._sleep = sleep
        self._left: tuple[Action, ...] = ()
        self._ending: set[str] = set()
        self._changed = asyncio.Event()

    @property
    def now_s(self) -> float:
        """On the plan's time."""
        return self._clock() - self._zero_s

    @property
    def playing(self) -> tuple[ScheduledFault, ...]:
        """Those that are on, being healed, or still to come."""
        found = {fault.name: fault for fault in self._performer.on}
        found |= {action.fault.name: action.fault for action in self._left}
        return tuple(found.values())

    def is_on(self, name: str) -> bool:
        """Whether it has begun, or is to this moment, and nobody has asked for its end."""
        begun = {fault.name for fault in self._performer.on}
        begun |= {each.fault.name for each in self._left if each.fault.at_s <= self.now_s}
        return name in begun and name not in self._ending

    def add(self, faults: Sequence[ScheduledFault]) -> None:
        """Have them played, each from its ``at_s`` for its ``for_s``.

        Raises :class:`UsageError`, and takes none of them, where one does not go together with
        what is playing.
        """
        for fault in faults:
            for other in self.playing:
                first, second = sorted((other, fault), key=lambda each: each.at_s)
                if reason := conflict(first, second):
                    raise UsageError(f"{fault.name} cannot begin now: it and {other.name} {reason}")
        self._left = in_order((*self._left, *plan(faults)))
        self._changed.set()

    def end(self, name: str) -> None:
        """End a fault now, or do not begin it; nothing where it is not playing."""
        self._left = tuple(action for action in self._left if action.fault.name != name)
        for fault in self._performer.on:
            if fault.name == name and name not in self._ending:
                self._ending.add(name)
                self._left = in_order((Action(self.now_s, "end", fault), *self._left))
        self._changed.set()

    def end_all(self) -> None:
        """End all that are on, and forget those to come."""
        for fault in self.playing:
            self.end(fault.name)

    async def run(self, faults: Sequence[ScheduledFault]) -> None:
        """Play what is added until cancelled, then heal. ``faults``: all that may come.

        Raises :class:`RigError` at the first thing that an actuator cannot do, after all was
        healed.
        """
        await self._performer.prepare(faults)
        try:
            while True:
                match next_action(self._left, self.now_s):
                    case Action() as action:
                        self._left = self._left[1:]
                        await self._take(action)
                    case Wait(until_s):
                        await self._until_changed(until_s - self.now_s)
                    case Finished():
                        await self._until_changed(None)
        finally:
            await self._performer.heal()

    async def _take(self, action: Action) -> None:
        name = action.fault.name
        if action.what == "end":
            self._ending.add(name)
        await self._performer.take(action)
        if action.what == "end":
            self._ending.discard(name)

    async def _until_changed(self, within_s: float | None) -> None:
        """Until the plan is another, or so many seconds are over."""
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._changed.wait())]
        if within_s is not None:
            waits.append(asyncio.ensure_future(self._sleep(within_s)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._changed.clear()
