"""Plays a timeline: the only part of the chaos side that waits for moments.

It has every part of the rig reset before, every change confirmed, and all healed however it ends.
What was done goes out as history, one entry a step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from chaos.actuators.model import Actuator, Changes
from chaos.faults.model import Means
from chaos.faults.schedule import ScheduledFault
from chaos.history import HistoryEntry, Step
from chaos.timeline import Action, Finished, Wait, next_action
from harness.clock import Clock
from harness.errors import RigError

Report = Callable[[HistoryEntry], None]
Sleep = Callable[[float], Awaitable[None]]


class Director:
    """Applies and heals the faults of one run.

    ``actuators`` play them, each on its part of the rig. ``clock`` gives host-monotonic seconds
    and ``sleep`` waits on the same time. Every step is told to ``report`` at once. Use it once:
    :meth:`play` is its whole life.
    """

    def __init__(
        self,
        actuators: Mapping[Means, Actuator],
        *,
        clock: Clock,
        report: Report,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._actuators = actuators
        self._clock = clock
        self._sleep = sleep
        self._report = report
        self._on: dict[str, tuple[ScheduledFault, Changes]] = {}
        """By name, what each fault that was begun changes now."""

    async def play(self, actions: Sequence[Action], *, load_begins_at_s: float) -> None:
        """Take every action of a plan (``chaos.timeline.plan``) at its moment, then return.

        ``load_begins_at_s`` is host-monotonic and time zero of the plan. Raises
        :class:`RigError` at the first thing that an actuator cannot do, after all was healed;
        the fault it happened to has a ``problem`` in the history. On cancellation it heals too.
        """
        for means, actuator in self._actuators.items():
            concerned = {a.fault.name: a.fault for a in actions if a.fault.fault.means == means}
            await actuator.prepare(tuple(concerned.values()))
        try:
            left = tuple(actions)
            while True:
                match next_action(left, self._clock() - load_begins_at_s):
                    case Action() as action:
                        left = left[1:]
                        await self._take(action)
                    case Wait(until_s):
                        await self._sleep(load_begins_at_s + until_s - self._clock())
                    case Finished():
                        return
        finally:
            if self._on:
                await self._clean_up()

    async def _take(self, action: Action) -> None:
        fault = action.fault
        try:
            match action.what:
                case "begin":
                    self._on[fault.name] = (fault, ())
                    self._tell(fault, "requested")
                    await self._change(action)
                    self._tell(fault, "applied")
                case "change":
                    await self._change(action)
                    self._tell(fault, "changed")
                case "end":
                    self._tell(fault, "heal_requested")
                    await self._change(action)
                    del self._on[fault.name]
                    self._tell(fault, "heal_applied")
        except RigError as error:
            self._tell(fault, "problem", str(error))
            raise

    async def _change(self, action: Action) -> None:
        fault = action.fault
        _, before = self._on[fault.name]
        await self._actuators[fault.fault.means].change(fault, before, action.changes)
        self._on[fault.name] = (fault, action.changes)

    async def _clean_up(self) -> None:
        """Heal what is still on.

        A failure here is told as a problem of each fault concerned. It is not raised: the error
        or cancellation that led here must stay the one that is seen.
        """
        on = [fault for fault, _ in self._on.values()]
        for fault in on:
            self._tell(fault, "heal_requested")
        for means, actuator in self._actuators.items():
            concerned = [fault for fault in on if fault.fault.means == means]
            if not concerned:
                continue
            try:
                await actuator.heal()
            except RigError as error:
                for fault in concerned:
                    self._tell(fault, "problem", f"not healed at the end of the run: {error}")
            else:
                for fault in concerned:
                    self._tell(fault, "heal_applied")
        self._on.clear()

    def _tell(self, fault: ScheduledFault, what: Step, detail: str = "") -> None:
        self._report(HistoryEntry(t_s=self._clock(), fault=fault.name, what=what, detail=detail))
