"""The pure part of Realtime, put together. No socket, clock or SQL is in it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from harness.server.auth.tokens import Tokens
from harness.server.realtime.channels.channels import Channels
from harness.server.realtime.channels.pushes import Pushes
from harness.server.realtime.handshake import Gate
from harness.server.realtime.protocol import Protocol
from harness.server.realtime.quotas import Quotas, plan
from harness.server.switches import Switches


@dataclass(frozen=True)
class Core:
    """What a shell of sockets is put around."""

    quotas: Quotas
    gate: Gate
    """Judges handshakes."""
    channels: Channels
    pushes: Pushes
    protocol: Protocol
    """Reacts to frames."""


def make_core(tokens: Tokens, switches: Switches, rng: Random | None = None) -> Core:
    """``rng``: the chance of the server; the same every time if not given."""
    quotas = Quotas(
        lambda: plan(switches.knobs.plan), used_up=lambda: switches.knobs.changes_used_up
    )
    channels = Channels(switches, rng)
    pushes = Pushes(channels, quotas, switches)
    return Core(
        quotas=quotas,
        gate=Gate(tokens, switches, quotas),
        channels=channels,
        pushes=pushes,
        protocol=Protocol(channels, tokens, switches, quotas, pushes),
    )
