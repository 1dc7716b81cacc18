"""Probes through every proxy, all the time: what the receipts of faults are made of.

On each proxy a kept connection carries probes at a fixed pace whether or not the earlier ones
are answered (a stall of ten seconds is two hundred late answers, not one), and fresh connections
show whether the door is open. Where a fault asks for it, others carry many bytes or say goodbye.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import ceil

from chaos.lines import (
    LINE_ERRORS,
    ApiLine,
    Line,
    RealtimeLine,
    Target,
    connect_only,
    farewell,
    handshake_only,
    haul,
    outcome_of,
    request_once,
    words_of,
)
from harness.clock import Clock
from harness.receipts import Probe, ProbeKind, ProbeOutcome

Sink = Callable[[Probe], None]


@dataclass(frozen=True, kw_only=True)
class CanarySettings:
    """Paces and patience, in seconds."""

    api_key: str
    """The public key that the Realtime URL carries."""
    health_path: str = "/health"
    """What is asked of an API proxy."""
    links: int = 1
    """Kept connections a proxy, which share the pace. More than one where a fault has a share
    below 1: a single connection may be among those it spares."""
    probe_period_s: float = 0.05
    connect_period_s: float = 0.1
    """Between two bare connects to a Realtime proxy."""
    request_period_s: float = 0.2
    """Between two requests on connections of their own to an API proxy."""
    handshake_period_s: float | None = None
    """Between two WebSockets that are opened at a Realtime proxy for this alone; ``None``: none
    are. Only a fault of the handshake needs them."""
    silent_s: Mapping[str, float] = field(default_factory=dict)
    """By proxy: connections that say nothing for so long. Only a fault that cuts idle ones needs
    them."""
    silent_period_s: float = 0.5
    """Between the openings of two such connections; shorter than the margin by which their silence
    exceeds the fault's, so that one of them is always ripe."""
    reconnect_after_s: float = 0.1
    open_timeout_s: float = 2.0
    """For a connect with its handshake."""
    request_timeout_s: float = 5.0
    """For a request on a connection of its own, for bulk, and for a close to come back."""
    farewells: bool = False
    """Whether to probe closing too, on connections of their own."""
    bulk_bytes: int | None = None
    """What a bulk probe carries each way; ``None``: there are none."""
    farewell_period_s: float = 0.1
    bulk_period_s: float = 0.2
    answer_timeout_s: float = 30.0
    """On a kept connection; longer than the delays of the run's faults. It also bounds what is
    kept in memory: this many seconds of probes."""
    decided_after_s: float = 2.0
    """A probe still open when the canary stops is told as unanswered if it is older, else not
    at all: nobody knows how it would have ended."""


async def watch(
    targets: Sequence[Target], settings: CanarySettings, *, clock: Clock, sink: Sink
) -> None:
    """Probe all targets until cancelled; each probe goes to ``sink`` when its end is known.

    Probes therefore come in the order of their ends. Nothing is kept here of those that were
    told; open ones are told on cancellation.
    """
    async with asyncio.TaskGroup() as group:
        for target in targets:
            watcher = _Watcher(target, settings, clock, sink)
            for number in range(settings.links):
                group.create_task(watcher.keep_probing(number))
            group.create_task(watcher.keep_connecting())
            if settings.farewells:
                group.create_task(watcher.keep_leaving())
            if settings.bulk_bytes is not None:
                group.create_task(watcher.keep_hauling(settings.bulk_bytes))
            if target.side == "realtime" and settings.handshake_period_s is not None:
                group.create_task(watcher.keep_handshaking(settings.handshake_period_s))
            if target.proxy in settings.silent_s:
                group.create_task(watcher.keep_silent(settings.silent_s[target.proxy]))


