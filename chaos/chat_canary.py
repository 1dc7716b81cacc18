"""Probes of the chat itself, past all proxies, for the receipts of faults in the server.

Every probe goes out at its own pace, whatever becomes of the earlier ones. Only the probes that
the run's faults can be shown by are made: rows of the canary's are rows of the server's too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from chaos.canary import Sink
from chaos.chat_lines import ChatServer, RoomSocket, compare_clocks, read_room, send_message
from chaos.faults.schedule import SERVER_API, SERVER_REALTIME
from chaos.faults.server.clock_skew import CLOCK_MARGIN_S
from chaos.lines import LINE_ERRORS, outcome_of, words_of
from harness.clock import Clock
from harness.receipts import Probe, ProbeKind, ProbeOutcome

CHAT_PROBES: frozenset[ProbeKind] = frozenset(("send", "row", "join", "poll", "clock"))


@dataclass(frozen=True, kw_only=True)
class ChatCanarySettings:
    """Paces and patience, in seconds."""

    kinds: frozenset[ProbeKind]
    """Which probes to make."""
    run_id: str
    """So that the ids of its messages are new in any database."""
    send_period_s: float = 0.2
    """Between two messages; each is a ``send`` and a ``row``."""
    poll_period_s: float = 0.2
    join_period_s: float = 0.2
    clock_period_s: float = 0.2
    send_timeout_s: float = 10.0
    row_timeout_s: float = 10.0
    """From the send of an acknowledged message to its row."""
    poll_timeout_s: float = 5.0
    join_timeout_s: float = 30.0
    """A refused join is answered after 5 s, a late ``system ok`` much later."""
    rejoin_timeout_s: float = 2.0
    """For a new try of the kept channel."""
    rejoin_after_s: float = 0.1
    decided_after_s: float = 2.0
    """A probe still open when the canary stops is told as unanswered if it is older."""


LONGEST_JOIN_S = 8.0
"""Of those that are told while they happen: a refused one is answered after 5 s."""


def chat_told_soon(settings: ChatCanarySettings, *, wait_s: float) -> ChatCanarySettings:
    """The same for whoever watches it happen: what hangs is told as unanswered after ``wait_s``."""
    join_s = max(wait_s, LONGEST_JOIN_S)
    return replace(
        settings,
        send_timeout_s=wait_s,
        row_timeout_s=wait_s,
        poll_timeout_s=wait_s,
        join_timeout_s=join_s,
    )


async def watch_chat(
    server: ChatServer, settings: ChatCanarySettings, *, clock: Clock, sink: Sink
) -> None:
    """Probe until cancelled; each probe goes to ``sink`` when its end is known."""
    await _ChatWatcher(server, settings, clock, sink).watch()


class _ChatWatcher:
    def __init__(
        self, server: ChatServer, settings: ChatCanarySettings, clock: Clock, sink: Sink
    ) -> None:
        self._server = server
        self._settings = settings
        self._clock = clock
        self._sink = sink
        self._listening = False
        self._rows: dict[str, float] = {}
        """When each message was sent whose row is waited for, by its id, oldest first."""
        self._acknowledged: set[str] = set()
        self._sent = 0

    async def watch(self) -> None:
        settings, kinds = self._settings, self._settings.kinds
        try:
            async with asyncio.TaskGroup() as group:
                if {"send", "row"} & kinds:
                    group.create_task(_at_a_pace(self._send, settings.send_period_s))
                if "row" in kinds:
                    group.create_task(self._keep_listening())
                if "join" in kinds:
                    group.create_task(_at_a_pace(self._join, settings.join_period_s))
                if "poll" in kinds:
                    group.create_task(_at_a_pace(self._poll, settings.poll_period_s))
                if "clock" in kinds:
                    group.create_task(_at_a_pace(self._compare, settings.clock_period_s))
        finally:
            self._give_up_rows(settings.decided_after_s)

    async def _poll(self) -> None:
        read = partial(read_room, self._server)
        await self._once("poll", read, self._settings.poll_timeout_s)

    async def _compare(self) -> None:
        compare = partial(compare_clocks, self._server, margin_s=int(CLOCK_MARGIN_S))
        await self._once("clock", compare, self._settings.poll_timeout_s)

    async def _join(self) -> None:
        async def join() -> None:
            (await RoomSocket.join(self._server)).abort()

        await self._once("join", join, self._settings.join_timeout_s)

    async def _send(self) -> None:
        self._give_up_rows(self._settings.row_timeout_s)
        self._sent += 1
        id_ = str(uuid5(NAMESPACE_OID, f"canary/{self._settings.run_id}/{self._sent}"))
        if self._listening:
            self._rows[id_] = self._clock()
        send = partial(send_message, self._server, id_)
        outcome = await self._once("send", send, self._settings.send_timeout_s)
        if outcome == "ok" and id_ in self._rows:
            self._acknowledged.add(id_)

    async def _once(
        self, kind: ProbeKind, exchange: Callable[[], Awaitable[None]], limit_s: float
    ) -> ProbeOutcome:
        """One probe from its beginning to its end, which is told, also where the canary stops."""
        sent_s = self._clock()
        try:
            async with asyncio.timeout(limit_s):
                await exchange()
        except LINE_ERRORS as error:
            outcome = outcome_of(error)
            answered_s = self._clock() if outcome == "error" else None
            self._tell(kind, sent_s, outcome, answered_s, words_of(error))
            return outcome
        except asyncio.CancelledError:
            if self._clock() - sent_s > self._settings.decided_after_s:
                self._tell(kind, sent_s, "unanswered")
            raise
        self._tell(kind, sent_s, "ok", self._clock())
        return "ok"

    async def _keep_listening(self) -> None:
        """Hold one channel on which the rows come, and join again whenever it is lost."""
        settings = self._settings
        while True:
            try:
                async with asyncio.timeout(settings.rejoin_timeout_s):
                    socket = await RoomSocket.join(self._server)
            except LINE_ERRORS:
                await asyncio.sleep(settings.rejoin_after_s)  # probes of joins tell why
                continue
            self._listening = True
            try:
                while True:
                    self._came(await socket.row())
            except LINE_ERRORS as error:
                self._lose_rows(error)
            finally:
                self._listening = False
                socket.abort()
            await asyncio.sleep(settings.rejoin_after_s)

    def _came(self, id_: str) -> None:
        sent_s = self._rows.pop(id_, None)
        self._acknowledged.discard(id_)
        if sent_s is not None:
            self._tell("row", sent_s, "ok", self._clock())

    def _lose_rows(self, error: BaseException) -> None:
        """The channel is gone, and with it what was to come."""
        for sent_s in self._rows.values():
            self._tell("row", sent_s, outcome_of(error), detail=words_of(error))
        self._rows.clear()
        self._acknowledged.clear()

    def _give_up_rows(self, older_than_s: float) -> None:
        """Nothing can be said of a row whose send was not acknowledged: it may not be there."""
        limit_s = self._clock() - older_than_s
        for id_, sent_s in list(self._rows.items()):
            if sent_s > limit_s:
                return
            del self._rows[id_]
            if id_ in self._acknowledged:
                self._acknowledged.discard(id_)
                self._tell("row", sent_s, "unanswered")

    def _tell(
        self,
        kind: ProbeKind,
        sent_s: float,
        outcome: ProbeOutcome,
        answered_s: float | None = None,
        detail: str = "",
    ) -> None:
        self._sink(
            Probe(
                proxy=SERVER_REALTIME if kind in ("row", "join") else SERVER_API,
                kind=kind,
                sent_s=sent_s,
                outcome=outcome,
                answered_s=answered_s,
                detail=detail,
            )
        )


async def _at_a_pace(probe: Callable[[], Coroutine[Any, Any, None]], period_s: float) -> None:
    """Begin one each ``period_s``, however long each takes."""
    async with asyncio.TaskGroup() as group:
        while True:
            group.create_task(probe())
            await asyncio.sleep(period_s)
