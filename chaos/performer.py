"""Takes single actions of a plan: what those who decide when (director, switchboard) share.

Every change is confirmed by the part of the rig that plays it, and told as history, one entry a
step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from chaos.actuators.model import Actuator, Changes
from chaos.faults.model import Means
from chaos.faults.schedule import ScheduledFault
from chaos.history import HistoryEntry, Step
from chaos.timeline import Action
from harness.clock import Clock
from harness.errors import RigError

Report = Callable[[HistoryEntry], None]


class Performer:
    """Begins, changes and ends faults, one action after the other.

    ``actuators`` play them, each on its part of the rig. ``clock`` gives host-monotonic seconds.
    Every step is told to ``report`` at once.
    """

    def __init__(
        self, actuators: Mapping[Means, Actuator], *, clock: Clock, report: Report
    ) -> None:
        self._actuators = actuators
        self._clock = clock
        self._report = report
        self._on: dict[str, tuple[ScheduledFault, Changes]] = {}
        """By name, what each fault that was begun changes now."""

    @property
    def on(self) -> tuple[ScheduledFault, ...]:
        """Those that were begun, from before their first change until after their last."""
        return tuple(fault for fault, _ in self._on.values())

    async def prepare(self, faults: Sequence[ScheduledFault]) -> None:
        """Have every part of the rig leave no trace of earlier faults and be fit for these.

        Raises :class:`RigError`.
        """
        for means, actuator in self._actuators.items():
            await actuator.prepare(tuple(each for each in faults if each.fault.means == means))

    async def take(self, action: Action) -> None:
        """Do it now. Raises :class:`RigError` where an actuator cannot; the fault it happened to
        then has a ``problem`` in the history, and is still to be healed."""
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

    async def heal(self) -> None:
        """Heal what is still on, however far it got.

        A failure here is told as a problem of each fault concerned. It is not raised: the error
        or cancellation that led here must stay the one that is seen.
        """
        on = self.on
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

    async def _change(self, action: Action) -> None:
        fault = action.fault
        _, before = self._on[fault.name]
        await self._actuators[fault.fault.means].change(fault, before, action.changes)
        self._on[fault.name] = (fault, action.changes)

    def _tell(self, fault: ScheduledFault, what: Step, detail: str = "") -> None:
        self._report(HistoryEntry(t_s=self._clock(), fault=fault.name, what=what, detail=detail))
