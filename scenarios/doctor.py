"""What is installed here, and how many users this machine can hold.

The arithmetic is pure (:func:`capacity`); :func:`examine` only looks.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Literal

import msgspec
from rich.table import Table
from rich.text import Text

from chaos.toxiproxy.install import ToxiproxySettings, cached_binary, find_toxiproxy
from chaos.toxiproxy.release import PINNED_VERSION, is_accepted
from chaos.toxiproxy.ways import WayClosed, this_machine, version_of
from harness.errors import ChatquakeError

PACKAGES = (
    "chatquake",
    "locust",
    "gevent",
    "geventhttpclient",
    "websockets",
    "msgspec",
    "uvicorn",
    "starlette",
    "pandas",
    "matplotlib",
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")

LOAD_FDS_A_USER = 2
"""In the load process: the WebSocket and the API connection."""
PROXY_FDS_A_USER = 4
"""In Toxiproxy: each of the two connections has a socket to the client and one to the server."""
SPARE_FDS = 500
"""Kept for files, logs, the canary and the runtime of each process."""


CPU_US_A_DELIVERY = 105.0
"""Load, server and Toxiproxy together, rooms of 50 (``make bench``; docs/how-it-works.md)."""
DELIVERIES_A_USER = 5.0
"""A second: a busy room of 50 with five messages a second shows each user 5."""
CPU_USED = 0.6
"""Of all cores; the rest is for bursts, and for what else the machine does."""

COMFORTABLE_USERS = 1_000
"""Below this the limit of file descriptors is worth a warning."""


_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")

_STYLES = {"ok": "green", "warning": "yellow", "missing": "red"}


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """How many users fit into one load process and one Toxiproxy."""

    by_load_fds: int
    by_proxy_fds: int
    by_ports: int
    by_cpu: int
    """At :data:`DELIVERIES_A_USER`; in quieter rooms more."""
    users: int
    """The least of them."""
    because: str
    """Which one that is, in words."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the doctor."""

    what: str
    state: Literal["ok", "warning", "missing"]
    text: str
    """What was found, or what to do."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """``chatquake doctor --json``."""

    findings: tuple[Finding, ...]
    capacity: Capacity

    @property
    def usable(self) -> bool:
        return all(finding.state != "missing" for finding in self.findings)


def capacity(*, fd_limit: int, ephemeral_ports: int, cores: int) -> Capacity:
    """How many users fit under a limit of file descriptors a process and of ports.

    Both connections of a user go to different ports of the proxy, and a port may be used once
    for each destination: so a user needs one ephemeral port, not two.
    """
    free_fds = max(0, fd_limit - SPARE_FDS)
    limits = {
        f"{LOAD_FDS_A_USER} file descriptors a user in the load process (WebSocket and API)": (
            free_fds // LOAD_FDS_A_USER
        ),
        f"{PROXY_FDS_A_USER} file descriptors a user in Toxiproxy (two for each connection)": (
            free_fds // PROXY_FDS_A_USER
        ),
        "one ephemeral port a user and destination": ephemeral_ports,
        f"CPU, at {DELIVERIES_A_USER:g} deliveries a second for each user": int(
            cores * CPU_USED * 1e6 / (CPU_US_A_DELIVERY * DELIVERIES_A_USER)
        ),
    }
    because = min(limits, key=lambda words: limits[words])
    by_load_fds, by_proxy_fds, by_ports, by_cpu = limits.values()
    return Capacity(
        by_load_fds=by_load_fds,
        by_proxy_fds=by_proxy_fds,
        by_ports=by_ports,
        by_cpu=by_cpu,
        users=limits[because],
        because=because,
    )


def capacity_sentence(fits: Capacity) -> str:
    """The capacity in words, with the way to it."""
    return (
        f"This machine holds about {fits.users:,} users, one load process and one Toxiproxy. "
        f"The limit is {fits.because}; {SPARE_FDS} file descriptors are kept free. "
        f"File descriptors of the load process: {fits.by_load_fds:,}; of Toxiproxy: "
        f"{fits.by_proxy_fds:,}; ports: {fits.by_ports:,}; CPU: {fits.by_cpu:,} (half as many "
        "deliveries, twice the users)."
    )


def table(report: Report) -> Table:
    """The findings for people; each state is a word with its colour."""
    rows = Table("what", "state", "found", box=None, pad_edge=False)
    for finding in report.findings:
        rows.add_row(
            finding.what, Text(finding.state, style=_STYLES[finding.state]), Text(finding.text)
        )
    return rows


def examine(toxiproxy: Callable[[], Finding]) -> Report:
    """Look at this machine; ``toxiproxy`` is how to look for Toxiproxy."""
    fits = this_capacity()
    fd_limit, ports = _fd_soft_limit(), ephemeral_ports(_PORT_RANGE)
    return Report(
        findings=(
            Finding(what="Python", state="ok", text=platform.python_version()),
            *(_package(name) for name in PACKAGES),
            toxiproxy(),
            _chromium(),
            _fd_limit(fd_limit, fits),
            Finding(what="ephemeral ports", state="ok", text=f"{ports:,}"),
            _cores(os.cpu_count() or 1),
        ),
        capacity=fits,
    )


def this_capacity() -> Capacity:
    """How many users this machine can hold as it is set up now."""
    return capacity(
        fd_limit=_fd_soft_limit(),
        ephemeral_ports=ephemeral_ports(_PORT_RANGE),
        cores=os.cpu_count() or 1,
    )


def _fd_soft_limit() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def look_for_toxiproxy(environ: Mapping[str, str]) -> Finding:
    """Where a Toxiproxy is already: the setting, ``PATH``, the cache. Fetches nothing."""
    location = environ.get("CHATQUAKE_TOXIPROXY", "")
    if location:
        return fetch_toxiproxy(environ, say=lambda _line: None)
    found = shutil.which("toxiproxy-server") or shutil.which("toxiproxy")
    cached = cached_binary(ToxiproxySettings(), this_machine())
    binaries = [Path(found)] if found else []
    for binary in [*binaries, *([cached] if cached.exists() else [])]:
        try:
            version = version_of(binary)
        except WayClosed as reason:
            return Finding(what="Toxiproxy", state="warning", text=str(reason))
        if binary == cached or is_accepted(version):
            return Finding(what="Toxiproxy", state="ok", text=f"{PINNED_VERSION}, {binary}")
    advice = "not here yet: the first run fetches or builds it, or chatquake doctor --fetch now"
    return Finding(what="Toxiproxy", state="warning", text=advice)


def fetch_toxiproxy(environ: Mapping[str, str], say: Callable[[str], None]) -> Finding:
    """Find, fetch or build Toxiproxy as a run would; ``say`` gets a line for each try."""
    settings = ToxiproxySettings(location=environ.get("CHATQUAKE_TOXIPROXY", ""))
    try:
        found = find_toxiproxy(settings, say)
    except ChatquakeError as error:
        return Finding(what="Toxiproxy", state="missing", text=str(error))
    place = found.url or str(found.path)
    return Finding(
        what="Toxiproxy", state="ok", text=f"{found.version}, {place} (from {found.source})"
    )


def ephemeral_ports(setting: Path) -> int:
    """How many ports a client may use; IANA's range where the system does not say."""
    try:
        first, last = setting.read_text(encoding="ascii").split()
        return int(last) - int(first) + 1
    except (OSError, ValueError):
        return 65_535 - 49_152 + 1


def _package(name: str) -> Finding:
    try:
        return Finding(what=name, state="ok", text=metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding(what=name, state="missing", text="not installed; run: make install")


def _chromium() -> Finding:
    for name in BROWSERS:
        if path := shutil.which(name):
            return Finding(what="Chromium", state="ok", text=path)
    text = "not found; only the tests that open the report in a browser need it"
    return Finding(what="Chromium", state="warning", text=text)


def _fd_limit(limit: int, fits: Capacity) -> Finding:
    if fits.by_proxy_fds >= COMFORTABLE_USERS:
        return Finding(what="file descriptors", state="ok", text=f"{limit:,} a process")
    text = f"{limit:,} a process: enough for {fits.by_proxy_fds:,} users; raise it: ulimit -n 20000"
    return Finding(what="file descriptors", state="warning", text=text)


def _cores(cores: int) -> Finding:
    if cores >= 2:
        return Finding(what="cores", state="ok", text=str(cores))
    text = f"{cores}: load and server share it, so watch the rig's findings in the verdict"
    return Finding(what="cores", state="warning", text=text)
