"""One Toxiproxy of our own: started on a free port, watched, and never left behind."""

from __future__ import annotations

import asyncio
import os
import socket
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from chaos.toxiproxy.client import ToxiproxyClient
from harness.errors import RigError
from harness.guard import GRACE_S, guarded

_HOST = "127.0.0.1"
_ATTEMPTS = 5
_POLL_S = 0.02
_PORT_TAKEN = b"address already in use"
"""In its log. It does not end then but sits there, deaf, until a signal comes."""
_LAST_LINES = 5
_LAST_BYTES = 4_096


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a Toxiproxy ended."""

    exit_code: int
    """The server's own; 128 + n when signal n ended it."""
    asked: bool
    """Whether :meth:`ToxiproxyProcess.stop` had asked for it."""


class ToxiproxyProcess:
    """A running server, made by :func:`start_toxiproxy`; leaving its context stops it."""

    def __init__(self, guard: Process, *, url: str, pid: int, log: Path) -> None:
        self.url = url
        """Base of the API: ``http://127.0.0.1:<port>``."""
        self.pid = pid
        """Of the server itself, so that its CPU time and memory can be read."""
        self.log = log
        self._guard = guard
        self._asked = False

    async def ended(self) -> Ended:
        """Wait until the server is gone, by itself or stopped; then say how it went."""
        code = await self._guard.wait()
        return Ended(exit_code=code, asked=self._asked)

    async def stop(self) -> None:
        """End the server and wait for its end; a second call changes nothing."""
        self._asked = True
        await _end(self._guard)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


async def start_toxiproxy(
    binary: Path,
    log: Path,
    *,
    pick_port: Callable[[], int] = free_port,
    ready_within_s: float = 10.0,
) -> ToxiproxyProcess:
    """Start a server through the guard and wait until its API answers.

    ``log`` is made anew and gets its stdout and stderr. Another process may take the picked port
    first; then another is tried, five in all.

    Raises:
        RigError: it ended, was not ready in time, or lost every port; with its last lines.
    """
    for _ in range(_ATTEMPTS):
        try:
            server = await _start_on(pick_port(), binary, log, ready_within_s)
        except TimeoutError as error:
            raise _not_started(binary, log, f"not ready in {ready_within_s:g} s") from error
        if server is not None:
            return server
    raise _not_started(binary, log, f"all {_ATTEMPTS} ports it was given were taken")


async def _start_on(
    port: int, binary: Path, log: Path, ready_within_s: float
) -> ToxiproxyProcess | None:
    """The server, or None when another process holds the port."""
    guard = await _spawn(port, binary, log)
    try:
        async with asyncio.timeout(ready_within_s):
            while guard.returncode is None:
                if (pid := _listener(guard.pid, port)) is not None:
                    return await _answering(guard, port, pid, log)
                if _PORT_TAKEN in log.read_bytes():
                    await _end(guard)
                    return None
                await asyncio.sleep(_POLL_S)
    except BaseException:
        await _end(guard)
        raise
    raise _not_started(binary, log, f"it ended with code {guard.returncode}")


async def _spawn(port: int, binary: Path, log: Path) -> Process:
    with log.open("wb") as output:
        return await asyncio.create_subprocess_exec(
            *guarded([str(binary), "-host", _HOST, "-port", str(port)]),
            stdin=PIPE,
            stdout=output,
            stderr=output,
            env={**os.environ, "LOG_LEVEL": "warn"},  # below that, a line for each connection
            start_new_session=True,  # a Ctrl-C is for us: faults are healed before it is stopped
        )


def _listener(guard_pid: int, port: int) -> int | None:
    """The process id of the guarded server once it holds the port.

    An answer on the port alone would not do: another Toxiproxy may be the one that took it.
    """
    try:
        for child in psutil.Process(guard_pid).children():
            for held in child.net_connections("tcp"):
                if held.status == psutil.CONN_LISTEN and held.laddr.port == port:
                    return child.pid
    except psutil.NoSuchProcess:
        return None  # it ended while we looked; the guard's exit code tells
    return None


async def _answering(guard: Process, port: int, pid: int, log: Path) -> ToxiproxyProcess:
    url = f"http://{_HOST}:{port}"
    async with ToxiproxyClient(url) as client:
        await client.version()
    return ToxiproxyProcess(guard, url=url, pid=pid, log=log)


async def _end(guard: Process) -> None:
    assert guard.stdin is not None  # it was spawned with a pipe
    guard.stdin.close()
    try:
        async with asyncio.timeout(GRACE_S + 3.0):
            await guard.wait()
    except TimeoutError:
        guard.kill()  # the kernel then kills the server
        await guard.wait()


def _last_lines(log: Path) -> tuple[str, ...]:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LAST_BYTES))
        return tuple(file.read().decode(errors="replace").splitlines()[-_LAST_LINES:])


def _not_started(binary: Path, log: Path, why: str) -> RigError:
    last = "; ".join(_last_lines(log)) or "nothing"
    return RigError(f"Toxiproxy ({binary}) did not start: {why}; its log {log} ends with: {last}")
