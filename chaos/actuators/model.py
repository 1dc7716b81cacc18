"""What the director asks of whatever plays a fault."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from chaos.faults.model import Change
from chaos.faults.schedule import ScheduledFault

Changes = tuple[Change, ...]


class Actuator(Protocol):
    """Plays faults on one part of the rig. A call returns when the part itself has confirmed the
    change, within a time limit, and raises :class:`~harness.errors.RigError` where it cannot."""

    async def prepare(self, faults: Sequence[ScheduledFault]) -> None:
        """Before the run: leave no trace of an earlier one, and see that all is there that these
        faults need."""
        ...

    async def change(self, fault: ScheduledFault, before: Changes, now: Changes) -> None:
        """Go from what the fault changed until now to what it is to change."""
        ...

    async def heal(self) -> None:
        """Undo all faults at once, however far their changes got."""
        ...
