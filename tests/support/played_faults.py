"""Faults from their TOML tables to their receipts: real server, real Toxiproxy, real canary."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.actuators.proxies import ProxyActuator
from chaos.canary import watch
from chaos.canary_needs import canary_settings
from chaos.director import Director
from chaos.faults.parse import parse_faults
from chaos.faults.schedule import ScheduledFault
from chaos.history import HistoryEntry
from chaos.lines import Target
from chaos.receipts import receipts
from chaos.timeline import plan, validate
from chaos.toxiproxy.client import ToxiproxyClient
from chaos.toxiproxy.model import Proxy
from chaos.toxiproxy.process import start_toxiproxy
from harness.clock import monotonic_s
from harness.receipts import Probe, Receipt
from harness.tokens import mint_anon
from scenarios.server_process import reference_server

BEFORE_S = 2.0
"""The canary's start, so that it knows what is usual."""
AFTER_S = 3.0


@dataclass(frozen=True)
class PlayedRig:
    """What stands while the faults are played."""

    client: ToxiproxyClient
    pid: int
    """Toxiproxy's."""
    targets: Sequence[Target]


@dataclass
class Played:
    """All that is known of a run."""

    faults: tuple[ScheduledFault, ...]
    load_begins_at_s: float = 0.0
    history: list[HistoryEntry] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    ended: BaseException | None = None
    """What the director ended with."""

    def receipts(self) -> dict[str, Receipt]:
        found = receipts(
            self.faults, self.history, self.probes, load_begins_at_s=self.load_begins_at_s
        )
        return {receipt.fault: receipt for receipt in found}


Meddle = Callable[[PlayedRig], Awaitable[None]]
"""What somebody does to the rig behind our back."""


async def play(
    binary: Path,
    folder: Path,
    cohorts: tuple[str, ...],
    tables: Sequence[Mapping[str, Any]],
    *,
    meddle_at_s: float = 0.0,
    meddle: Meddle | None = None,
) -> Played:
    """Play the faults with the canary watching, and a while before and after. ``meddle`` happens
    ``meddle_at_s`` after the load's begin."""
    run = Played(parse_faults(tables, where="test", cohorts=cohorts, seed=1))
    validate(run.faults, where="test", load_s=60)
    secret = secrets.token_urlsafe(32)
    settings = canary_settings(run.faults, mint_anon(secret, issued_at_unix_s=int(time.time())))
    async with _rig(binary, folder, cohorts, secret) as rig:
        canary = asyncio.create_task(
            watch(rig.targets, settings, clock=monotonic_s, sink=run.probes.append)
        )
        await asyncio.sleep(BEFORE_S)
        run.load_begins_at_s = monotonic_s()
        director = Director(
            {"toxiproxy": ProxyActuator(rig.client)},
            clock=monotonic_s,
            report=run.history.append,
        )
        playing = asyncio.create_task(
            director.play(plan(run.faults), load_begins_at_s=run.load_begins_at_s)
        )
        if meddle is not None:
            await asyncio.sleep(meddle_at_s)
            await meddle(rig)
        await asyncio.wait({playing})
        run.ended = playing.exception()
        await asyncio.sleep(AFTER_S)
        canary.cancel()
        await asyncio.wait({canary})
    return run


@asynccontextmanager
async def _rig(
    binary: Path, folder: Path, cohorts: Sequence[str], secret: str
) -> AsyncIterator[PlayedRig]:
    """A Toxiproxy of our own with both proxies of each cohort before a reference server."""
    async with (
        reference_server(folder / "db", folder / "server.log", jwt_secret=secret) as server,
        await start_toxiproxy(binary, folder / "toxiproxy.log") as process,
        ToxiproxyClient(process.url) as client,
    ):
        targets = []
        for cohort in cohorts:
            for side, port in (("api", server.api_port), ("realtime", server.realtime_port)):
                upstream = f"{server.host}:{port}"
                wanted = Proxy(name=f"{cohort}-{side}", listen="127.0.0.1:0", upstream=upstream)
                made = await client.create(wanted)
                host, _, listens = made.listen.rpartition(":")
                targets.append(
                    Target(
                        proxy=made.name,
                        side="api" if side == "api" else "realtime",
                        host=host,
                        port=int(listens),
                    )
                )
        yield PlayedRig(client, process.pid, targets)
