"""A lane: a Toxiproxy with a pair of proxies for each cohort, and the relay behind some of them."""

from __future__ import annotations

import asyncio
import sys
from asyncio import Task
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import msgspec

from chaos.faults.schedule import proxies_of, sides_of
from chaos.lines import Target
from chaos.relay.client import RelayClient
from chaos.relay.listener import Route
from chaos.relay.liveness import relay_gone
from chaos.relay.process import RelayProcess, relay
from chaos.toxiproxy.client import ToxiproxyClient
from chaos.toxiproxy.install import Found
from chaos.toxiproxy.liveness import toxiproxy_gone
from chaos.toxiproxy.model import Proxy
from chaos.toxiproxy.process import ToxiproxyProcess, start_toxiproxy
from harness.rundir import RunDir
from scenarios.messages import Address, CohortEndpoints
from scenarios.model import Scenario
from scenarios.server_process import ServerProcess

Side = Literal["api", "realtime"]


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One Toxiproxy with a pair of proxies for each cohort, and the relay behind those that need
    it. A run with more connections than one process can hold has several; users are dealt out to
    them in turn."""

    toxiproxy: ToxiproxyClient
    toxiproxy_version: str
    toxiproxy_pid: int | None
    """``None`` where it is somebody else's."""
    proxies: dict[tuple[str, Side], Proxy]
    """By cohort and side."""
    relay: RelayClient | None = None
    """``None`` where no fault needs one."""
    relay_pid: int | None = None

    def endpoints(self, cohort: str) -> CohortEndpoints:
        """Where the cohort's clients connect."""
        return CohortEndpoints(
            api=Address(*_host_port(self.proxies[cohort, "api"])),
            realtime=Address(*_host_port(self.proxies[cohort, "realtime"])),
        )

    @property
    def targets(self) -> list[Target]:
        """What the canary probes."""
        found = []
        for (_, side), proxy in self.proxies.items():
            host, port = _host_port(proxy)
            found.append(Target(proxy=proxy.name, side=side, host=host, port=port))
        return found


def in_lanes(scenario: Scenario, lanes: int) -> Scenario:
    """The scenario with its faults in so many lanes."""
    numbers = tuple(range(1, lanes + 1))
    faults = tuple(msgspec.structs.replace(fault, lanes=numbers) for fault in scenario.faults)
    return msgspec.structs.replace(scenario, faults=faults)


async def start_lane(
    stack: AsyncExitStack,
    number: int,
    *,
    found: Found,
    scenario: Scenario,
    run: RunDir,
    server: ServerProcess,
    ends: list[Task[str]],
) -> Lane:
    """Start the ``number``-th lane, from 1 on. ``ends`` gets a task for each part of it, done when
    that is gone. Raises ``RigError``."""
    url, pid = found.url, None
    if found.path is not None:
        process = await stack.enter_async_context(
            await start_toxiproxy(found.path, run.logs / f"{numbered('toxiproxy', number)}.log")
        )
        url, pid = process.url, process.pid
        ends.append(asyncio.create_task(_toxiproxy_ended(process)))
    assert url is not None  # found has a path or a URL
    toxiproxy = await stack.enter_async_context(ToxiproxyClient(url))
    relayed = await _start_relay(stack, number, scenario, run, server)
    relay_client = None
    if relayed is not None:
        ends.append(asyncio.create_task(relayed.ended()))
        relay_client = await stack.enter_async_context(RelayClient(relayed.url))
    wanted = _proxies(number, scenario, server, {} if relayed is None else relayed.ports)
    names = [proxy.name for proxy in wanted.values()]
    if found.url is not None:
        ends.append(await stack.enter_async_context(_watchdog(url, names, run)))
    proxies = {place: await toxiproxy.create(proxy) for place, proxy in wanted.items()}
    watching = [asyncio.create_task(toxiproxy_gone(toxiproxy, names))]
    if relay_client is not None:
        watching.append(asyncio.create_task(relay_gone(relay_client)))
    ends += watching
    stack.push_async_callback(_cancelled, watching)
    return Lane(
        toxiproxy=toxiproxy,
        toxiproxy_version=_toxiproxy_words(found, await toxiproxy.version()),
        toxiproxy_pid=pid,
        proxies=proxies,
        relay=relay_client,
        relay_pid=None if relayed is None else relayed.pid,
    )


def numbered(name: str, lane: int) -> str:
    """What a part of a lane is called: as it is in the first, ``relay-2`` in the second."""
    return name if lane == 1 else f"{name}-{lane}"


def _proxies(
    lane: int, scenario: Scenario, server: ServerProcess, relayed: Mapping[str, int]
) -> dict[tuple[str, Side], Proxy]:
    """By cohort and side; ``relayed`` has the port of the relay behind those that need it."""
    upstreams: dict[Side, int] = {"api": server.api_port, "realtime": server.realtime_port}
    found = {}
    for cohort in scenario.cohorts:
        for side, port in upstreams.items():
            (name,) = proxies_of(cohort.name, side, lane)
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


async def _cancelled(tasks: Sequence[Task[str]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def _start_relay(
    stack: AsyncExitStack, lane: int, scenario: Scenario, run: RunDir, server: ServerProcess
) -> RelayProcess | None:
    """A listener behind each proxy that a fault of the timeline needs one for, from the start: to
    change a proxy's upstream would cut its connections."""
    ports: dict[Side, int] = {"api": server.api_port, "realtime": server.realtime_port}
    routes = {
        name: Route(name=name, host=server.host, port=ports[side])
        for fault in scenario.faults
        if fault.fault.means == "relay" and fault.on is not None
        for cohort in fault.cohorts
        for side in sides_of(fault.on)
        for name in proxies_of(cohort, side, lane)
    }
    if not routes:
        return None
    log = run.logs / f"{numbered('relay', lane)}.log"
    return await stack.enter_async_context(relay(routes.values(), log))


def _toxiproxy_words(found: Found, told: str) -> str:
    """``2.12.0, release``; one that ``go install`` made calls itself only "git"."""
    return f"{found.version if told == 'git' else told}, {found.source}"


async def _toxiproxy_ended(process: ToxiproxyProcess) -> str:
    how = await process.ended()
    log = f"{process.log.parent.name}/{process.log.name}"
    return f"Toxiproxy ended with code {how.exit_code}; see {log}"


def _host_port(proxy: Proxy) -> tuple[str, int]:
    host, _, port = proxy.listen.rpartition(":")
    return host.strip("[]"), int(port)
