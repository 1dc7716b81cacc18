"""What runs beside the load: the reference server, Toxiproxy with a pair of proxies a cohort, and
the relay behind those that need it."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio import Task
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from chaos.lines import Target
from chaos.relay.client import RelayClient
from chaos.relay.listener import Route
from chaos.relay.process import RelayProcess, relay
from chaos.toxiproxy.client import ToxiproxyClient
from chaos.toxiproxy.install import Found, ToxiproxySettings, find_toxiproxy
from chaos.toxiproxy.liveness import toxiproxy_gone
from chaos.toxiproxy.model import Proxy
from chaos.toxiproxy.process import ToxiproxyProcess, start_toxiproxy
from chaos.toxiproxy.ways import Say
from harness.rundir import RunDir
from scenarios.constants import shortened_knobs
from scenarios.messages import Address, CohortEndpoints
from scenarios.model import Scenario
from scenarios.server_process import ServerProcess, reference_server

Side = Literal["api", "realtime"]

_TOGETHER_S = 0.3


@dataclass(frozen=True)
class Rig:
    """A running rig; it ends with the exit stack that it was started in."""

    server: ServerProcess
    toxiproxy: ToxiproxyClient
    toxiproxy_version: str
    toxiproxy_pid: int | None
    """``None`` where it is somebody else's."""
    proxies: dict[tuple[str, Side], Proxy]
    """By cohort and side."""
    ended: Task[str]
    """Done when a part of the rig is gone; says which and how."""
    relay: RelayClient | None = None
    """``None`` where no fault needs one."""
    relay_pid: int | None = None

    @property
    def endpoints(self) -> dict[str, CohortEndpoints]:
        """Where each cohort's clients connect."""
        return {
            cohort: CohortEndpoints(
                api=Address(*_host_port(self.proxies[cohort, "api"])),
                realtime=Address(*_host_port(self.proxies[cohort, "realtime"])),
            )
            for cohort, _ in self.proxies
        }

    @property
    def targets(self) -> list[Target]:
        """What the canary probes."""
        found = []
        for (_, side), proxy in self.proxies.items():
            host, port = _host_port(proxy)
            found.append(Target(proxy=proxy.name, side=side, host=host, port=port))
        return found


async def start_rig(
    stack: AsyncExitStack,
    scenario: Scenario,
    run: RunDir,
    *,
    jwt_secret: str,
    say: Say,
    page: bool = False,
) -> Rig:
    """Start everything; ``say`` hears how Toxiproxy is found. ``page``: the server has the chat
    page. Raises ``RigError``."""
    server = await stack.enter_async_context(
        reference_server(
            run.database,
            run.logs / "server.log",
            jwt_secret=jwt_secret,
            knobs=server_knobs(scenario),
            defects=scenario.server.defects,
            page=page,
        )
    )
    ends = [asyncio.create_task(server.ended())]
    found = await asyncio.to_thread(_find_toxiproxy, say)
    url, pid = found.url, None
    if found.path is not None:
        process = await stack.enter_async_context(
            await start_toxiproxy(found.path, run.logs / "toxiproxy.log")
        )
        url, pid = process.url, process.pid
        ends.append(asyncio.create_task(_toxiproxy_ended(process)))
    assert url is not None  # found has a path or a URL
    toxiproxy = await stack.enter_async_context(ToxiproxyClient(url))
    relayed = await _start_relay(stack, scenario, run, server)
    if relayed is not None:
        ends.append(asyncio.create_task(relayed.ended()))
    wanted = _proxies(scenario, server, {} if relayed is None else relayed.ports)
    names = [proxy.name for proxy in wanted.values()]
    if found.url is not None:
        ends.append(await stack.enter_async_context(_watchdog(url, names, run)))
    proxies = {place: await toxiproxy.create(proxy) for place, proxy in wanted.items()}
    watching = asyncio.create_task(toxiproxy_gone(toxiproxy, names))
    ends.append(watching)
    stack.push_async_callback(_cancelled, watching)
    return Rig(
        server=server,
        toxiproxy=toxiproxy,
        toxiproxy_version=_toxiproxy_words(found, await toxiproxy.version()),
        toxiproxy_pid=pid,
        proxies=proxies,
        ended=asyncio.create_task(_first(ends)),
        relay=None
        if relayed is None
        else await stack.enter_async_context(RelayClient(relayed.url)),
        relay_pid=None if relayed is None else relayed.pid,
    )


