"""The Realtime port: sockets and timers around the pure room logic."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Iterable, Sequence
from random import Random
from typing import assert_never

from starlette import types as asgi
from starlette.applications import Starlette
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from harness.clock import Clock
from harness.commitlog import Subscription
from harness.server.auth.tokens import Claims, Refusal, Tokens
from harness.server.realtime.broadcast import Broadcast
from harness.server.realtime.channel import Channel
from harness.server.realtime.core import make_core
from harness.server.realtime.effects import (
    Close,
    Drop,
    Effect,
    Note,
    Peer,
    Publish,
    PublishBinary,
    Reaction,
    Send,
)
from harness.server.realtime.handshake import Denial, Hang
from harness.server.realtime.sockets import (
    Connection,
    binary_message,
    text_message,
    transport_of,
)
from harness.server.realtime.sparing_log import SparingLog
from harness.server.realtime.topics import TopicName
from harness.server.storage.model import Change
from harness.server.switches import Switches

PATHS = ("/realtime/v1/websocket", "/socket/websocket")
_NO_CLOSE_FRAME = 1006
_log = logging.getLogger(__name__)


class Realtime:
    """All Realtime connections of a process. Lives on one event loop."""

    def __init__(self, tokens: Tokens, switches: Switches, clock: Clock) -> None:
        self._tokens = tokens
        self._switches = switches
        self._clock = clock
        # Refs of presence must not come again after a restart, or clients take new for old.
        core = make_core(tokens, switches, Random())
        self.quotas = core.quotas
        self._gate = core.gate
        self._channels = core.channels
        self._pushes = core.pushes
        self._protocol = core.protocol
        self._connections: dict[int, Connection] = {}
        self._numbers = itertools.count(1)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_s: float | None = None
        self._dropped_frames = SparingLog()
        self._half_open = switches.knobs.half_open
        self.subscriptions: list[Subscription] = []
        """Every change of a subscription since the process started."""
        self.slow_readers_dropped = 0
        switches.watch(self._turned)

    @property
    def connections(self) -> int:
        """How many sockets are open."""
        return len(self._connections)

    def now_s(self) -> float:
        """Host-monotonic."""
        return self._clock()

    def verify(self, token: str) -> Claims | Refusal:
        """Judge a token now."""
        return self._tokens.verify(token, self._clock())

    def publish(self, change: Change) -> bool:
        """Send a committed change to those who listen, unless the project's quota is used up.

        Whether there was anybody.
        """
        timestamp = self._tokens.wall_time.commit_timestamp(change.commit.committed_s)
        published = self.quotas.publish_change(
            lambda: self._channels.publish(change, timestamp), self._clock()
        )
        self._perform(published)
        return bool(published)

    def broadcast(self, name: TopicName, broadcast: Broadcast) -> None:
        """Send a broadcast that came over HTTP."""
        now_s = self._clock()
        self._perform(self._pushes.broadcast_from_outside(name, broadcast, now_s))

    def farewell(self) -> None:
        """Announce the end on every channel; the web server then closes with 1012."""
        self._perform(self._channels.farewell())
        if self._timer is not None:
            self._timer.cancel()

    def close_sockets(self, code: int | None, *, farewell: bool) -> int:
        """End all sockets, with a Close frame or (``None``) without; returns how many."""
        if farewell:
            self._perform(self._channels.farewell())
        numbers = list(self._connections)
        self._perform(Drop(one) if code is None else Close(one, code) for one in numbers)
        return len(numbers)

    def close_channels(self, topic: str | None, message: str) -> int:
        """End the channels of a topic, or all, for good; returns how many."""
        channels, now_s = self._of_topic(topic), self._clock()
        for one in channels:
            ended = (
                self._channels.end(one, message, now_s)
                if message
                else self._channels.close(one, now_s)
            )
            self._perform(ended)
        return len(channels)

    def crash_channels(self, topic: str | None) -> int:
        """Let the channels of a topic, or all, crash; returns how many."""
        channels, now_s = self._of_topic(topic), self._clock()
        for one in channels:
            self._perform(self._channels.crash(one, now_s))
        return len(channels)

    def _of_topic(self, topic: str | None) -> list[Channel]:
        return [one for one in self._channels.all() if topic in (None, one.topic)]

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        """One WebSocket, as an ASGI application."""
        await receive()  # websocket.connect
        query = QueryParams(scope["query_string"])
        verdict = self._gate.admit(query, Headers(scope=scope), self._clock())
        if isinstance(verdict, Hang):
            await receive()  # until it is gone
            return
        if isinstance(verdict, Denial):
            await self._deny(verdict, send)
            return
        await send({"type": "websocket.accept"})
        peer = Peer(next(self._numbers), verdict.vsn)
        connection = Connection(peer, transport_of(scope), self._switches.knobs.max_unsent_bytes)
        self._opened(connection)
        try:
            await self._converse(connection, verdict.claims, receive, send)
        finally:
            self._gone(connection)

    async def _deny(self, denial: Denial, send: asgi.Send) -> None:
        if denial.error is not None:
            await asyncio.sleep(self._switches.knobs.connect_error_backoff_s)
        start = "websocket.http.response.start"
        await send({"type": start, "status": denial.status, "headers": denial.headers})
        await send({"type": "websocket.http.response.body", "body": denial.body})

    async def _converse(
        self, connection: Connection, own: Claims, receive: asgi.Receive, send: asgi.Send
    ) -> None:
        while True:
            try:
                async with asyncio.timeout(self._switches.knobs.idle_timeout_s):
                    message = await receive()
            except TimeoutError:
                if self._switches.knobs.half_open:
                    continue
                await send({"type": "websocket.close", "code": 1000})
                return
            if message["type"] == "websocket.disconnect":
                return
            if self._switches.knobs.half_open:
                continue
            await self._answer(connection, self._read(connection.peer, own, message))

    def _read(self, peer: Peer, own: Claims, message: asgi.Message) -> Reaction:
        text = message.get("text")
        if text is None:
            return self._protocol.receive_binary(peer, own, message["bytes"], self._clock())
        return self._protocol.receive(peer, own, text, self._clock())

    def _opened(self, connection: Connection) -> None:
        self._connections[connection.peer.connection] = connection
        knobs = self._switches.knobs
        if knobs.half_open:
            connection.pause_reading()
        if knobs.accept_then_close:
            self._end(connection, knobs.accept_then_close)

    def _gone(self, connection: Connection) -> None:
        number = connection.peer.connection
        del self._connections[number]
        self.quotas.forget_connection(number)
        self._perform(self._channels.drop(connection.peer, self._clock()))

    def _turned(self) -> None:
        """A knob may have been turned: let the sockets stand still, or go on."""
        if self._half_open == self._switches.knobs.half_open:
            return
        self._half_open = self._switches.knobs.half_open
        for connection in self._connections.values():
            if self._half_open:
                connection.pause_reading()
            else:
                connection.resume_reading()

    async def _answer(self, connection: Connection, reaction: Reaction) -> None:
        if reaction.dropped:
            line = self._dropped_frames.line(reaction.dropped, self._clock())
            if line is not None:
                _log.warning("a frame was dropped: %s", line)
        self._perform(reaction.at_once)
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
                case PublishBinary(data, connections):
                    message = binary_message(data)
                    for number in connections:
                        self._write(number, message)
                case Send(peer, frame):
                    self._write(peer.connection, text_message(frame, peer.vsn))
                case Close(number, code):
                    self._end(self._connections.get(number), code)
                case Drop(number):
                    self._end(self._connections.get(number), _NO_CLOSE_FRAME)
                case Note(subscription):
                    self.subscriptions.append(subscription)
                case _:
                    assert_never(effect)
        self._arm()

    def _end(self, connection: Connection | None, code: int) -> None:
        if connection is None:
            return
        if code == _NO_CLOSE_FRAME:
            connection.drop()
        else:
            connection.close(code)

    def _write(self, number: int, message: bytes) -> None:
        connection = self._connections.get(number)
        if connection is None or self._switches.knobs.half_open:
            return
        if not connection.write(message):
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
