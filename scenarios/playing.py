"""What plays the faults on a rig, and what proves them, for whoever runs one."""

from __future__ import annotations

from chaos.actuators.model import Actuator
from chaos.actuators.proxies import ProxyActuator
from chaos.actuators.relay import RelayActuator
from chaos.canary import CanarySettings, Sink, watch
from chaos.faults.model import Means
from harness.clock import monotonic_s
from scenarios.rig import Rig


def actuators_of(rig: Rig) -> dict[Means, Actuator]:
    """One for each part of the rig that can play faults."""
    actuators: dict[Means, Actuator] = {"toxiproxy": ProxyActuator(rig.toxiproxy)}
    if rig.relay is not None:
        actuators["relay"] = RelayActuator(rig.relay)
    return actuators


async def watch_faults(rig: Rig, settings: CanarySettings, *, sink: Sink) -> None:
    """Probe all that a fault may hit until cancelled; ``sink`` gets each probe as it ends."""
    await watch(rig.targets, settings, clock=monotonic_s, sink=sink)
