"""``python -m benchmarks.layers``: what each layer of an emulated user adds to a delivery.

Several crowds of the same size stand in rooms of their own on one reference server, all of them in
one load process. Each crowd has one layer more of what a user of a run has; the last has all. In a
round each room gets the same number of messages, one room after the other, and the process's CPU
time is read before and after. So what a layer adds is a difference within one round of one process,
whatever else the machine does meanwhile. A part of ``make bench``; no Toxiproxy.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.server_rig import running

USERS = 500
MESSAGES_PER_S = 20.0
MESSAGES = 40
"""To each room in each round: 2 s."""
ROUNDS = 4
WRITER = 999_999
"""The user who writes; in no crowd."""
QUIET_S = 3600.0
"""Nobody sends a heartbeat or misses a message while another room has its turn."""

GOAL_US = 20.0
MOST_TIMES_KERNEL = 3.6
"""Bound of everything as a multiple of the event loop and ``recv`` alone (seen 2.4 to 2.6, each of
the two going up and down by a fifth on a machine with other work)."""


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """What one crowd is made of, compared with the one before it."""

    name: str
    adds: str


LAYERS = (
    Layer(name="kernel", adds="event loop and recv"),
    Layer(name="frame", adds="WebSocket: cut the bytes into messages"),
    Layer(name="decode", adds="Phoenix and JSON, once for a room"),
    Layer(name="session", adds="driver, channel, timers (an UPDATE that the page ignores)"),
    Layer(name="list", adds="the message list and the cursor"),
    Layer(name="record", adds="24 bytes in the run's record, and the file"),
    Layer(name="statistics", adds="Locust's statistics"),
)


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One round, by layer."""

    cpu_us_per_delivery: tuple[float, ...]


class Rounds(msgspec.Struct, frozen=True, kw_only=True):
    """What the load process reports."""

    users: int
    deliveries_per_room: int
    frame_bytes: float
    rounds: tuple[Round, ...]


class LayerCost(msgspec.Struct, frozen=True, kw_only=True):
    """Medians over the rounds."""

    layer: str
    cpu_us_per_delivery: float
    """With this layer and all before it."""
    least_us: float
    most_us: float
    adds_us: float
    """The median of the differences to the layer before, each within a round."""


class LayersCost(msgspec.Struct, frozen=True, kw_only=True):
    """The layers, and under which conditions they were measured."""

    users: int
    messages_per_s: float
    frame_bytes: float
    rounds: int
    cores: int
    python: str
    system: str
    load_average: tuple[float, float]
    """Of one minute, before and after; ours included."""
    layers: tuple[LayerCost, ...]

    @property
    def cpu_us_per_delivery(self) -> float:
        """With everything on."""
        return self.layers[-1].cpu_us_per_delivery

    @property
    def times_kernel(self) -> float:
        """Everything, as a multiple of the event loop and ``recv``: what can be compared."""
        return self.cpu_us_per_delivery / self.layers[0].cpu_us_per_delivery

    @property
    def holds(self) -> bool:
        return self.times_kernel <= MOST_TIMES_KERNEL


def costs(rounds: Sequence[Round]) -> tuple[LayerCost, ...]:
    """The medians, layer by layer."""
    found = []
    for number, layer in enumerate(LAYERS):
        all_us = [one.cpu_us_per_delivery[number] for one in rounds]
        before_us = [one.cpu_us_per_delivery[number - 1] if number else 0.0 for one in rounds]
        found.append(
            LayerCost(
                layer=layer.name,
                cpu_us_per_delivery=median(all_us),
                least_us=min(all_us),
                most_us=max(all_us),
                adds_us=median(a - b for a, b in zip(all_us, before_us, strict=True)),
            )
        )
    return tuple(found)


def measure() -> LayersCost:
    """Takes a minute and a half."""
    load_before = os.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory(prefix="chatquake-bench-") as folder,
        running(Path(folder), "--knob", f"idle_timeout_s={QUIET_S}") as server,
    ):
        ports = (str(server.ports.realtime_port), str(server.ports.api_port))
        command = [sys.executable, "-m", "benchmarks.layers_load", *ports]
        answer = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    seen = msgspec.json.decode(answer, type=Rounds)
    return LayersCost(
        users=seen.users,
        messages_per_s=MESSAGES_PER_S,
        frame_bytes=seen.frame_bytes,
        rounds=len(seen.rounds),
        cores=os.cpu_count() or 0,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release().split('-')[0]}",
        load_average=(load_before, os.getloadavg()[0]),
        layers=costs(seen.rounds),
    )


def table(cost: LayersCost) -> Table:
    """For people."""
    before, after = cost.load_average
    shown = Table(
        title=f"A delivery to an emulated user, layer by layer (goal: {GOAL_US:g} µs in all)",
        caption=f"{cost.users:,} users in a room, {cost.messages_per_s:g} messages a second of "
        f"{cost.frame_bytes:.0f} bytes, one at a time; medians of {cost.rounds} rounds; "
        f"{cost.cores} cores, Python {cost.python}, {cost.system}, load {before:.1f} to "
        f"{after:.1f}. All / kernel: {cost.times_kernel:.2f} (at most {MOST_TIMES_KERNEL:g})",
        title_justify="left",
        caption_justify="left",
    )
    shown.add_column("layer")
    shown.add_column("adds")
    for name in ("adds", "of all", "so far", "least to most"):
        shown.add_column(name, justify="right")
    for layer, one in zip(LAYERS, cost.layers, strict=True):
        shown.add_row(
            layer.name,
            layer.adds,
            f"{one.adds_us:.2f} µs",
            f"{one.adds_us / cost.cpu_us_per_delivery:.0%}",
            f"{one.cpu_us_per_delivery:.2f} µs",
            f"{one.least_us:.1f} to {one.most_us:.1f}",
        )
    return shown


def main() -> int:
    cost = measure()
    Console(width=110).print(table(cost))
    print(msgspec.json.encode(cost).decode())
    return 0 if cost.holds else 1


if __name__ == "__main__":
    sys.exit(main())
