"""What runs beside the load: the reference server, and in front of it Toxiproxy with a pair of
proxies a cohort and the relay behind those that need it, in one lane or several."""

from __future__ import annotations

import asyncio
import os
from asyncio import Task
from contextlib import AsyncExitStack
from dataclasses import dataclass

from chaos.lines import Target
from chaos.toxiproxy.install import Found, ToxiproxySettings, find_toxiproxy
from chaos.toxiproxy.ways import Say
from harness.rundir import RunDir
from scenarios.constants import shortened_knobs
from scenarios.lanes import Lane, numbered, start_lane
from scenarios.messages import CohortEndpoints
from scenarios.model import Scenario
from scenarios.server_process import ServerProcess, reference_server

_TOGETHER_S = 0.3


@dataclass(frozen=True)
class Rig:
    """A running rig; it ends with the exit stack that it was started in."""

    server: ServerProcess
    lanes: tuple[Lane, ...]
    ended: Task[str]
    """Done when a part of the rig is gone; says which and how."""

    @property
    def endpoints(self) -> dict[str, tuple[CohortEndpoints, ...]]:
        """Where each cohort's clients connect, by lane."""
        cohorts = dict.fromkeys(cohort for cohort, _ in self.lanes[0].proxies)
        return {name: tuple(lane.endpoints(name) for lane in self.lanes) for name in cohorts}

    @property
    def targets(self) -> list[Target]:
        """What the canary probes."""
        return [target for lane in self.lanes for target in lane.targets]

    @property
    def pids(self) -> dict[str, int]:
        """Of its own processes beside the server, by the names that the record gives them."""
        found: dict[str, int] = {}
        for number, lane in enumerate(self.lanes, start=1):
            named = {"toxiproxy": lane.toxiproxy_pid, "relay": lane.relay_pid}
            found |= {numbered(name, number): pid for name, pid in named.items() if pid}
        return found


async def start_rig(
    stack: AsyncExitStack,
    scenario: Scenario,
    run: RunDir,
    *,
    jwt_secret: str,
    say: Say,
    lanes: int = 1,
    page: bool = False,
) -> Rig:
    """Start everything; ``say`` hears how Toxiproxy is found. ``lanes``: how many Toxiproxies; one
    that was given by its URL stays alone. ``page``: the server has the chat page. Raises
    ``RigError``."""
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
    started = [
        await start_lane(
            stack, number, found=found, scenario=scenario, run=run, server=server, ends=ends
        )
        for number in range(1, lanes + 1 if found.url is None else 2)
    ]
    return Rig(server=server, lanes=tuple(started), ended=asyncio.create_task(_first(ends)))


def server_knobs(scenario: Scenario) -> tuple[str, ...]:
    """The ``NAME=VALUE`` with which the scenario's server is started."""
    knobs = {**shortened_knobs(scenario.shortened), **scenario.server.knobs}
    if scenario.access_token_lifetime_s is not None:
        knobs["access_token_lifetime_s"] = scenario.access_token_lifetime_s
    return tuple(f"{name}={value}" for name, value in knobs.items())


def _find_toxiproxy(say: Say) -> Found:
    location = os.environ.get("CHATQUAKE_TOXIPROXY", "")
    return find_toxiproxy(ToxiproxySettings(location=location), say)


async def _first(tasks: list[Task[str]]) -> str:
    """Of those that end together the first of the list: a process that ended is missed by those
    who call it before its own end is known."""
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait(tasks, timeout=_TOGETHER_S)
    return next(task.result() for task in tasks if task.done())
