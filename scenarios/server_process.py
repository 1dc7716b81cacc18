"""The reference server as a child process: started, asked, watched, stopped."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec

from harness.errors import RigError
from harness.server.listeners import Ports

READY_WITHIN_S = 20.0
STOP_WITHIN_S = 5.0
_HOST = "127.0.0.1"


class ServerStats(msgspec.Struct, frozen=True):
    """What the admin port says of the server's own state."""

    cpu_s: float
    loop_lag_s: float
    rss_bytes: int
    open_fds: int
    connections: int
    slow_readers_dropped: int
    cpu_wait_s: float | None = None


class ServerProcess:
    """A running reference server; made by :func:`reference_server`."""

    def __init__(self, child: Process, ports: Ports, log: Path) -> None:
        self.host = _HOST
        self.api_port = ports.api_port
        self.realtime_port = ports.realtime_port
        self._child = child
        self._log = log
        self._admin = httpx.AsyncClient(base_url=f"http://{_HOST}:{ports.admin_port}", timeout=10.0)

    async def ended(self) -> str:
        """Wait until it is gone; says how, with the end of its log."""
        code = await self._child.wait()
        return f"the reference server ended with code {code}: {last_line(self._log)}"

    async def stats(self) -> ServerStats:
        """Raises :class:`httpx.HTTPError` where it does not answer."""
        answer = await self._admin.get("/stats", timeout=2.0)
        return msgspec.json.decode(answer.content, type=ServerStats)

    async def commits(self) -> bytes:
        """The commit log as JSON lines. Raises :class:`httpx.HTTPError`."""
        return await self._lines("/commits")

    async def subscriptions(self) -> bytes:
        """The log of subscriptions as JSON lines. Raises :class:`httpx.HTTPError`."""
        return await self._lines("/subscriptions")

    async def accounts(self, lines: bytes) -> bytes:
        """Make accounts and sign them in; JSON lines both ways. Raises :class:`httpx.HTTPError`."""
        answer = await self._admin.post("/accounts", content=lines)
        if answer.is_error:
            why = f"{answer.status_code} {answer.text}"
            raise httpx.HTTPStatusError(why, request=answer.request, response=answer)
        return answer.content

    async def _lines(self, path: str) -> bytes:
        """Whole or not at all: one that breaks off lacks its last chunk, which is an error."""
        answer = await self._admin.get(path)
        if answer.is_error:
            why = f"{answer.status_code} {answer.text}"
            raise httpx.HTTPStatusError(why, request=answer.request, response=answer)
        return answer.content

    async def stop(self) -> None:
        """End it, kindly first."""
        await self._admin.aclose()
        if self._child.returncode is None:
            self._child.terminate()
        try:
            await asyncio.wait_for(self._child.wait(), STOP_WITHIN_S)
        except TimeoutError:
            self._child.kill()
            await self._child.wait()


@asynccontextmanager
async def reference_server(
    database: Path,
    log: Path,
    *,
    jwt_secret: str,
    knobs: tuple[str, ...] = (),
    page: bool = False,
) -> AsyncIterator[ServerProcess]:
    """Start the server on free ports and wait until it is ready. ``knobs`` are ``NAME=VALUE``
    (``harness.server.knobs``); ``page``: with the chat page. Raises :class:`RigError`."""
    with log.open("wb") as errors:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "harness.server", "--host", _HOST, "--lifeline"),
            *("--api-port", "0", "--realtime-port", "0", "--admin-port", "0"),
            *("--database", str(database)),
            *(word for knob in knobs for word in ("--knob", knob)),
            *(["--page"] if page else []),
            stdin=PIPE,
            stdout=PIPE,
            stderr=errors,
            env={**os.environ, "CHATQUAKE_JWT_SECRET": jwt_secret},
            start_new_session=True,
        )
    server: ServerProcess | None = None
    try:
        server = ServerProcess(child, await _ready(child, log), log)
        yield server
    finally:
        if server is not None:
            await server.stop()
        elif child.returncode is None:
            child.kill()
            await child.wait()


async def _ready(child: Process, log: Path) -> Ports:
    assert child.stdout is not None
    try:
        line = await asyncio.wait_for(child.stdout.readline(), READY_WITHIN_S)
    except TimeoutError:
        raise RigError(
            f"the reference server was not ready within {READY_WITHIN_S:g} s; see {log}"
        ) from None
    if not line:
        raise RigError(f"the reference server did not start: {last_line(log)}")
    return msgspec.json.decode(line, type=Ports)


def last_line(log: Path) -> str:
    """The last line that says something, for an error message."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else f"it said nothing (see {log})"
