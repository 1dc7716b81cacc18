"""The poller: from the commit to the room logic, as late as the cadence says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from harness.clock import Clock
from harness.server.defects import Defect
from harness.server.realtime.changes.cadence import Cadence
from harness.server.realtime.changes.event_defects import EventDefects, rebroadcast
from harness.server.storage.model import Change
from harness.server.switches import Switches
from harness.wire.changes import MessageRow

Sink = Callable[[Change], bool]
"""Sends a change to those who listen; says whether there was anybody."""


class Poller:
    """Hands committed changes on. Lives on the event loop; :meth:`run` must be running."""

    def __init__(self, sink: Sink, switches: Switches, clock: Clock, *, seed: int = 0) -> None:
        self._sink = sink
        self._switches = switches
        self._clock = clock
        self._cadence = Cadence(switches, Random(seed))
        self._defects = EventDefects(switches)
        self._woken = asyncio.Event()
        switches.watch(self._turned)

    def committed(self, changes: tuple[Change, ...]) -> None:
        """Take changes that have just become durable."""
        was_idle = self._cadence.due_s is None
        self._cadence.committed(changes, self._clock())
        if was_idle:
            self._woken.set()

    def repeated(self, row: MessageRow) -> None:
        """Take notice that a repeated send was answered with a row that was already there."""
        if self._switches.has(Defect.REBROADCAST_ON_RETRY):
            self.committed((rebroadcast(row, self._clock()),))

    async def run(self) -> None:
        """Poll for ever."""
        while True:
            due_s = self._due_s()
            if due_s is not None and due_s <= self._clock():
                self._poll(self._clock())
                await asyncio.sleep(0)  # sockets get their turn between two reads
                continue
            self._woken.clear()
            delay_s = None if due_s is None else due_s - self._clock()
            try:
                async with asyncio.timeout(delay_s):
                    await self._woken.wait()
            except TimeoutError:
                pass  # it is due

    def _turned(self) -> None:
        self._cadence.turned(self._clock())
        self._woken.set()

    def _due_s(self) -> float | None:
        dues = (self._cadence.due_s, self._defects.due_s)
        return min((one for one in dues if one is not None), default=None)

    def _poll(self, now_s: float) -> None:
        due_s = self._cadence.due_s
        reads = due_s is not None and due_s <= now_s
        interested = False
        for change in self._defects.passed(self._cadence.read(now_s), now_s):
            interested = self._sink(change) or interested
        if reads:
            self._cadence.done(interested=interested, now_s=now_s)
