"""Plays a timeline: the part of the chaos side that waits for the moments of a plan.

It has every part of the rig reset before, every change confirmed, and all healed however it ends.
What was done goes out as history, one entry a step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from chaos.actuators.model import Actuator
from chaos.faults.model import Means
from chaos.performer import Performer, Report
from chaos.timeline import Action, Finished, Wait, next_action
from harness.clock import Clock

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
        self._performer = Performer(actuators, clock=clock, report=report)
        self._clock = clock
        self._sleep = sleep

    async def play(self, actions: Sequence[Action], *, load_begins_at_s: float) -> None:
        """Take every action of a plan (``chaos.timeline.plan``) at its moment, then return.

        ``load_begins_at_s`` is host-monotonic and time zero of the plan. Raises
        :class:`RigError` at the first thing that an actuator cannot do, after all was healed;
        the fault it happened to has a ``problem`` in the history. On cancellation it heals too.
        """
        faults = {action.fault.name: action.fault for action in actions}
        await self._performer.prepare(tuple(faults.values()))
        try:
            left = tuple(actions)
            while True:
                match next_action(left, self._clock() - load_begins_at_s):
                    case Action() as action:
                        left = left[1:]
                        await self._performer.take(action)
                    case Wait(until_s):
                        await self._sleep(load_begins_at_s + until_s - self._clock())
                    case Finished():
                        return
        finally:
            await self._performer.heal()
