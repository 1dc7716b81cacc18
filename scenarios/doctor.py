"""What is installed here, and how many users this machine can hold.

The arithmetic is that of :mod:`scenarios.limits`; :func:`examine` only looks.
"""

from __future__ import annotations

import platform
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
from scenarios.limits import SPARE_FDS, Capacity, capacity, machine_here

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

COMFORTABLE_USERS = 1_000
"""Below this the limit of file descriptors is worth a warning."""


_STYLES = {"ok": "green", "warning": "yellow", "missing": "red"}


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


def capacity_sentence(fits: Capacity) -> str:
    """The capacity in words, with the way to it."""
    return (
        f"This machine holds about {fits.users:,} users. The limit is {fits.because}; "
        f"{SPARE_FDS} file descriptors are kept free in each process. "
        f"File descriptors: {fits.by_fds:,}; ports: {fits.by_ports:,}; CPU: {fits.by_cpu:,} (half "
        f"as many deliveries, twice the users). One Toxiproxy holds {fits.users_a_toxiproxy:,}; a "
        "run starts as many as it needs."
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
    machine = machine_here()
    fits = capacity(machine)
    return Report(
        findings=(
            Finding(what="Python", state="ok", text=platform.python_version()),
            *(_package(name) for name in PACKAGES),
            toxiproxy(),
            _chromium(),
            _fd_limit(machine.fd_limit, fits),
            Finding(what="ephemeral ports", state="ok", text=f"{machine.ephemeral_ports:,}"),
            _cores(machine.cores),
        ),
        capacity=fits,
    )


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
    if fits.by_fds >= COMFORTABLE_USERS:
        return Finding(what="file descriptors", state="ok", text=f"{limit:,} a process")
    text = f"{limit:,} a process: enough for {fits.by_fds:,} users; raise it: ulimit -n 20000"
    return Finding(what="file descriptors", state="warning", text=text)


def _cores(cores: int) -> Finding:
    if cores >= 2:
        return Finding(what="cores", state="ok", text=str(cores))
    text = f"{cores}: load and server share it, so watch the rig's findings in the verdict"
    return Finding(what="cores", state="warning", text=text)
