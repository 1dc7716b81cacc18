"""The canary's part in the server itself, in runs that have faults there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from chaos.canary import CanarySettings, Sink, watch
from chaos.chat_canary import CHAT_PROBES, ChatCanarySettings, chat_told_soon, watch_chat
from chaos.chat_lines import CANARY_ROOM, ChatServer
from chaos.faults.schedule import SERVER_API, SERVER_REALTIME, ScheduledFault
from chaos.lines import Target
from chaos.switch_canary import looked_for, watch_switches
from harness.clock import Clock
from harness.receipts import ProbeKind
from scenarios.server_logs import without_room
from scenarios.server_process import ServerProcess

_LINE_PROBES: frozenset[ProbeKind] = frozenset(("ws", "http", "connect"))


def in_server(faults: Sequence[ScheduledFault]) -> tuple[ScheduledFault, ...]:
    """Those of a scenario's faults that the server plays."""
    return tuple(fault for fault in faults if fault.fault.means == "server")


async def watch_server(
    faults: Sequence[ScheduledFault],
    server: ServerProcess,
    chat: ChatServer,
    *,
    run_id: str,
    clock: Clock,
    sink: Sink,
    live_wait_s: float | None = None,
) -> None:
    """Make those probes, until cancelled, by which the faults can be shown, and no others.

    ``live_wait_s``: what hangs is told after so long, for somebody who watches it happen.
    """
    kinds = _kinds(faults)
    async with asyncio.TaskGroup() as group:
        if kinds & _LINE_PROBES:
            lines = CanarySettings(api_key=chat.api_key)
            group.create_task(watch(_targets(server), lines, clock=clock, sink=sink))
        if kinds & CHAT_PROBES:
            settings = ChatCanarySettings(kinds=kinds & CHAT_PROBES, run_id=run_id)
            if live_wait_s is not None:
                settings = chat_told_soon(settings, wait_s=live_wait_s)
            group.create_task(watch_chat(chat, settings, clock=clock, sink=sink))
        if wanted := looked_for(in_server(faults)):
            group.create_task(watch_switches(server.switches, wanted, clock=clock, sink=sink))


def without_canary(lines: bytes, faults: Sequence[ScheduledFault]) -> bytes:
    """A log of the server without what the canary did in its own room: it is none of the users'."""
    return without_room(lines, CANARY_ROOM) if _kinds(faults) & CHAT_PROBES else lines


def _kinds(faults: Sequence[ScheduledFault]) -> frozenset[ProbeKind]:
    every = [fault.evidence.kinds for fault in in_server(faults)]
    return frozenset[ProbeKind]().union(*every)


def _targets(server: ServerProcess) -> list[Target]:
    return [
        Target(proxy=SERVER_API, side="api", host=server.host, port=server.api_port),
        Target(proxy=SERVER_REALTIME, side="realtime", host=server.host, port=server.realtime_port),
    ]
