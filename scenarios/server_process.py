"""The reference server as a child process: started, asked, watched, restarted, stopped."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import httpx
import msgspec

from chaos.faults.server.switches import Switches
from harness.clock import monotonic_s
from harness.errors import RigError
from harness.server.listeners import Ports
from scenarios.port_holder import holding
from scenarios.server_logs import ended_at

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


@dataclass(frozen=True, kw_only=True)
class Command:
    """How the server is started, the first time and again."""

    database: Path
    log: Path
    jwt_secret: str = field(repr=False)
    knobs: tuple[str, ...] = ()
    """``NAME=VALUE`` each."""
    defects: tuple[str, ...] = ()
    page: bool = False
    """With the chat page."""


class ServerProcess:
    """A running reference server; made by :func:`reference_server`.

    It may be taken down and brought up again, on the same ports and the same database: a
    :class:`~chaos.actuators.server.ServerControl`.
    """

    def __init__(self, command: Command, child: Process, ports: Ports) -> None:
        self.host = _HOST
        self.api_port = ports.api_port
        self.realtime_port = ports.realtime_port
        self.starts = 1
        """How often it was started: each time all that the process counts begins anew."""
        self._command = command
        self._child = child
        self._ports = ports
        self._admin = httpx.AsyncClient(base_url=f"http://{_HOST}:{ports.admin_port}", timeout=10.0)
        self._up = asyncio.Event()
        """Unset from the moment at which it is meant to end."""
        self._up.set()
        self._hold = ExitStack()
        """Of its ports while it is down."""
        self._earlier = b""
        """The subscriptions of the processes before."""

    async def ended(self) -> str:
        """Wait until it is gone, and was not meant to be; says how, with the end of its log."""
        while True:
            child = self._child
            code = await child.wait()
            if self._up.is_set() and child is self._child:
                return (
                    f"the reference server ended with code {code}: {last_line(self._command.log)}"
                )
            await self._up.wait()

    async def switches(self) -> Switches:
        """Raises :class:`RigError` where it does not answer."""
        return await self._switched("GET", None)

    async def turn(self, switches: Switches) -> None:
        """Raises :class:`RigError` where it does not."""
        await self._switched("PATCH", msgspec.json.encode(switches))

    async def take_down(self, how: Literal["stop", "kill"]) -> None:
        """End the process, asked (SIGTERM) or not (SIGKILL), and keep its ports for the next.

        Its log of subscriptions, which goes with it, is read just before; what happens to them
        in the process's last milliseconds is told as lost with it. Raises :class:`RigError`
        where it cannot be read, and then the process goes on.
        """
        try:
            known = await self._lines("/subscriptions")
        except httpx.HTTPError as error:
            raise RigError(
                f"server: its log of subscriptions cannot be read before its end:"
                f" {str(error) or type(error).__name__}"
            ) from None
        self._up.clear()
        asked_s = monotonic_s()
        if how == "kill":
            self._child.kill()
        else:
            self._child.terminate()
        self._earlier += ended_at(known, asked_s)
        await self._gone()
        self._hold.enter_context(holding(_HOST, msgspec.structs.astuple(self._ports)))

    async def bring_up(self) -> None:
        """Start it anew where it was meant to end. Raises :class:`RigError` where that fails."""
        if self._up.is_set():
            return
        await self._gone()
        child, _ = await _started(self._command, self._ports)
        self._hold.close()
        self._child = child
        self.starts += 1
        self._up.set()

    async def stats(self) -> ServerStats:
        """Raises :class:`httpx.HTTPError` where it does not answer."""
        answer = await self._admin.get("/stats", timeout=2.0)
        return msgspec.json.decode(answer.content, type=ServerStats)

    async def commits(self) -> bytes:
        """The commit log as JSON lines. Raises :class:`httpx.HTTPError`."""
        return await self._lines("/commits")

    async def subscriptions(self) -> bytes:
        """The log of subscriptions as JSON lines, of all its processes. Raises
        :class:`httpx.HTTPError`."""
        return self._earlier + await self._lines("/subscriptions")

    async def accounts(self, lines: bytes) -> bytes:
        """Make accounts and sign them in; JSON lines both ways. Raises :class:`httpx.HTTPError`."""
        return _content(await self._admin.post("/accounts", content=lines))

    async def _lines(self, path: str) -> bytes:
        """Whole or not at all: one that breaks off lacks its last chunk, which is an error."""
        return _content(await self._admin.get(path))

    async def _switched(self, method: str, body: bytes | None) -> Switches:
        try:
            answer = await self._admin.request(method, "/switches", content=body)
            return msgspec.json.decode(_content(answer), type=Switches)
        except httpx.HTTPError as error:
            raise RigError(
                f"server: {method} /switches: {str(error) or type(error).__name__}"
            ) from None

    async def stop(self) -> None:
        """End it, kindly first."""
        await self._admin.aclose()
        self._hold.close()
        if self._child.returncode is None:
            self._child.terminate()
        await self._gone()

    async def _gone(self) -> None:
        """Wait for the end of a process that was told to end; not for ever."""
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
    defects: tuple[str, ...] = (),
    page: bool = False,
) -> AsyncIterator[ServerProcess]:
    """Start the server on free ports and wait until it is ready. ``knobs`` are ``NAME=VALUE``
    (``harness.server.knobs``), ``defects`` names of them; ``page``: with the chat page. Raises
    :class:`RigError`."""
    log.unlink(missing_ok=True)
    command = Command(
        database=database,
        log=log,
        jwt_secret=jwt_secret,
        knobs=knobs,
        defects=defects,
        page=page,
    )
    child, ports = await _started(command, Ports(api_port=0, realtime_port=0, admin_port=0))
    server = ServerProcess(command, child, ports)
    try:
        yield server
    finally:
        await server.stop()


async def _started(command: Command, ports: Ports) -> tuple[Process, Ports]:
    """A process that is ready, and its ports; none is left where it did not become so."""
    with command.log.open("ab") as errors:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "harness.server", "--host", _HOST, "--lifeline"),
            *("--api-port", str(ports.api_port)),
            *("--realtime-port", str(ports.realtime_port)),
            *("--admin-port", str(ports.admin_port)),
            *("--database", str(command.database)),
            *(word for knob in command.knobs for word in ("--knob", knob)),
            *(word for defect in command.defects for word in ("--defect", defect)),
            *(["--page"] if command.page else []),
            stdin=PIPE,
            stdout=PIPE,
            stderr=errors,
            env={**os.environ, "CHATQUAKE_JWT_SECRET": command.jwt_secret},
            start_new_session=True,
        )
    try:
        return child, await _ready(child, command.log)
    except BaseException:
        if child.returncode is None:
            child.kill()
            await child.wait()
        raise


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


def _content(answer: httpx.Response) -> bytes:
    if answer.is_error:
        why = f"{answer.status_code} {answer.text}"
        raise httpx.HTTPStatusError(why, request=answer.request, response=answer)
    return answer.content


def last_line(log: Path) -> str:
    """The last line that says something, for an error message."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else f"it said nothing (see {log})"
