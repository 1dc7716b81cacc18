"""``python -m benchmarks.server``: what the reference server costs alone.

No emulated client, recorder or Toxiproxy: only the server in a process of its own, and clients
that cost next to nothing in this one. A part of ``make bench``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.server_clients import Caller, Crowd, call, crowd, crowd_of_readers
from benchmarks.server_rig import BenchServer, running

ROOMS = ((500, 20.0), (2000, 5.0))
"""Receivers, and messages a second."""
ROOM_S = 6.0
CONNECTIONS = 10_000
CALLERS = 128
CALLS_S = 6.0
_ROOM, _EMPTY_ROOM = 42, 43
BODY = "x" * 115
"""Makes a frame of some 780 bytes."""

DELIVERY_GOAL_US = 10.0
MOST_TIMES_FLOOR = 2.1
"""Bound of a delivery alone as a multiple of a bare send: a quarter above the highest seen."""
MEMORY_GOAL_KB = 60.0
CREATES_GOAL_PER_S = 2000.0
MOST_TIMES_HEALTH = 6.5
"""Bound of a durable message's CPU as a multiple of an empty answer's."""


class RoomCost(msgspec.Struct, frozen=True, kw_only=True):
    """A room in which every message reaches everybody."""

    receivers: int
    deliveries: int
    frame_bytes: float
    cpu_us_per_delivery: float
    """All that the server did meanwhile: making the messages durable is a part of it."""
    cpu_us_per_unheard: float
    """The same for a message that reaches nobody, at the same rate."""
    floor_us_per_delivery: float
    """One send of as many bytes, and nothing else, at the same rate."""
    times_floor: float
    """A delivery without its share of the message, as a multiple of that."""
    worst_loop_lag_s: float


class ServerCost(msgspec.Struct, frozen=True, kw_only=True):
    """What the reference server costs alone."""

    rooms: tuple[RoomCost, ...]
    connections: int
    memory_kb_per_connection: float
    cpu_us_per_join: float
    """From the first byte of a connection to ``system ok``."""
    creates_per_s: float
    cpu_us_per_create: float
    cpu_us_per_health: float
    """An answer of the same port that does nothing."""
    times_health: float

    @property
    def holds(self) -> bool:
        """Whether what can be compared between machines is in its bounds."""
        return (
            all(room.times_floor <= MOST_TIMES_FLOOR for room in self.rooms)
            and self.memory_kb_per_connection <= MEMORY_GOAL_KB
            and self.times_health <= MOST_TIMES_HEALTH
        )


def measure() -> ServerCost:
    """Takes about a minute."""
    rooms = tuple(_room(receivers, per_s) for receivers, per_s in ROOMS)
    with _server() as server:
        before = server.stats()
        with crowd(server, [1 + number // 500 for number in range(CONNECTIONS)]):
            full = server.stats()
    assert full.connections == CONNECTIONS
    with _server() as server:
        callers = [Caller(server.ports.api_port, user) for user in range(CALLERS)]
        health_us, _ = _calls(server, callers, creating=False)
        create_us, creates_per_s = _calls(server, callers, creating=True)
        for caller in callers:
            caller.close()
    return ServerCost(
        rooms=rooms,
        connections=CONNECTIONS,
        memory_kb_per_connection=(full.rss_bytes - before.rss_bytes) / CONNECTIONS / 1024,
        cpu_us_per_join=1e6 * (full.cpu_s - before.cpu_s) / CONNECTIONS,
        creates_per_s=creates_per_s,
        cpu_us_per_create=create_us,
        cpu_us_per_health=health_us,
        times_health=create_us / health_us,
    )


@contextmanager
def _server() -> Iterator[BenchServer]:
    with (
        tempfile.TemporaryDirectory(prefix="chatquake-bench-") as folder,
        running(Path(folder)) as server,
    ):
        yield server


def _room(receivers: int, per_s: float) -> RoomCost:
    messages = int(ROOM_S * per_s)
    with (
        _server() as server,
        crowd(server, [_ROOM] * receivers) as members,
        closing(Caller(server.ports.api_port, user=receivers)) as writer,
    ):
        unheard_s, _ = _post(server, members, writer, _EMPTY_ROOM, per_s)
        heard_s, lag_s = _post(
            server, members, writer, _ROOM, per_s, deliveries=messages * receivers
        )
    frame_bytes = members.bytes / members.frames
    floor_us = _floor_us(receivers, per_s, messages, round(frame_bytes))
    return RoomCost(
        receivers=receivers,
        deliveries=members.frames,
        frame_bytes=frame_bytes,
        cpu_us_per_delivery=1e6 * heard_s / members.frames,
        cpu_us_per_unheard=1e6 * unheard_s / messages,
        floor_us_per_delivery=floor_us,
        times_floor=1e6 * (heard_s - unheard_s) / members.frames / floor_us,
        worst_loop_lag_s=lag_s,
    )


def _post(
    server: BenchServer,
    members: Crowd,
    writer: Caller,
    room: int,
    per_s: float,
    *,
    deliveries: int = 0,
) -> tuple[float, float]:
    """CPU seconds and worst loop lag of the server while messages come at a rate."""
    messages = int(ROOM_S * per_s)
    before_s, begin_s = server.stats().cpu_s, time.monotonic()
    for number in range(messages):
        members.read_until(begin_s + number / per_s)
        writer.ask_create(room, BODY)
        while not writer.read():
            pass
    members.read_until(begin_s + messages / per_s)
    members.read_frames(deliveries)
    after = server.stats()
    return after.cpu_s - before_s, after.loop_lag_s


def _floor_us(receivers: int, per_s: float, messages: int, frame_bytes: int) -> float:
    numbers = [str(number) for number in (receivers, messages, frame_bytes, per_s)]
    command = [sys.executable, "-m", "benchmarks.server_floor", *numbers]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with crowd_of_readers(port, receivers) as members:
            members.read_until(time.monotonic() + messages / per_s + 0.5)
            cpu_s = float(process.stdout.readline())
    return 1e6 * cpu_s / messages / receivers


def _calls(server: BenchServer, callers: list[Caller], *, creating: bool) -> tuple[float, float]:
    """CPU microseconds an answer, and answers a second."""
    before, begin_s = server.stats(), time.monotonic()
    if creating:
        answers = call(callers, lambda caller: caller.ask_create(_ROOM, BODY), CALLS_S)
    else:
        answers = call(callers, Caller.ask_health, CALLS_S / 2)
    after, end_s = server.stats(), time.monotonic()
    return 1e6 * (after.cpu_s - before.cpu_s) / answers, answers / (end_s - begin_s)


def table(cost: ServerCost) -> Table:
    """For people."""
    shown = Table(title="Cost of the reference server alone", title_justify="left")
    shown.add_column("figure")
    shown.add_column("seen", justify="right")
    shown.add_column("goal", justify="right")
    shown.add_column("bound", justify="right")
    for room in cost.rooms:
        which = f"room of {room.receivers:,}"
        goal = f"{DELIVERY_GOAL_US:g} µs"
        shown.add_row(f"{which}: CPU a delivery", f"{room.cpu_us_per_delivery:.1f} µs", goal, "")
        unheard = f"{room.cpu_us_per_unheard:.0f} µs"
        shown.add_row(f"{which}: CPU a message that nobody hears", unheard, "", "")
        shown.add_row(f"{which}: a bare send", f"{room.floor_us_per_delivery:.1f} µs", "", "")
        bound = f"{MOST_TIMES_FLOOR:g}"
        shown.add_row(f"{which}: delivery alone / bare send", f"{room.times_floor:.2f}", "", bound)
        shown.add_row(f"{which}: worst loop lag", f"{room.worst_loop_lag_s * 1000:.0f} ms", "", "")
    memory, most = f"{cost.memory_kb_per_connection:.1f} KB", f"{MEMORY_GOAL_KB:g} KB"
    shown.add_row(f"memory a connection, {cost.connections:,} of them", memory, most, most)
    shown.add_row("CPU a connection and join", f"{cost.cpu_us_per_join:.0f} µs", "", "")
    creates, goal = f"{cost.creates_per_s:,.0f}", f"{CREATES_GOAL_PER_S:,.0f}"
    shown.add_row("durable messages a second through the API", creates, goal, "")
    shown.add_row("CPU a durable message", f"{cost.cpu_us_per_create:.0f} µs", "", "")
    shown.add_row("CPU an empty answer", f"{cost.cpu_us_per_health:.0f} µs", "", "")
    times, bound = f"{cost.times_health:.2f}", f"{MOST_TIMES_HEALTH:g}"
    shown.add_row("durable message / empty answer", times, "", bound)
    return shown


def main() -> int:
    cost = measure()
    Console(width=110).print(table(cost))
    print(msgspec.json.encode(cost).decode())
    return 0 if cost.holds else 1


if __name__ == "__main__":
    sys.exit(main())
