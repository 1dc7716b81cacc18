"""``python -m benchmarks.relay``: what the relay costs beside a direct connection.

One sender gives frames to many receivers at a fixed pace, and a caller sends small requests to and
fro, once directly and once through the relay. The relay's CPU is set against what it costs to do
nothing but send (``benchmarks.server_floor`` is the sender), so that the ratio belongs less to the
machine. Prints a table and a line of JSON; exits 1 where that ratio is above its bound. The time of
a call is told and not judged: a busy neighbour doubles it.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from asyncio.subprocess import Process
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import cast

import msgspec
import psutil
import uvloop
from rich.console import Console
from rich.table import Table

from chaos.relay.listener import Route
from chaos.relay.process import RelayProcess, relay

RECEIVERS = 500
ROUNDS = 200
ROUNDS_PER_S = 20.0
FRAME_BYTES = 777
"""A row of a chat message in Phoenix's second serializer."""
CALLS = 3_000
MOST_TIMES_SENDING = 3.5
_OPENING = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n"
_HOST = "127.0.0.1"


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured."""

    deliveries: int
    sending_cpu_us: float
    """Of a process that only sends, a delivery."""
    relay_cpu_us: float
    """Of the relay, a delivery."""
    memory_kb: float
    """Of the relay, a connection that carries these."""
    direct_call_us: float
    """Median time of a call of 100 bytes and its answer."""
    relayed_call_us: float

    @property
    def to_sending(self) -> float:
        return self.relay_cpu_us / self.sending_cpu_us

    @property
    def to_direct(self) -> float:
        return self.relayed_call_us / self.direct_call_us

    @property
    def holds(self) -> bool:
        return self.to_sending <= MOST_TIMES_SENDING


class _Counter(asyncio.Protocol):
    """Says its opening and counts bytes."""

    received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(_OPENING)

    def data_received(self, data: bytes) -> None:
        self.received += len(data)


class _Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


async def measure() -> Cost:
    with tempfile.TemporaryDirectory(prefix="chatquake-bench-") as folder:
        return await _measure(Path(folder))


async def _measure(folder: Path) -> Cost:
    loop = asyncio.get_running_loop()
    options = (str(RECEIVERS), str(ROUNDS), str(FRAME_BYTES), str(ROUNDS_PER_S))
    sender = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.server_floor", *options), stdout=subprocess.PIPE
    )
    assert sender.stdout is not None
    sends = int(await sender.stdout.readline())
    echo = await loop.create_server(_Echo, _HOST, 0)
    echoes: int = echo.sockets[0].getsockname()[1]
    routes = (
        Route(name="sends", host=_HOST, port=sends),
        Route(name="echoes", host=_HOST, port=echoes),
    )
    async with AsyncExitStack() as stack:
        stack.callback(_kill, sender)
        relayed = await stack.enter_async_context(relay(routes, folder / "relay.log"))
        direct_call_us = await _call_us(echoes)
        relayed_call_us = await _call_us(relayed.ports["echoes"])
        cpu_s, memory_bytes = await _receive(relayed)
        sending_cpu_s = float(await sender.stdout.readline())
        await sender.wait()
    deliveries = RECEIVERS * ROUNDS
    return Cost(
        deliveries=deliveries,
        sending_cpu_us=sending_cpu_s / deliveries * 1e6,
        relay_cpu_us=cpu_s / deliveries * 1e6,
        memory_kb=memory_bytes / RECEIVERS / 1000,
        direct_call_us=direct_call_us,
        relayed_call_us=relayed_call_us,
    )


def _kill(process: Process) -> None:
    if process.returncode is None:
        process.kill()


async def _receive(relayed: RelayProcess) -> tuple[float, float]:
    """All that the sender sends, through the relay; its CPU seconds and growth in bytes."""
    loop = asyncio.get_running_loop()
    process = psutil.Process(relayed.pid)
    before_s, before_bytes = _cpu_s(process), process.memory_info().rss
    counters: list[_Counter] = []
    for _ in range(RECEIVERS):
        _, counter = await loop.create_connection(_Counter, _HOST, relayed.ports["sends"])
        counters.append(counter)
    while any(counter.received < ROUNDS * FRAME_BYTES for counter in counters):
        await asyncio.sleep(0.1)
    return _cpu_s(process) - before_s, process.memory_info().rss - before_bytes


async def _call_us(port: int) -> float:
    reader, writer = await asyncio.open_connection(_HOST, port)
    call = _OPENING.ljust(100, b".")
    times_s = []
    for _ in range(CALLS):
        begin_s = time.perf_counter()
        writer.write(call)
        await reader.readexactly(len(call))
        times_s.append(time.perf_counter() - begin_s)
    writer.close()
    return median(times_s) * 1e6


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def table(cost: Cost) -> Table:
    table = Table(title=f"Cost of the relay, {RECEIVERS} receivers", title_justify="left")
    for column in ("figure", "direct", "relay", "ratio"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    table.add_row(
        f"CPU a delivery of {FRAME_BYTES} bytes, beside only sending it",
        f"{cost.sending_cpu_us:.1f} µs",
        f"{cost.relay_cpu_us:.1f} µs",
        f"{cost.to_sending:.2f} (at most {MOST_TIMES_SENDING:g})",
    )
    table.add_row(
        "a call of 100 bytes and back, median",
        f"{cost.direct_call_us:.0f} µs",
        f"{cost.relayed_call_us:.0f} µs",
        f"{cost.to_direct:.2f}",
    )
    table.add_row("memory a connection", "", f"{cost.memory_kb:.1f} KB", "")
    return table


def main() -> int:
    cost = uvloop.run(measure())
    Console(width=110).print(table(cost))
    print(msgspec.json.encode(cost).decode())
    return 0 if cost.holds else 1


if __name__ == "__main__":
    sys.exit(main())
