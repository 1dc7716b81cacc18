"""What plays the faults on a rig, and what proves them, for whoever runs one."""

from __future__ import annotations

import time
from collections.abc import Coroutine, Sequence
from typing import Any

from chaos.actuators.browsers import PlannedInBrowsers
from chaos.actuators.lanes import InLanes
from chaos.actuators.model import Actuator
from chaos.actuators.proxies import ProxyActuator
from chaos.actuators.relay import RelayActuator
from chaos.actuators.server import ServerActuator
from chaos.canary import CanarySettings, Sink, watch
from chaos.chat_lines import ChatServer
from chaos.faults.model import Means
from chaos.faults.schedule import ScheduledFault
from harness.clock import monotonic_s
from scenarios.rig import Rig
from scenarios.server_canary import in_server, watch_server


def actuators_of(rig: Rig, faults: Sequence[ScheduledFault]) -> dict[Means, Actuator]:
    """One for each part of the rig that plays some of these faults."""
    actuators: dict[Means, Actuator] = {
        "toxiproxy": InLanes(
            [
                ProxyActuator(lane.toxiproxy, ours=[each.name for each in lane.proxies.values()])
                for lane in rig.lanes
            ]
        ),
        "browser": PlannedInBrowsers(),
    }
    if in_server(faults):
        actuators["server"] = ServerActuator(rig.server)
    relays = [RelayActuator(lane.relay) for lane in rig.lanes if lane.relay is not None]
    if relays:
        actuators["relay"] = InLanes(relays)
    return actuators


def canaries(
    rig: Rig,
    faults: Sequence[ScheduledFault],
    settings: CanarySettings,
    *,
    jwt_secret: str,
    run_id: str,
    sink: Sink,
    live_wait_s: float | None = None,
) -> dict[str, Coroutine[Any, Any, None]]:
    """What probes all that these faults may hit, by its name; each goes on until cancelled.

    ``live_wait_s`` as for :func:`~scenarios.server_canary.watch_server`.
    """
    found = {"canary": watch(rig.targets, settings, clock=monotonic_s, sink=sink)}
    if in_server(faults):
        chat = ChatServer(
            host=rig.server.host,
            api_port=rig.server.api_port,
            realtime_port=rig.server.realtime_port,
            api_key=settings.api_key,
            jwt_secret=jwt_secret,
            unix_s=time.time,
        )
        found["canary in the server"] = watch_server(
            faults,
            rig.server,
            chat,
            run_id=run_id,
            clock=monotonic_s,
            sink=sink,
            live_wait_s=live_wait_s,
        )
    return found
