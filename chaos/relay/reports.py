"""What the relay says of itself on its control port."""

from __future__ import annotations

import msgspec

from chaos.relay.rules import Rule


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """The one line that it prints when it is ready."""

    control_port: int
    ports: dict[str, int]
    """Of each listener, by name."""


class RuleState(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that is set."""

    rule: Rule
    concerned: int
    """Connections that it might have hit since it was set."""
    hit: int
    """Those that it did hit."""


class ListenerState(msgspec.Struct, frozen=True, kw_only=True):
    """A listener as it is now; counts of bytes and of accepted connections since its start."""

    name: str
    rules: tuple[RuleState, ...]
    accepted: int
    open: int
    websockets: int
    stalled: int
    hung: int
    bytes_up: int
    """From clients."""
    bytes_down: int


class ConnectionState(msgspec.Struct, frozen=True, kw_only=True):
    """One open connection."""

    listener: str
    number: int
    """In the order of acceptance, from 1."""
    age_s: float
    idle_s: float
    websocket: bool
    stalled: bool
    hung: bool
    bytes_up: int
    bytes_down: int
