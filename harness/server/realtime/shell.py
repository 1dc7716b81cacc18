"""The Realtime port: sockets and timers around the pure room logic."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from random import Random
from typing import assert_never

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from uvicorn.server import ServerState

from harness.clock import Clock
from harness.server.auth.tokens import Claims, Refusal, Tokens, expired
from harness.server.realtime.channels.channel import Channel
from harness.server.realtime.core import make_core
from harness.server.realtime.distrust import distrusted
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
from harness.server.realtime.handshake import Admission, Verdict
from harness.server.realtime.sockets.connection import Connection, text_message
from harness.server.realtime.sockets.websocket_frames import Binary, Text, binary_frame
from harness.server.realtime.subscription_log import SubscriptionLog
from harness.server.realtime.topics.broadcast import Broadcast
from harness.server.realtime.topics.topics import TopicName
from harness.server.sparing_log import SparingLog
from harness.server.storage.model import Change
from harness.server.switches import Switches

_SWEEP_EVERY_S = 1.0
"""By how much a silent socket may outlive its time."""
_NO_CLOSE_FRAME = 1006
_log = logging.getLogger(__name__)


class Realtime:
    """All Realtime connections of a process. Lives on one event loop."""

    def __init__(self, tokens: Tokens, switches: Switches, clock: Clock) -> None:
        self._tokens = tokens
        self.switches = switches
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
        self._sweeper: asyncio.TimerHandle | None = None
        self._dropped_frames = SparingLog()
        self._half_open = switches.knobs.half_open
        self.subscriptions = SubscriptionLog()
        """Whoever made this closes it."""
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
        """Judge the token of a broadcast over HTTP now."""
        claims = self._tokens.verify(token, self._clock())
        believed = isinstance(claims, Refusal) or not distrusted(claims, self.switches)
        return claims if believed else expired(0)

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

    def socket(self, *, server_state: ServerState, **_: object) -> Connection:
        """A protocol for one socket, as uvicorn asks for it at an upgrade."""
        return Connection(self, server_state.connections)

    def admit(self, query: Mapping[str, str], headers: Mapping[str, str]) -> Verdict:
        """Judge a handshake."""
        return self._gate.admit(query, headers, self._clock())

    def opened(self, connection: Connection, admission: Admission) -> None:
        """Take in an accepted socket."""
        connection.peer = Peer(next(self._numbers), admission.vsn)
        connection.own = admission.claims
        self._connections[connection.peer.connection] = connection
        if self._sweeper is None:
            self._sweep()
        knobs = self.switches.knobs
        if knobs.half_open:
            connection.pause_reading()
        if knobs.accept_then_close:
            self._end(connection, knobs.accept_then_close)

    def received(self, connection: Connection, message: Text | Binary) -> None:
        """React to one message from a client."""
        reaction = self._read(connection, message)
        if reaction.dropped:
            line = self._dropped_frames.line(reaction.dropped, self._clock())
            if line is not None:
                _log.warning("a frame was dropped: %s", line)
        self._perform(reaction.at_once)
        if reaction.stall_s:
            connection.stall(reaction.stall_s, partial(self._finish, reaction))
        else:
            self._perform(reaction.effects)

    def _finish(self, reaction: Reaction) -> None:
        """The stall is over."""
        late = reaction.then(self._clock()) if reaction.then is not None else ()
        self._perform((*late, *reaction.effects))

    def gone(self, connection: Connection) -> None:
        """Forget a socket from which nothing comes any more."""
        number = connection.peer.connection
        del self._connections[number]
        self.quotas.forget_connection(number)
        self._perform(self._channels.drop(connection.peer, self._clock()))

    def too_slow(self) -> None:
        """Count a receiver that was cut off because too much waited for it."""
        self.slow_readers_dropped += 1

    def _read(self, connection: Connection, message: Text | Binary) -> Reaction:
        peer, own, now_s = connection.peer, connection.own, self._clock()
        if isinstance(message, Binary):
            return self._protocol.receive_binary(peer, own, message.data, now_s)
        return self._protocol.receive(peer, own, message.text, now_s)

    def _turned(self) -> None:
        """Plan anew what was planned by the old knobs, and let sockets stand still or go on."""
        self._channels.turned(self._clock())
        self._arm()
        if self._half_open == self.switches.knobs.half_open:
            return
        self._half_open = self.switches.knobs.half_open
        for connection in self._connections.values():
            if self._half_open:
                connection.pause_reading()
            else:
                connection.resume_reading()

    def _perform(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Publish(vsn, frame, connections):
                    self._publish(connections, text_message(frame, vsn))
                case PublishBinary(data, connections):
                    self._publish(connections, binary_frame(data))
                case Send(peer, frame):
                    self._publish((peer.connection,), text_message(frame, peer.vsn))
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

    def _publish(self, numbers: Iterable[int], message: bytes) -> None:
        if self.switches.knobs.half_open:
            return
        find = self._connections.get
        for number in numbers:
            connection = find(number)
            if connection is not None:
                connection.write(message)

    def _sweep(self) -> None:
        """Close what was silent for too long: one timer for all sockets, a little late."""
        knobs = self.switches.knobs
        silent_s = self._clock() - knobs.idle_timeout_s
        for connection in tuple(self._connections.values()):
            if connection.heard_s <= silent_s and not knobs.half_open:
                connection.close_idle()
        self._sweeper = None
        if self._connections:
            delay_s = min(_SWEEP_EVERY_S, knobs.idle_timeout_s / 4)
            self._sweeper = asyncio.get_running_loop().call_later(delay_s, self._sweep)

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


def realtime_app(routes: Sequence[BaseRoute] = ()) -> Starlette:
    """What a project's gateway serves on the Realtime port over plain HTTP, in ASGI."""
    return Starlette(routes=[Route("/health", _health, methods=["GET"]), *routes])


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})
