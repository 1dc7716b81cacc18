"""Faults in the browser: the users' own processes play them, by their plans.

The director says when such a fault begins and ends, and no more: whether it did, in which browsers,
and when, is read from the users' records after the run (``chaos.browsers``).
"""

from __future__ import annotations

from collections.abc import Sequence

from chaos.actuators.model import Changes
from chaos.faults.schedule import ScheduledFault


class PlannedInBrowsers:
    """An :class:`~chaos.actuators.model.Actuator` with nothing to do: the acts are planned."""

    async def prepare(self, faults: Sequence[ScheduledFault]) -> None:
        """Every process that carries users has the plan from the start."""

    async def change(self, fault: ScheduledFault, before: Changes, now: Changes) -> None:
        """The users do it themselves."""

    async def heal(self) -> None:
        """A run that is cut short ends its users, and with them what was in their browsers."""
