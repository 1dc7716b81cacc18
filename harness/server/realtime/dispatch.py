"""From the commit to the room logic: in commit order, as late as a knob says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from harness.clock import Clock
from harness.server.defects import Defect
from harness.server.storage.model import Change
from harness.server.switches import Switches

LOSE_EVERY = 20
"""The defect ``event-lost`` loses one INSERT of so many."""


class Dispatch:
    """Hands committed changes on. Lives on the event loop; :meth:`run` must be running."""

    def __init__(self, sink: Callable[[Change], None], switches: Switches, clock: Clock) -> None:
        self._sink = sink
        self._switches = switches
        self._clock = clock
        self._inserts = 0
        self._waiting: asyncio.Queue[tuple[Change, ...]] = asyncio.Queue()

    def committed(self, changes: tuple[Change, ...]) -> None:
        """Take changes that have just become durable."""
        self._waiting.put_nowait(changes)

    async def run(self) -> None:
        """Dispatch for ever."""
        while True:
            changes = await self._waiting.get()
            delay_s = self._switches.knobs.dispatch_delay_s
            early_s = changes[0].commit.committed_s + delay_s - self._clock()
            if delay_s > 0 and early_s > 0:
                await asyncio.sleep(early_s)
            for change in changes:
                if not self._lost(change):
                    self._sink(change)

    def _lost(self, change: Change) -> bool:
        if change.commit.op != "INSERT":
            return False
        self._inserts += 1
        lost = self._switches.has(Defect.EVENT_LOST)
        return lost and self._inserts % LOSE_EVERY == 0
