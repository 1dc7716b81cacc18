"""The relay as a child process: started, watched, stopped."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from chaos.relay.listener import Route
from chaos.relay.reports import Started
from harness.errors import RigError

_READY_WITHIN_S = 20.0
_STOP_WITHIN_S = 3.0


class RelayProcess:
    """A running relay; made by :func:`relay`."""

    def __init__(self, child: Process, started: Started, log: Path) -> None:
        self.url = f"http://127.0.0.1:{started.control_port}"
        """Base of its control port."""
        self.pid = child.pid
        self.ports = started.ports
        """On 127.0.0.1, by the names of the routes."""
        self._child = child
        self._log = log

    async def ended(self) -> str:
        """Wait until it is gone; says how."""
        code = await self._child.wait()
        return f"the relay ended with code {code}; see {self._log.parent.name}/{self._log.name}"


@asynccontextmanager
async def relay(routes: Iterable[Route], log: Path) -> AsyncIterator[RelayProcess]:
    """Start a relay with these routes and wait until it is ready. Raises :class:`RigError`."""
    options = [f"--route={each.name}={each.host}:{each.port}" for each in routes]
    with log.open("wb") as errors:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "chaos.relay", "--lifeline", *options),
            stdin=PIPE,
            stdout=PIPE,
            stderr=errors,
            start_new_session=True,  # a Ctrl-C is for us: faults are healed before it is stopped
        )
    try:
        yield RelayProcess(child, await _started(child, log), log)
    finally:
        await _stop(child)


async def _started(child: Process, log: Path) -> Started:
    assert child.stdout is not None  # it was spawned with a pipe
    try:
        async with asyncio.timeout(_READY_WITHIN_S):
            line = await child.stdout.readline()
    except TimeoutError:
        raise RigError(f"the relay was not ready within {_READY_WITHIN_S:g} s; see {log}") from None
    if not line:
        said = log.read_text(errors="replace").strip().splitlines()
        raise RigError(f"the relay did not start: {said[-1] if said else 'it said nothing'}")
    return msgspec.json.decode(line, type=Started)


async def _stop(child: Process) -> None:
    if child.returncode is None:
        child.terminate()
    try:
        async with asyncio.timeout(_STOP_WITHIN_S):
            await child.wait()
    except TimeoutError:
        child.kill()
        await child.wait()
