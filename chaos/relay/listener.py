"""One listening port of the relay and the connections through it."""

from __future__ import annotations

import asyncio
import socket
from math import inf

import msgspec

from chaos.relay.book import Book, Cut, Hold, Order, Reopen, Thaw
from chaos.relay.end import End
from chaos.relay.pipe import Pipe
from chaos.relay.reports import ConnectionState, ListenerState, RuleState
from chaos.relay.rules import Rule
from harness.clock import Clock

_BACKLOG = 4096
"""Connections that may wait to be accepted; a whole room reconnects in one second (H6)."""

_RHYTHM_S = 0.05
"""Looking through all connections for those whose time has come costs too much to be done for each
of them, so a cut may be this much late."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A listener's name and the server behind it."""

    name: str
    host: str
    port: int


class Listener:
    """Accepts on a free port of 127.0.0.1; made by :meth:`start`."""

    def __init__(self, route: Route, clock: Clock) -> None:
        self.route = route
        self._clock = clock
        self._book = Book(route.name)
        self._pipes: dict[int, Pipe] = {}
        self._server: asyncio.Server | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_s = inf
        self._bytes_up = 0
        self._bytes_down = 0

    async def start(self) -> int:
        """Listen; returns the port."""
        listening = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        port: int = listening.getsockname()[1]
        self._server = await self._loop.create_server(
            self._accepted, sock=listening, backlog=_BACKLOG
        )
        return port

    # -- rules ----------------------------------------------------------------------------

    def put(self, rule: Rule) -> None:
        """Set a rule. Raises :class:`ValueError` where another has its name."""
        self._obey(self._book.put(rule))
        self._look()

    def drop(self, name: str) -> None:
        """Take a rule back; an unknown one changes nothing."""
        self._obey(self._book.drop(name))
        self._look()

    def clear(self) -> None:
        for name in list(self._book.rules):
            self.drop(name)

    # -- reports --------------------------------------------------------------------------

    def state(self) -> ListenerState:
        pipes = self._pipes.values()
        there = self._book.connections.values()
        return ListenerState(
            name=self.route.name,
            rules=tuple(map(self._rule_state, self._book.rules.values())),
            accepted=self._book.accepted,
            open=len(there),
            websockets=sum(each.websocket for each in there),
            stalled=sum(bool(each.stalled_by) for each in there),
            hung=sum(bool(each.hung_by) for each in there),
            bytes_up=self._bytes_up + sum(pipe.bytes_up for pipe in pipes),
            bytes_down=self._bytes_down + sum(pipe.bytes_down for pipe in pipes),
        )

    def connections(self) -> list[ConnectionState]:
        now_s = self._clock()
        return [
            ConnectionState(
                listener=self.route.name,
                number=each.number,
                age_s=now_s - each.opened_s,
                idle_s=now_s - each.active_s,
                websocket=each.websocket,
                stalled=bool(each.stalled_by),
                hung=bool(each.hung_by),
                bytes_up=self._pipes[each.number].bytes_up,
                bytes_down=self._pipes[each.number].bytes_down,
            )
            for each in self._book.connections.values()
        ]

    # -- inside ---------------------------------------------------------------------------

    def _rule_state(self, rule: Rule) -> RuleState:
        tally = self._book.tallies[rule.name]
        return RuleState(rule=rule, concerned=tally.concerned, hit=tally.hit)

    def _accepted(self) -> End:
        pipe = Pipe(self._book, clock=self._clock, connect=self._connect, gone=self._gone)
        self._pipes[pipe.connection.number] = pipe
        due_s = self._book.due_of_s(pipe.connection)
        if due_s < self._wakes_s:
            self._wake_at(due_s)
        return pipe.client

    async def _connect(self, end: End) -> None:
        await self._loop.create_connection(lambda: end, self.route.host, self.route.port)

    def _gone(self, pipe: Pipe) -> None:
        if self._pipes.pop(pipe.connection.number, None) is not None:
            self._bytes_up += pipe.bytes_up
            self._bytes_down += pipe.bytes_down

    def _obey(self, orders: list[Order]) -> None:
        for order in orders:
            pipe = self._pipes[order.number]
            match order:
                case Cut(ending=ending):
                    pipe.cut(ending)
                case Hold():
                    pipe.hold()
                case Thaw():
                    pipe.thaw()
                case Reopen():
                    pipe.reopen()

    def _look(self) -> None:
        """End whose time has come, and look again when the next one's comes."""
        self._obey(self._book.due(self._clock()))
        self._wake_at(self._book.next_due_s())

    def _wake_at(self, moment_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._wakes_s = None, moment_s
        if moment_s != inf:
            delay_s = max(_RHYTHM_S, moment_s - self._clock())
            self._timer = self._loop.call_later(delay_s, self._look)
