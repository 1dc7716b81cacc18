"""Where the sessions of one process leave their records: the recorder, and Locust's statistics.

What Locust shows: ``SEND message`` (click to answer), ``POLL messages``, ``JOIN webinar``
(connect to rows flowing) and ``RECV by realtime`` / ``RECV by poll`` (creation to screen, by the
wall clocks of server and client; the audit's own figures use one clock). A row whose creation
cannot be read has no ``RECV``.

Sends, polls and joins are fired one by one as Locust's ``request`` event. Deliveries are a
hundred times as many: they are counted here and merged into Locust's statistics once a second
(:class:`scenarios.locust_tally.Tally`), so a listener of ``request`` does not see them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from harness.recorder import BlockBuffer
from harness.records import (
    ChannelChanged,
    Event,
    Fate,
    Path,
    PollEnded,
    PollStarted,
    SendEnded,
    SendStarted,
    SocketOpening,
)
from harness.wire.changes import MessageRow
from scenarios.locust_tally import Tally

if TYPE_CHECKING:
    from locust.stats import RequestStats


@dataclass(slots=True)
class Counters:
    """Running totals of one process, for the terminal."""

    sends: int = 0
    send_timeouts: int = 0
    deliveries: int = 0
    polls: int = 0


class LocustSink:
    """A :class:`harness.records.Sink` that also fires Locust's ``request`` event."""

    def __init__(self, buffer: BlockBuffer, request_event: Any) -> None:
        self.counters = Counters()
        self.by_realtime = Tally("RECV", "by realtime")
        self.by_poll = Tally("RECV", "by poll")
        self._buffer = buffer
        self._fire = request_event.fire
        self._sends: dict[str, float] = {}
        self._polls: dict[int, float] = {}
        self._connects: dict[int, float] = {}

    def delivery(self, t_s: float, user: int, row: MessageRow, path: Path, fate: Fate) -> None:
        self._buffer.delivery(t_s, user, row, path, fate)
        if fate is Fate.SUPPRESSED:
            return
        if path is Path.REALTIME:
            tally = self.by_realtime
        elif path is Path.POLL:
            tally = self.by_poll
        else:
            return
        self.counters.deliveries += 1
        created_s = _unix_s(row.created_at)
        if created_s is not None:
            tally.add(time.time() - created_s, len(row.body))

    def show(self, stats: RequestStats) -> None:
        """Merge the deliveries since the last call into Locust's statistics."""
        now_s = time.time()
        self.by_realtime.merge_into(stats, now_s)
        self.by_poll.merge_into(stats, now_s)

    def event(self, event: Event) -> None:
        self._buffer.event(event)
        match event:
            case SendStarted():
                self.counters.sends += 1
                self._sends[event.client_msg_id] = event.t_s
            case SendEnded():
                if event.outcome == "timeout":
                    self.counters.send_timeouts += 1
                took_s = event.t_s - self._sends.pop(event.client_msg_id)
                error = None if event.outcome == "ok" else f"{event.outcome} {event.detail}".strip()
                self._report("SEND", "message", took_s, 0, error)
            case PollStarted():
                self.counters.polls += 1
                self._polls[event.user] = event.t_s
            case PollEnded():
                took_s = event.t_s - self._polls.pop(event.user)
                error = None if event.outcome == "ok" else event.outcome
                self._report("POLL", "messages", took_s, 0, error)
            case SocketOpening():
                self._connects[event.user] = event.t_s
            case ChannelChanged(status="live") if event.user in self._connects:
                took_s = event.t_s - self._connects.pop(event.user)
                self._report("JOIN", "webinar", took_s, 0, None)
            case _:
                pass

    def _report(self, kind: str, name: str, took_s: float, length: int, error: str | None) -> None:
        self._fire(
            request_type=kind,
            name=name,
            response_time=took_s * 1000.0,
            response_length=length,
            exception=error,
            context={},
        )


@lru_cache(maxsize=256)  # a room's users get one row after another
def _unix_s(created_at: str) -> float | None:
    """The moment in Unix time; ``None`` where a server's text does not name one."""
    try:
        moment = datetime.fromisoformat(created_at)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None
