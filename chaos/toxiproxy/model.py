"""Toxiproxy's nouns, typed, and the few verbs that the director needs."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

Stream = Literal["upstream", "downstream"]
"""``upstream``: client to server; ``downstream``: server to client."""

ToxicType = Literal[
    "latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data"
]


class Toxic(msgspec.Struct, frozen=True, kw_only=True):
    """One toxic on one direction of a proxy; attributes as Toxiproxy names them."""

    name: str
    type: ToxicType
    stream: Stream
    attributes: dict[str, int]
    toxicity: float = 1.0
    """Probability for each connection, 0 to 1."""


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy as Toxiproxy reports it."""

    name: str
    listen: str
    """``host:port``; port 0 asks for a free one."""
    upstream: str
    enabled: bool = True
    toxics: tuple[Toxic, ...] = ()


class ToxiproxyApi(Protocol):
    """What the director asks of a Toxiproxy. Every call raises ``RigError`` when it cannot be
    done (no answer in time, an error status), with the proxy, the action and the answer."""

    async def version(self) -> str: ...

    async def create(self, proxy: Proxy) -> Proxy: ...

    async def proxies(self) -> dict[str, Proxy]: ...

    async def set_enabled(self, proxy: str, enabled: bool) -> None: ...

    async def add_toxic(self, proxy: str, toxic: Toxic) -> None: ...

    async def update_toxic(self, proxy: str, toxic: Toxic) -> None: ...

    async def remove_toxic(self, proxy: str, toxic: str) -> None: ...
