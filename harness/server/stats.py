"""How the server process itself is doing."""

from __future__ import annotations

import asyncio
import time

import msgspec
import psutil

from harness.clock import Clock
from harness.cpu_wait import cpu_wait_s
from harness.server.storage.model import Storage

_SAMPLE_EVERY_S = 0.05


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of the admin port's ``/stats``."""

    cpu_s: float
    """CPU seconds of the process since it started."""
    loop_lag_s: float
    """The worst delay of a timer since the last answer."""
    rss_bytes: int
    open_fds: int
    connections: int
    """Open Realtime sockets."""
    slow_readers_dropped: int
    changes_discarded: int
    """Committed changes that reached nobody because the plan's quota was used up."""
    storage: str
    """``ok``, or ``unavailable:`` and why, in one line; as the database was found last."""
    unique_key_holds: bool
    """Whether a repeated send finds its row (S5); not always at once after a turn of
    no-unique-key."""
    cpu_wait_s: float | None
    """Seconds in which its threads were ready and had no CPU; ``None``: unknown."""


class LoopLag:
    """Watches by how much the event loop is late."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._worst_s = 0.0

    async def run(self) -> None:
        """Sample for ever."""
        while True:
            due_s = self._clock() + _SAMPLE_EVERY_S
            await asyncio.sleep(_SAMPLE_EVERY_S)
            self._worst_s = max(self._worst_s, self._clock() - due_s)

    def take_worst_s(self) -> float:
        """The worst lag since the last call."""
        worst_s, self._worst_s = self._worst_s, 0.0
        return worst_s


def process_stats(
    lag: LoopLag,
    storage: Storage,
    *,
    connections: int,
    slow_readers_dropped: int,
    changes_discarded: int,
) -> Stats:
    """Sample the process now."""
    process = psutil.Process()
    trouble = storage.trouble
    return Stats(
        cpu_s=time.process_time(),
        loop_lag_s=lag.take_worst_s(),
        cpu_wait_s=cpu_wait_s(),
        rss_bytes=process.memory_info().rss,
        open_fds=process.num_fds(),
        connections=connections,
        slow_readers_dropped=slow_readers_dropped,
        changes_discarded=changes_discarded,
        storage="ok" if trouble is None else f"unavailable: {trouble}",
        unique_key_holds=storage.unique_key_holds,
    )
