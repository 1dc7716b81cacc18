"""How the rig's own processes are doing, once a second, into the conductor's record."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import httpx
import psutil

from harness.clock import Clock
from harness.cpu_wait import CpuWait
from harness.recorder import BlockBuffer, RecordFile
from harness.records import RigSample
from scenarios.server_process import ServerProcess, ServerStats

PERIOD_S = 1.0
LAG_PROBE_S = 0.1


class _Meter:
    """CPU of a process as a share of one core, since the last look."""

    def __init__(self, process: psutil.Process, now_s: float) -> None:
        self.process = process
        self._cpu_wait = CpuWait(process.pid, now_s)
        process.cpu_percent()

    def sample(self, name: str, t_s: float, loop_lag_s: float) -> RigSample:
        with self.process.oneshot():
            return RigSample(
                t_s=t_s,
                process=name,
                cpu_share=self.process.cpu_percent() / 100.0,
                loop_lag_s=loop_lag_s,
                rss_bytes=self.process.memory_info().rss,
                open_fds=self.process.num_fds(),
                cpu_wait_share=self._cpu_wait.share(t_s),
            )


async def watch_rig(
    server: ServerProcess,
    pids: Mapping[str, int],
    *,
    clock: Clock,
    buffer: BlockBuffer,
    file: RecordFile,
) -> None:
    """Sample the server, the processes of ``pids`` (by the name to record) and this one until
    cancelled. A process that is gone is left out: its end is noticed elsewhere."""
    conductor = _Meter(psutil.Process(), clock())
    others = {name: _Meter(psutil.Process(pid), clock()) for name, pid in pids.items()}
    before, looked_s, starts = await server.stats(), clock(), server.starts
    while True:
        lag_s = await _worst_lag(PERIOD_S, clock)
        now_s = clock()
        buffer.event(conductor.sample("conductor", now_s, lag_s))
        for name, meter in others.items():
            if meter.process.is_running():
                with suppress(psutil.NoSuchProcess):
                    buffer.event(meter.sample(name, now_s, 0.0))
        try:
            stats = await server.stats()
        except httpx.HTTPError:
            continue
        if server.starts != starts:  # another process, which has counted its CPU from its start
            before, looked_s, starts = stats, now_s, server.starts
            continue
        buffer.event(
            RigSample(
                t_s=now_s,
                process="server",
                cpu_share=(stats.cpu_s - before.cpu_s) / (now_s - looked_s),
                loop_lag_s=stats.loop_lag_s,
                rss_bytes=stats.rss_bytes,
                open_fds=stats.open_fds,
                cpu_wait_share=_waited(before, stats, now_s - looked_s),
            )
        )
        before, looked_s = stats, now_s
        file.append(buffer.drain())


def _waited(before: ServerStats, now: ServerStats, took_s: float) -> float | None:
    if before.cpu_wait_s is None or now.cpu_wait_s is None:
        return None
    return max(0.0, (now.cpu_wait_s - before.cpu_wait_s) / took_s)


async def _worst_lag(period_s: float, clock: Clock) -> float:
    """How late a timer of this event loop fires, at worst, over the period."""
    worst_s, end_s = 0.0, clock() + period_s
    while clock() < end_s:
        due_s = clock() + LAG_PROBE_S
        await asyncio.sleep(LAG_PROBE_S)
        worst_s = max(worst_s, clock() - due_s)
    return worst_s
