"""What runs beside the load: the reference server, Toxiproxy with a pair of proxies a cohort, and
the relay behind those that need it."""

from __future__ import annotations

import asyncio
import os
from asyncio import Task
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Literal

from chaos.lines import Target
from chaos.relay.client import RelayClient
from chaos.relay.listener import Route
from chaos.relay.process import RelayProcess, relay
from chaos.toxiproxy.client import ToxiproxyClient
from chaos.toxiproxy.install import Found, ToxiproxySettings, find_toxiproxy
from chaos.toxiproxy.model import Proxy
from chaos.toxiproxy.process import ToxiproxyProcess, start_toxiproxy
from chaos.toxiproxy.ways import Say
from harness.rundir import RunDir
from scenarios.constants import shortened_knobs
from scenarios.messages import Address, CohortEndpoints
from scenarios.model import Scenario
from scenarios.server_process import ServerProcess, reference_server

Side = Literal["api", "realtime"]


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
    stack: AsyncExitStack, scenario: Scenario, run: RunDir, *, jwt_secret: str, say: Say
) -> Rig:
    """Start everything; ``say`` hears how Toxiproxy is found. Raises ``RigError``."""
    server = await stack.enter_async_context(
        reference_server(
            run.database,
            run.logs / "server.log",
            jwt_secret=jwt_secret,
            knobs=server_knobs(scenario),
            defects=scenario.server.defects,
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
    proxies: dict[tuple[str, Side], Proxy] = {}
    for cohort in scenario.cohorts:
        upstreams: dict[Side, int] = {"api": server.api_port, "realtime": server.realtime_port}
        for side, port in upstreams.items():
            name = f"{cohort.name}-{side}"
            behind = port if relayed is None else relayed.ports.get(name, port)
            upstream = f"{server.host}:{behind}"
            wanted = Proxy(name=name, listen="127.0.0.1:0", upstream=upstream)
            proxies[cohort.name, side] = await toxiproxy.create(wanted)
            if found.url is not None:  # somebody else's: leave it as it was
                stack.push_async_callback(toxiproxy.delete, name)
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
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return done.pop().result()


def _host_port(proxy: Proxy) -> tuple[str, int]:
    host, _, port = proxy.listen.rpartition(":")
    return host.strip("[]"), int(port)
