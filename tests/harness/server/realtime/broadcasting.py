"""Requests to the HTTP routes of a Realtime that keeps what it would broadcast."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import httpx

from harness.server.auth.tokens import Tokens
from harness.server.defects import Defects
from harness.server.edge import Edge
from harness.server.knobs import Knobs
from harness.server.realtime.broadcast_routes import broadcast_routes
from harness.server.realtime.rest_broadcast import Posted
from harness.server.realtime.shell import Realtime, realtime_app
from harness.server.realtime.topics.topics import TopicName
from harness.server.switches import Switches
from tests.harness.server.builders import SECRET, TOKENS

NO_KNOBS: Mapping[str, Any] = MappingProxyType({})


class Heard(Realtime):
    """Keeps what would be broadcast."""

    def __init__(self, switches: Switches, now_s: float) -> None:
        tokens = Tokens(SECRET, TOKENS.wall_time, switches=switches)
        super().__init__(tokens, switches, lambda: now_s)
        self.heard: list[Posted] = []

    def broadcast(self, name: TopicName, broadcast: Any) -> None:
        self.heard.append(Posted(name, broadcast))


def posted(
    path: str,
    *,
    sent_before: int = 0,
    knobs: Mapping[str, Any] = NO_KNOBS,
    defects: Defects = frozenset(),
    now_s: float = 6.0,
    **request: Any,
) -> tuple[httpx.Response, Heard]:
    """The answer to a request, and the server after it. ``sent_before``: messages, just now."""

    async def ask() -> tuple[httpx.Response, Heard]:
        switches = Switches(Knobs(plan="free", **knobs), defects)
        server = Heard(switches, now_s)
        server.quotas.messages.add(sent_before, now_s - 6.0)
        transport = httpx.ASGITransport(Edge(realtime_app(broadcast_routes(server)), switches))
        async with httpx.AsyncClient(transport=transport, base_url="http://realtime") as client:
            return await client.request(request.pop("method", "POST"), path, **request), server

    return asyncio.run(ask())
