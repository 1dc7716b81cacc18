"""Fallback polling: when it goes on and off, and the polls themselves (F1 to F5)."""

from __future__ import annotations

from enum import Enum, auto
from typing import Literal, NamedTuple

import msgspec

from harness.client.cursor import Cursor
from harness.client.effects import Effects
from harness.client.message_list import MessageList
from harness.client.policy import Policy
from harness.client.states import after
from harness.records import FallbackOff, FallbackOn, PollEnded, PollStarted
from harness.seeds import Draws
from harness.wire.api import LIST_PATH, ListAnswer
from harness.wire.changes import MessageRow
from harness.wire.unreadable import UNREADABLE

_decode_answer = msgspec.json.Decoder(ListAnswer).decode

Cause = Literal["period", "activation", "return", "release", "subscribed", "probe", "reread"]
Outcome = Literal["ok", "timeout", "refused", "bad_answer", "network"]

CATCH_UP: frozenset[Cause] = frozenset(("release", "subscribed"))
"""Polls that close a gap and that nothing else would repeat: they go on until it is closed."""


LOOKS_BACK: frozenset[Cause] = CATCH_UP | {"return"}
"""Polls after an absence, in which lines may have changed (H2)."""


class Reread(NamedTuple):
    """What the last rows were asked for with (H2)."""

    up_to_id: int
    """The newest row on the screen then."""
    whole: bool
    """The room has no earlier rows than those that came."""


class Brought(NamedTuple):
    """What a poll brought."""

    rows: tuple[MessageRow, ...] = ()
    """Ordered by id."""
    reread: Reread | None = None
    """Set where they are the last rows, and lines that differ are to be changed."""


class Polling(Enum):
    OFF = auto()
    ON = auto()
    PAUSED = auto()
    """On, but the tab is hidden or the browser offline (F5)."""


class PollingEvent(Enum):
    ACTIVATE = auto()
    EVENT_ARRIVED = auto()
    HIDDEN_OR_OFFLINE = auto()
    RETURNED = auto()


POLLING_TABLE: dict[tuple[Polling, PollingEvent], Polling] = {
    (Polling.OFF, PollingEvent.ACTIVATE): Polling.ON,
    (Polling.ON, PollingEvent.EVENT_ARRIVED): Polling.OFF,
    (Polling.PAUSED, PollingEvent.EVENT_ARRIVED): Polling.OFF,
    (Polling.ON, PollingEvent.HIDDEN_OR_OFFLINE): Polling.PAUSED,
    (Polling.PAUSED, PollingEvent.RETURNED): Polling.ON,
}


