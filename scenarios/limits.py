"""How many users this machine holds, and how many Toxiproxies a run needs.

The arithmetic is pure; :func:`machine_here` and :func:`raise_fd_limit` alone look at the system.
"""

from __future__ import annotations

import os
import resource
from math import ceil
from pathlib import Path

import msgspec

from harness.errors import UsageError

FDS_A_USER = 2
"""In the load process, and in the reference server: the WebSocket and the API connection. There may
be several load processes and there is one server, so that it decides."""
PROXY_FDS_A_USER = 4
"""In Toxiproxy, and in the relay behind it: each of the two connections has a socket to the client
and one to the server."""
SPARE_FDS = 500
"""Kept in each process for files, logs, the canary and the runtime."""

CPU_US_A_DELIVERY = 105.0
"""Load, server and Toxiproxy together, rooms of 50 (``make bench``; docs/how-it-works.md)."""
DELIVERIES_A_USER = 5.0
"""A second: a busy room of 50 with five messages a second shows each user 5."""
CPU_USED = 0.6
"""Of all cores; the rest is for bursts, and for what else the machine does."""

_MOST_FDS = 200_000
"""More than any run here has use for; "unlimited" is no number that every system takes."""

_BY_FDS = f"{FDS_A_USER} file descriptors a user in the server (WebSocket and API)"
_BY_PORTS = "one ephemeral port a user and destination"
_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine lets us have."""

    fd_limit: int
    """File descriptors, for each process."""
    ephemeral_ports: int
    """That a client may use towards one destination."""
    cores: int

    @property
    def free_fds(self) -> int:
        return max(0, self.fd_limit - SPARE_FDS)

    @property
    def users_a_lane(self) -> int:
        """How many users one Toxiproxy holds, or one relay."""
        return self.free_fds // PROXY_FDS_A_USER


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """How many users fit, by each thing that may run out."""

    by_fds: int
    by_ports: int
    by_cpu: int
    """At :data:`DELIVERIES_A_USER`; in quieter rooms more."""
    users_a_toxiproxy: int
    """No limit: a run starts as many as it needs."""
    users: int
    """The least of the limits."""
    because: str
    """Which one that is, in words."""


def capacity(machine: Machine) -> Capacity:
    """How many users fit, in one load process.

    A port may be used once for each destination. Both connections of a user go to different ports
    everywhere, so a user needs one ephemeral port, not two; but however many Toxiproxies there are,
    all of them connect to the same two ports of the server.
    """
    by_fds, by_ports = machine.free_fds // FDS_A_USER, machine.ephemeral_ports
    by_cpu = int(machine.cores * CPU_USED * 1e6 / (CPU_US_A_DELIVERY * DELIVERIES_A_USER))
    users, because = min(
        (by_fds, _BY_FDS),
        (by_ports, _BY_PORTS),
        (by_cpu, f"CPU, at {DELIVERIES_A_USER:g} deliveries a second for each user"),
    )
    return Capacity(
        by_fds=by_fds,
        by_ports=by_ports,
        by_cpu=by_cpu,
        users_a_toxiproxy=machine.users_a_lane,
        users=users,
        because=because,
    )


def check_room(users: int, machine: Machine) -> None:
    """Refuse a run that must fail for want of descriptors or ports. CPU is no such limit: what a
    busy machine does to a run, its rig check says.

    Raises :class:`UsageError` with the number of users that would fit.
    """
    fits = capacity(machine)
    if users <= min(fits.by_fds, fits.by_ports):
        return
    if fits.by_fds <= fits.by_ports:
        most, limit = fits.by_fds, _BY_FDS
        has = f"{machine.fd_limit:,} a process, {SPARE_FDS} of them kept free (more: ulimit -n)"
    else:
        most, limit = fits.by_ports, _BY_PORTS
        has = f"{machine.ephemeral_ports:,} (more: sysctl net.ipv4.ip_local_port_range)"
    raise UsageError(
        f"load.users: {users:,} do not fit on this machine, {most:,} would; the limit is {limit}, "
        f"of {has}"
    )


def lanes_needed(users: int, machine: Machine) -> int:
    """How many Toxiproxies hold so many users."""
    return max(1, ceil(users / max(1, machine.users_a_lane)))


def machine_here() -> Machine:
    """As it is set up now."""
    return Machine(
        fd_limit=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        ephemeral_ports=ephemeral_ports(_PORT_RANGE),
        cores=os.cpu_count() or 1,
    )


def raise_fd_limit() -> None:
    """Let this process, and those that it starts, have as many file descriptors as it may give
    itself: many systems begin with 1,024 of them and allow far more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FDS if hard == resource.RLIM_INFINITY else min(hard, _MOST_FDS)
    if wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def ephemeral_ports(setting: Path) -> int:
    """How many ports a client may use; IANA's range where the system does not say."""
    try:
        first, last = setting.read_text(encoding="ascii").split()
        return int(last) - int(first) + 1
    except (OSError, ValueError):
        return 65_535 - 49_152 + 1