class _Watcher:
    """The probes of one proxy."""

    def __init__(self, target: Target, settings: CanarySettings, clock: Clock, sink: Sink) -> None:
        self._target = target
        self._settings = settings
        self._clock = clock
        self._sink = sink
        self._kind: ProbeKind = "ws" if target.side == "realtime" else "http"

    async def keep_probing(self, number: int) -> None:
        """Hold one connection, and open it again whenever it is lost."""
        await asyncio.sleep(number * self._settings.probe_period_s)
        while True:
            started_s = self._clock()
            try:
                async with asyncio.timeout(self._settings.open_timeout_s):
                    line = await self._open()
            except LINE_ERRORS as error:
                self._tell(self._kind, started_s, outcome_of(error), detail=words_of(error))
            else:
                await self._probe_through(line)
            await asyncio.sleep(self._settings.reconnect_after_s)

    async def keep_connecting(self) -> None:
        """Open a connection of its own for every probe, at a pace that no stall slows down."""
        settings, target = self._settings, self._target
        kind: ProbeKind
        if target.side == "realtime":
            kind, exchange = "connect", partial(connect_only, target)
            period_s, limit_s = settings.connect_period_s, settings.open_timeout_s
        else:
            kind, exchange = "http", partial(request_once, target, settings.health_path)
            period_s, limit_s = settings.request_period_s, settings.request_timeout_s
        await self._repeat(kind, exchange, period_s=period_s, limit_s=limit_s)

    async def keep_leaving(self) -> None:
        """Close a connection, again and again, and see how long its end takes to come back."""
        settings = self._settings
        limit_s, period_s = settings.request_timeout_s, settings.farewell_period_s
        exchange = partial(farewell, self._target)
        await self._repeat("close", exchange, period_s=period_s, limit_s=limit_s)

    async def keep_hauling(self, bulk_bytes: int) -> None:
        """Carry many bytes there and back, each time on a connection of its own."""
        settings = self._settings
        limit_s, period_s = settings.request_timeout_s, settings.bulk_period_s
        exchange = partial(haul, self._target, settings.health_path, bulk_bytes)
        await self._repeat("bulk", exchange, period_s=period_s, limit_s=limit_s)

    async def keep_handshaking(self, period_s: float) -> None:
        """Open a WebSocket again and again."""
        exchange = partial(handshake_only, self._target, self._settings.api_key)
        await self._repeat(
            "handshake", exchange, period_s=period_s, limit_s=self._settings.open_timeout_s
        )

    async def keep_silent(self, for_s: float) -> None:
        """Have connections of all ages up to ``for_s`` that say nothing before.

        The first ones break their silence early, so that it is soon known what is usual.
        """
        period_s = self._settings.silent_period_s
        async with asyncio.TaskGroup() as group:
            for number in range(1, ceil(for_s / period_s)):
                group.create_task(self._break_silence(number * period_s))
            while True:
                group.create_task(self._break_silence(for_s))
                await asyncio.sleep(period_s)

    async def _break_silence(self, after_s: float) -> None:
        """One request on a connection that was silent for so long."""
        settings = self._settings
        sent_s = self._clock()
        try:
            async with asyncio.timeout(settings.open_timeout_s):
                line = await ApiLine.open(self._target, settings.health_path)
            try:
                await line.keep_silent(after_s)
                sent_s = self._clock()
                async with asyncio.timeout(settings.request_timeout_s):
                    await line.send(1)
                    await line.answer()
            finally:
                line.abort()
        except LINE_ERRORS as error:
            # What ends in its silence is told as one of now.
            ended_s = sent_s if isinstance(error, TimeoutError) else self._clock()
            self._tell("idle", ended_s, outcome_of(error), detail=words_of(error))
        else:
            self._tell("idle", sent_s, "ok", answered_s=self._clock())

    async def _repeat(
        self,
        kind: ProbeKind,
        exchange: Callable[[], Awaitable[None]],
        *,
        period_s: float,
        limit_s: float,
    ) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._once(kind, exchange, limit_s))
                await asyncio.sleep(period_s)

    async def _once(
        self, kind: ProbeKind, exchange: Callable[[], Awaitable[None]], limit_s: float
    ) -> None:
        sent_s = self._clock()
        try:
            async with asyncio.timeout(limit_s):
                await exchange()
        except LINE_ERRORS as error:
            self._tell(kind, sent_s, outcome_of(error), detail=words_of(error))
        else:
            self._tell(kind, sent_s, "ok", answered_s=self._clock())

    async def _open(self) -> Line:
        if self._target.side == "realtime":
            return await RealtimeLine.open(self._target, self._settings.api_key)
        return await ApiLine.open(self._target, self._settings.health_path)

    async def _probe_through(self, line: Line) -> None:
        """Send at the set pace and note the answers until the line breaks."""
        open_probes: dict[int, float] = {}
        answers = asyncio.create_task(self._note_answers(line, open_probes))
        try:
            await self._send_until_broken(line, open_probes, answers)
        except LINE_ERRORS as error:
            self._tell_open(open_probes, error)
        finally:
            answers.cancel()
            line.abort()
            await asyncio.wait((answers,))
            if not answers.cancelled():
                answers.exception()  # seen: the sender has ended for the same reason
            self._tell_old(open_probes, self._settings.decided_after_s)

    async def _send_until_broken(
        self, line: Line, open_probes: dict[int, float], answers: asyncio.Task[None]
    ) -> None:
        number = 0
        while not answers.done():
            number += 1
            open_probes[number] = self._clock()
            await line.send(number)
            self._tell_old(open_probes, self._settings.answer_timeout_s)
            period_s = self._settings.probe_period_s * self._settings.links
            await asyncio.wait((answers,), timeout=period_s)
        answers.result()

    async def _note_answers(self, line: Line, open_probes: dict[int, float]) -> None:
        while True:
            number = await line.answer()
            sent_s = open_probes.pop(number, None)
            if sent_s is not None:  # else it was given up before
                self._tell(self._kind, sent_s, "ok", answered_s=self._clock())

    def _tell_open(self, open_probes: dict[int, float], error: BaseException) -> None:
        """All open probes ended with the line; with none open, its end is told as one of now."""
        for sent_s in list(open_probes.values()) or [self._clock()]:
            self._tell(self._kind, sent_s, outcome_of(error), detail=words_of(error))
        open_probes.clear()

    def _tell_old(self, open_probes: dict[int, float], older_than_s: float) -> None:
        """Give up the probes that are older; they were sent in the order of their numbers."""
        limit_s = self._clock() - older_than_s
        while open_probes:
            number, sent_s = next(iter(open_probes.items()))
            if sent_s > limit_s:
                return
            del open_probes[number]
            self._tell(self._kind, sent_s, "unanswered")

    def _tell(
        self,
        kind: ProbeKind,
        sent_s: float,
        outcome: ProbeOutcome,
        *,
        answered_s: float | None = None,
        detail: str = "",
    ) -> None:
        self._sink(
            Probe(
                proxy=self._target.proxy,
                kind=kind,
                sent_s=sent_s,
                outcome=outcome,
                answered_s=answered_s,
                detail=detail,
            )
        )