class Fallback:
    """The page's polling. At most one poll is under way at a time."""

    __slots__ = (
        "_asked_after",
        "_asked_s",
        "_awake",
        "_cause",
        "_cursor",
        "_effects",
        "_failures",
        "_heard_s",
        "_is_mute_due",
        "_live",
        "_live_since_start",
        "_next_after",
        "_next_cause",
        "_policy",
        "_polling",
        "_polls",
        "_request",
        "_reread_up_to",
        "_rng",
        "_screen",
        "_session_jitter_s",
        "_webinar",
    )

    def __init__(
        self,
        webinar: int,
        policy: Policy,
        cursor: Cursor,
        screen: MessageList,
        *,
        effects: Effects,
        rng: Draws,
    ) -> None:
        self._webinar = webinar
        self._policy = policy
        self._cursor = cursor
        self._screen = screen
        self._effects = effects
        self._rng = rng
        self._session_jitter_s: float | None = None
        """Drawn for the first poll that waits for one, and kept."""
        self._polling = Polling.OFF
        self._awake = True
        self._heard_s = float("-inf")
        """When the last event came."""
        self._is_mute_due = False
        """A probe brought news, and its timer runs."""
        self._failures = 0
        self._polls = 0
        self._request: int | None = None
        self._cause: Cause = "period"
        self._asked_after: int | None = None
        self._asked_s = 0.0
        self._next_after: int | None = None
        """Where the next poll goes on, when the last one had more than a page to bring."""
        self._reread_up_to: int | None = None
        """Set while the poll under way asks for the last rows."""
        self._live = False
        self._live_since_start = False
        """Whether rows have been flowing since before the poll under way started."""
        self._next_cause: Cause | None = None
        """A poll that is owed when the one under way ends or the page wakes."""

    @property
    def is_on(self) -> bool:
        return self._polling is not Polling.OFF

    @property
    def is_probing(self) -> bool:
        """The poll under way asks whether Realtime is mute."""
        return self._request is not None and self._cause == "probe"

    # -- what switches it (F1, F2, F5) ----------------------------------------------------

    def page_opened(self, now_s: float) -> None:
        self._watch_silence(now_s)

    def attempt_failed(self, now_s: float) -> None:
        """A socket attempt failed; the third in a row switches polling on."""
        self._failures += 1
        if self._failures >= self._policy.fallback_after_failures:
            self._activate("socket_failures", now_s)

    def socket_opened(self) -> None:
        self._failures = 0

    def event_arrived(self, now_s: float) -> None:
        """A ``postgres_changes`` event: polling stops at once (F2)."""
        if self._polling is not Polling.OFF:
            self._polling = after(POLLING_TABLE, self._polling, PollingEvent.EVENT_ARRIVED)
            self._effects.cancel("poll")
            self._effects.sink.event(FallbackOff(t_s=now_s, user=self._effects.user))
            self._next_after = None
            self._live = True  # where silence had made it doubtful
            if self._policy.poll_on_release:
                self._poll_once("release", now_s)
            self._watch_silence(now_s)
        if self._is_mute_due:
            self._is_mute_due = False
            self._effects.cancel("mute")
        self._heard_s = now_s  # the timer is not moved for every row: it looks when it is due

    def went_live(self, now_s: float) -> None:
        """``system ok``: rows flow from here on; those before it may be missing (H8)."""
        self._live = True
        if self._policy.poll_on_subscribed:
            self._poll_once("subscribed", now_s)

    def not_live(self) -> None:
        """Rows no longer flow."""
        self._live = False
        self._live_since_start = False
        self._cursor.not_live()

    def paused(self) -> None:
        """The tab is hidden or the browser offline."""
        self._awake = False
        if self._polling is Polling.ON:
            self._polling = after(POLLING_TABLE, self._polling, PollingEvent.HIDDEN_OR_OFFLINE)
            self._effects.cancel("poll")

    def resumed(self, now_s: float) -> None:
        """Visible and online again: poll once at once, then go on."""
        self._awake = True
        if self._polling is Polling.PAUSED:
            self._polling = after(POLLING_TABLE, self._polling, PollingEvent.RETURNED)
            self._next_cause = None
            self._poll_once("return", now_s)
            self._next_tick(now_s)
        else:
            self._poll_what_is_owed(now_s)

    def silence(self, now_s: float) -> None:
        """The timer of F1: no event for so long, or one since it was set."""
        until_s = self._heard_s + self._policy.fallback_after_silence_s
        if until_s > now_s:
            # The page sets this timer at each event; ours stands in for them.
            self._effects.wake_at("silence", until_s, afresh=True)
            return
        if self._policy.silence == "activate":
            self._activate("silence", now_s)
        elif self._polling is Polling.OFF:
            # A catch-up that is under way or owed asks for more, and must not be forgotten for it.
            if self._request is None and self._next_cause is None:
                self._poll_once("probe", now_s)
            self._watch_silence(now_s)

    def probe_brought_news(self, now_s: float) -> None:
        """The last poll was a probe and had rows that Realtime had not brought: it is given a
        moment more, for a poll may overtake it."""
        if self._polling is Polling.OFF:
            self._is_mute_due = True
            self._effects.wake_at("mute", now_s + self._policy.probe_grace_s)

    def mute(self, now_s: float) -> None:
        """The timer of a probe: rows are there and Realtime does not bring them."""
        self._is_mute_due = False
        self._activate("silence", now_s)

    def _activate(self, reason: Literal["socket_failures", "silence"], now_s: float) -> None:
        if self._polling is not Polling.OFF or not self._policy.fallback:
            return
        self._polling = after(POLLING_TABLE, self._polling, PollingEvent.ACTIVATE)
        self._effects.cancel("silence")
        self._effects.sink.event(FallbackOn(t_s=now_s, user=self._effects.user, reason=reason))
        if reason == "silence":  # joined, perhaps, and mute (H4): polls prove nothing of Realtime
            self.not_live()
        if not self._awake:
            self.paused()
            return
        self._poll_once("activation", now_s)
        self._next_tick(now_s)

    def _watch_silence(self, now_s: float) -> None:
        if self._policy.fallback:
            self._effects.wake_at("silence", now_s + self._policy.fallback_after_silence_s)

    # -- the polls (F3, F4) ---------------------------------------------------------------

    def tick(self, now_s: float) -> None:
        """The period is over; a poll still under way makes this tick do nothing."""
        if self._polling is Polling.OFF:
            self._poll_what_is_owed(now_s)  # a catch-up that failed
            return
        if self._request is None:
            self._start("reread" if self._is_reread_due else "period", now_s)
        self._next_tick(now_s)

    def owns(self, request: int) -> bool:
        return request == self._request

    def answered(self, body: bytes, now_s: float) -> Brought:
        """The answer of the poll under way; returns what it brought."""
        try:
            answer = _decode_answer(body)
        except UNREADABLE:
            self._ended("bad_answer", 0, now_s)
            return Brought()
        if not answer.success:
            self._ended("refused", 0, now_s)
            return Brought()
        rows = tuple(answer.messages)
        up_to_id = self._reread_up_to
        whole = len(rows) < self._limit
        before = self._cursor.after
        self._cursor.read(
            (rows[0].id, rows[-1].id) if rows else None,
            now_s,
            asked_s=self._asked_s,
            asked_after=self._asked_after,
            whole=whole,
            since_live=self._live_since_start,
        )
        if up_to_id is None and not whole:
            self._go_on(rows[-1].id, moved=self._cursor.after != before)
        cause = self._cause
        self._ended("ok", len(rows), now_s)
        if cause in LOOKS_BACK and self._next_cause is None and self._policy.reread_every:
            self._poll_once("reread", now_s)
        return Brought(rows, None if up_to_id is None else Reread(up_to_id, whole))

    def _go_on(self, last_id: int, *, moved: bool) -> None:
        """The gap was longer than one page. One that brings nothing new (a cached answer) would
        be asked for without end."""
        asked = self._asked_after
        if self._policy.cursor_overlap_s and asked is not None and last_id > asked:
            self._next_after = last_id
            self._next_cause = self._next_cause or self._cause
        elif (moved or asked is None) and self._cause in CATCH_UP and self._next_cause is None:
            self._next_cause = self._cause

    def failed(self, now_s: float) -> None:
        self._ended("network", 0, now_s)

    def timed_out(self, now_s: float) -> None:
        if self._request is not None:
            self._effects.abort(self._request)
            self._ended("timeout", 0, now_s)

    def _poll_once(self, cause: Cause, now_s: float) -> None:
        """Poll now, or as soon as the poll under way is over and the page is awake."""
        if self._request is None and self._awake:
            self._start(cause, now_s)
        else:
            self._next_cause = cause

    def _start(self, cause: Cause, now_s: float) -> None:
        self._polls += 1
        self._cause = cause
        self._live_since_start = self._live
        self._reread_up_to = self._screen.reread_asked() if cause == "reread" else None
        self._asked_after = None if cause == "reread" else self._position()
        self._asked_s = now_s
        position = "" if self._asked_after is None else f"&after={self._asked_after}"
        query = f"webinarId={self._webinar}{position}&limit={self._limit}"
        self._request = self._effects.request("GET", f"{LIST_PATH}?{query}")
        self._effects.wake_at("poll_timeout", now_s + self._policy.poll_timeout_s)
        self._effects.sink.event(
            PollStarted(t_s=now_s, user=self._effects.user, poll=self._polls, cause=cause)
        )

    def _ended(self, outcome: Outcome, rows: int, now_s: float) -> None:
        self._request = None
        self._effects.cancel("poll_timeout")
        self._effects.sink.event(
            PollEnded(
                t_s=now_s, user=self._effects.user, poll=self._polls, outcome=outcome, rows=rows
            )
        )
        if outcome != "ok" and self._is_lone_catch_up:
            self._next_cause = self._cause
            self._next_tick(now_s)
        else:
            self._poll_what_is_owed(now_s)

    @property
    def _limit(self) -> int:
        """How many rows the poll under way asks for."""
        reread = self._reread_up_to is not None
        return self._policy.history_limit if reread else self._policy.poll_limit

    def _position(self) -> int | None:
        """What the poll that starts now asks after."""
        after_id, self._next_after = self._next_after, None
        return self._cursor.ask_after() if after_id is None else after_id

    @property
    def _is_reread_due(self) -> bool:
        every = self._policy.reread_every
        return every > 0 and self._polls % every == every - 1

    @property
    def _is_lone_catch_up(self) -> bool:
        """The poll under way closes a gap, and no other poll is going to follow it."""
        return self._cause in CATCH_UP and self._polling is Polling.OFF and self._next_cause is None

    def _poll_what_is_owed(self, now_s: float) -> None:
        cause, self._next_cause = self._next_cause, None
        if cause is not None:
            self._poll_once(cause, now_s)

    def _next_tick(self, now_s: float) -> None:
        self._effects.wake_at("poll", now_s + self._policy.poll_period_s + self._jitter_s())

    def _jitter_s(self) -> float:
        if self._session_jitter_s is not None:
            return self._session_jitter_s
        jitter_s = self._rng.uniform(-self._policy.poll_jitter_s, self._policy.poll_jitter_s)
        if self._policy.poll_jitter_drawn == "session":
            self._session_jitter_s = jitter_s
        return jitter_s
