"""The Realtime port: sockets and timers around the pure room logic."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections.abc import Iterable, Sequence
from typing import assert_never

from starlette import types as asgi
from starlette.applications import Starlette
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from harness.clock import Clock
from harness.commitlog import Subscription
from harness.server.auth.tokens import Claims, Tokens
from harness.server.realtime.channels import Channels
from harness.server.realtime.effects import Effect, Note, Peer, Publish, Send
from harness.server.realtime.handshake import Denial, admit
from harness.server.realtime.protocol import Protocol
from harness.server.realtime.sockets import Connection, text_message, transport_of
from harness.server.storage.model import Change
from harness.server.switches import Switches

PATHS = ("/realtime/v1/websocket", "/socket/websocket")
_log = logging.getLogger(__name__)


class Realtime:
    """All Realtime connections of a process. Lives on one event loop."""

    def __init__(self, tokens: Tokens, switches: Switches, clock: Clock) -> None:
        self._tokens = tokens
        self._switches = switches
        self._clock = clock
        self._channels = Channels(switches)
        self._protocol = Protocol(self._channels, tokens, switches)
        self._connections: dict[int, Connection] = {}
        self._numbers = itertools.count(1)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_s: float | None = None
        self.subscriptions: list[Subscription] = []
        """Every change of a subscription since the process started."""
        self.slow_readers_dropped = 0

    @property
    def connections(self) -> int:
        """How many sockets are open."""
        return len(self._connections)

    def publish(self, change: Change) -> None:
        """Send a committed change to those who listen."""
        timestamp = self._tokens.wall_time.commit_timestamp(change.commit.committed_s)
        self._perform(self._channels.publish(change, timestamp))

    def farewell(self) -> None:
        """Announce the end on every channel; the web server then closes with 1012."""
        self._perform(self._channels.farewell())
        if self._timer is not None:
            self._timer.cancel()

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        """One WebSocket, as an ASGI application."""
        await receive()  # websocket.connect
        headers = Headers(scope=scope)
        query = QueryParams(scope["query_string"])
        verdict = admit(query, headers, self._tokens, self._clock())
        if isinstance(verdict, Denial):
            await self._deny(verdict, send)
            return
        await send({"type": "websocket.accept"})
        peer = Peer(next(self._numbers), verdict.vsn)
        connection = Connection(peer, transport_of(scope), self._switches.knobs.max_unsent_bytes)
        self._connections[peer.connection] = connection
        try:
            await self._converse(connection, verdict.claims, receive, send)
        finally:
            del self._connections[peer.connection]
            self._perform(self._channels.drop(peer, self._clock()))

    async def _deny(self, denial: Denial, send: asgi.Send) -> None:
        if denial.error is None:
            await send({"type": "websocket.close"})  # before accept: an empty 403
            return
        await asyncio.sleep(self._switches.knobs.connect_error_backoff_s)
        body = json.dumps({"error": denial.error}).encode()
        headers = [(b"content-type", b"application/json")]
        start = "websocket.http.response.start"
        await send({"type": start, "status": denial.status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": body})

    async def _converse(
        self, connection: Connection, own: Claims, receive: asgi.Receive, send: asgi.Send
    ) -> None:
        while True:
            try:
                async with asyncio.timeout(self._switches.knobs.idle_timeout_s):
                    message = await receive()
            except TimeoutError:
                await send({"type": "websocket.close", "code": 1000})
                return
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is None:
                _log.warning("a binary frame was dropped: broadcasts are not served")
                continue
            await self._answer(connection, own, text)

    async def _answer(self, connection: Connection, own: Claims, text: str) -> None:
        reaction = self._protocol.receive(connection.peer, own, text, self._clock())
        if reaction.dropped:
            _log.warning("a frame was dropped: %s", reaction.dropped)
        if not reaction.stall_s:
            self._perform(reaction.effects)
            return
        connection.hold()
        await asyncio.sleep(reaction.stall_s)
        held = connection.release()
        self._perform(reaction.effects)
        for message in held:
            self._write(connection.peer.connection, message)

    def _perform(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Publish(vsn, frame, connections):
                    message = text_message(frame, vsn)
                    for number in connections:
                        self._write(number, message)
                case Send(peer, frame):
                    self._write(peer.connection, text_message(frame, peer.vsn))
                case Note(subscription):
                    self.subscriptions.append(subscription)
                case _:
                    assert_never(effect)
        self._arm()

    def _write(self, number: int, message: bytes) -> None:
        connection = self._connections.get(number)
        if connection is not None and not connection.write(message):
            self.slow_readers_dropped += 1

    def _arm(self) -> None:
        """Have the timer stand at the earliest moment at which the rooms have work."""
        due_s = self._channels.next_due_s
        if due_s == self._timer_due_s:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_due_s = None, due_s
        if due_s is not None:
            delay_s = max(0.0, due_s - self._clock())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer_due_s = None
        self._perform(self._channels.advance(self._clock()))


def realtime_app(realtime: Realtime, extra_routes: Sequence[BaseRoute] = ()) -> Starlette:
    """The Realtime port as an ASGI application, with what else a project's gateway serves."""
    return Starlette(
        routes=[
            *(WebSocketRoute(path, realtime) for path in PATHS),
            Route("/health", _health, methods=["GET"]),
            *extra_routes,
        ]
    )


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})