def _proxies(
    scenario: Scenario, server: ServerProcess, relayed: Mapping[str, int]
) -> dict[tuple[str, Side], Proxy]:
    """By cohort and side; ``relayed`` has the port of the relay behind those that need it."""
    upstreams: dict[Side, int] = {"api": server.api_port, "realtime": server.realtime_port}
    found = {}
    for cohort in scenario.cohorts:
        for side, port in upstreams.items():
            name = f"{cohort.name}-{side}"
            upstream = f"{server.host}:{relayed.get(name, port)}"
            found[cohort.name, side] = Proxy(name=name, listen="127.0.0.1:0", upstream=upstream)
    return found


@asynccontextmanager
async def _watchdog(url: str, names: Sequence[str], run: RunDir) -> AsyncIterator[Task[str]]:
    """Have our proxies on somebody else's Toxiproxy deleted at our end, however that comes.

    Gives a task that is done when the watchdog itself is gone, which it should not be before us.
    """
    with (run.logs / "watchdog.log").open("wb") as log:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "chaos.watchdog", url, *names),
            stdin=PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a Ctrl-C is for us: it would leave the proxies behind
        )
    ended = asyncio.create_task(_watchdog_ended(child))
    try:
        yield ended
    finally:
        assert child.stdin is not None  # it was spawned with a pipe
        child.stdin.close()
        await ended


async def _watchdog_ended(child: Process) -> str:
    return f"the watchdog ended with code {await child.wait()}; see logs/watchdog.log"


async def _cancelled(task: Task[str]) -> None:
    task.cancel()
    await asyncio.wait((task,))


def server_knobs(scenario: Scenario) -> tuple[str, ...]:
    """The ``NAME=VALUE`` with which the scenario's server is started."""
    knobs = {**shortened_knobs(scenario.shortened), **scenario.server.knobs}
    if scenario.access_token_lifetime_s is not None:
        knobs["access_token_lifetime_s"] = scenario.access_token_lifetime_s
    return tuple(f"{name}={value}" for name, value in knobs.items())


async def _start_relay(
    stack: AsyncExitStack, scenario: Scenario, run: RunDir, server: ServerProcess
) -> RelayProcess | None:
    """A listener behind each proxy that a fault of the timeline needs one for, from the start: to
    change a proxy's upstream would cut its connections."""
    ports: dict[Side, int] = {"api": server.api_port, "realtime": server.realtime_port}
    needed = {
        proxy
        for fault in scenario.faults
        if fault.fault.means == "relay"
        for proxy in fault.proxies
    }
    routes = [
        Route(name=name, host=server.host, port=port)
        for cohort in scenario.cohorts
        for side, port in ports.items()
        if (name := f"{cohort.name}-{side}") in needed
    ]
    if not routes:
        return None
    return await stack.enter_async_context(relay(routes, run.logs / "relay.log"))


def _toxiproxy_words(found: Found, told: str) -> str:
    """``2.12.0, release``; one that ``go install`` made calls itself only "git"."""
    return f"{found.version if told == 'git' else told}, {found.source}"


def _find_toxiproxy(say: Say) -> Found:
    location = os.environ.get("CHATQUAKE_TOXIPROXY", "")
    return find_toxiproxy(ToxiproxySettings(location=location), say)


async def _toxiproxy_ended(process: ToxiproxyProcess) -> str:
    how = await process.ended()
    log = f"{process.log.parent.name}/{process.log.name}"
    return f"Toxiproxy ended with code {how.exit_code}; see {log}"


async def _first(tasks: list[Task[str]]) -> str:
    """Of those that end together the first of the list: a process that ended is missed by those
    who call it before its own end is known."""
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait(tasks, timeout=_TOGETHER_S)
    return next(task.result() for task in tasks if task.done())


def _host_port(proxy: Proxy) -> tuple[str, int]:
    host, _, port = proxy.listen.rpartition(":")
    return host.strip("[]"), int(port)
