"""The room's channel on the page's connection, as realtime-js and the app keep it (R1 to R3).

A port of what the library does with a channel (phoenix-js ``channel.js`` and ``push.js``;
realtime-js's own before 2.100), held against traces of the genuine one
(``tests/harness/client/oracle``). What the app does about it is in ``subscription``.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import Any, Literal, Protocol

import msgspec

from harness.client import bindings
from harness.client.connection import Connection
from harness.client.effects import Effects
from harness.client.library import Library
from harness.client.states import after
from harness.records import ChannelChanged, Finding
from harness.wire import phoenix
from harness.wire.changes import Filter
from harness.wire.phoenix import Frame

OFFLINE_PUSHES = 100
"""What a channel keeps while it cannot send; the oldest goes first."""
TIMED_OUT_AFTER_ITS_END = "channel_timed_out_after_its_end"
"""A finding: the app heard TIMED_OUT of a channel that had told it CLOSED."""


class Join(Enum):
    """The state of the channel."""

    CLOSED = auto()
    """Not joined, and nobody tries: before the socket opens, or ended for good (R3)."""
    JOINING = auto()
    JOINED = auto()
    """SUBSCRIBED, as the app hears it; rows may not flow yet (H8)."""
    LIVE = auto()
    """``system ok`` was there: rows flow."""
    ERRORED = auto()
    """The library will join again by itself."""


class JoinEvent(Enum):
    JOIN = auto()
    JOIN_OK = auto()
    SYSTEM_OK = auto()
    ERROR = auto()
    CLOSE = auto()


CHANNEL_TABLE: dict[tuple[Join, JoinEvent], Join] = {
    (Join.CLOSED, JoinEvent.JOIN): Join.JOINING,
    (Join.ERRORED, JoinEvent.JOIN): Join.JOINING,
    (Join.JOINING, JoinEvent.JOIN_OK): Join.JOINED,
    (Join.JOINED, JoinEvent.SYSTEM_OK): Join.LIVE,
    (Join.LIVE, JoinEvent.SYSTEM_OK): Join.LIVE,
    (Join.ERRORED, JoinEvent.JOIN_OK): Join.JOINED,  # older versions hear a late answer
    # A channel that ended, and goes on unheard:
    (Join.CLOSED, JoinEvent.ERROR): Join.ERRORED,
    (Join.JOINING, JoinEvent.JOIN): Join.JOINING,
    (Join.ERRORED, JoinEvent.ERROR): Join.ERRORED,
    (Join.JOINING, JoinEvent.ERROR): Join.ERRORED,
    (Join.JOINED, JoinEvent.ERROR): Join.ERRORED,
    (Join.LIVE, JoinEvent.ERROR): Join.ERRORED,
} | {(state, JoinEvent.CLOSE): Join.CLOSED for state in Join}


class Reply(msgspec.Struct, frozen=True):
    """Payload of a ``phx_reply``."""

    status: str
    response: msgspec.Raw = phoenix.EMPTY


class System(msgspec.Struct, frozen=True):
    """Payload of a ``system`` message."""

    status: str
    extension: str = ""
    message: str = ""


_decode_reply = msgspec.json.Decoder(Reply).decode
_decode_system = msgspec.json.Decoder(System).decode

_JOINED = frozenset((Join.JOINED, Join.LIVE))

Status = Literal["joining", "subscribed", "live", "errored", "timed_out", "closed"]


class Owner(Protocol):
    """Who made the channel: the library's client, which lists it, and the app behind it."""

    def leave_open_topic(self, now_s: float) -> None:
        """A channel is about to join: the one that has the topic must leave it."""

    def channel_ended(self, now_s: float) -> None:
        """The app's channel is over, and it heard so."""


class Channel:
    """One topic: joined whenever the connection is open, joined again when it fails.

    A channel that ended is not listed any more: no frame and no word of the socket reaches it.
    Its timers may go on all the same, and what it does then the server hears, but not the app.
    """

    __slots__ = (
        "_asked",
        "_awaits_answer",
        "_connection",
        "_effects",
        "_failures",
        "_join_ref",
        "_join_timer_is_set",
        "_library",
        "_owner",
        "_state",
        "_token",
        "_unsent_tokens",
        "is_listed",
        "number",
        "topic",
    )

    def __init__(
        self,
        webinar: int,
        asked: tuple[Filter, ...],
        effects: Effects,
        connection: Connection,
        token: str,
        *,
        number: int,
        owner: Owner,
        library: Library,
    ) -> None:
        """``number`` tells the channels of one page apart."""
        self._library = library
        self._asked = asked
        self._effects = effects
        self._connection = connection
        self._token = token
        self._owner = owner
        self.number = number
        self.is_listed = True
        self._state = Join.CLOSED
        self._failures = 0
        self._join_ref: str | None = None
        """Of the present join; none where it was given up."""
        self._awaits_answer = False
        self._join_timer_is_set = False
        self._unsent_tokens: deque[tuple[str, float]] = deque(maxlen=OFFLINE_PUSHES)
        """Each with the time after which it is not sent any more."""
        self.topic = f"realtime:webinar-{webinar}"  # R2: the name follows from the webinar alone

    @property
    def is_joined(self) -> bool:
        return self._state in _JOINED

    @property
    def is_live(self) -> bool:
        """Rows flow."""
        return self._state is Join.LIVE

    @property
    def has_topic(self) -> bool:
        """The library takes the topic for taken."""
        return self.is_listed and self._state in (Join.JOINING, Join.JOINED, Join.LIVE)

    @property
    def goes_on(self) -> bool:
        """It may still do something by itself."""
        return self.is_listed or self._join_timer_is_set or self._state is not Join.CLOSED

    def subscribe(self, now_s: float) -> None:
        """Once for each channel; the join carries what is known now."""
        self._join(now_s)

    def socket_opened(self, now_s: float) -> None:
        """A new socket: what is errored is joined at once, whatever was waited for."""
        if not (self._library.joins_on_open and self.is_listed):
            return
        self._reset_rejoins()
        if self._state is Join.ERRORED:
            self._join(now_s)

    def socket_failed(self, now_s: float) -> None:
        """The socket's ``error`` event; its ``close`` follows."""
        if self._library.joins_on_open and self.is_listed:
            self._reset_rejoins()
        self.lost("socket failed", now_s)

    def lost(self, reason: str, now_s: float) -> None:
        """The channel's socket is gone."""
        is_news = self._state is not Join.ERRORED or self._library.repeats_errors
        if is_news and self.is_listed:
            self._errored(reason, now_s)

    def close(self) -> None:
        """R2: the page closes, and everything with it."""
        if self.is_joined:
            self._push("phx_leave", {})
        self._end()
        self._forget_join()

    def unsubscribe(self, why: str, now_s: float) -> None:
        """Leave the topic; the app hears CLOSED at once, whatever the server says."""
        self._push("phx_leave", {})
        self._end()
        self._forget_join()
        self._record("closed", why, now_s)

    def set_token(self, token: str, now_s: float) -> None:
        """R1: a renewed token is pushed where the channel is joined, and goes into a later join.

        A channel that does not know yet that its socket is gone keeps it for its next join.
        """
        if token == self._token:
            return
        self._token = token
        if not self.is_joined:
            return
        if self._connection.is_open:
            self._push("access_token", {"access_token": token})
        else:
            self._unsent_tokens.append((token, now_s + self._library.join_timeout_s))

    def is_own(self, frame: Frame) -> bool:
        """False for a frame of an earlier join of this topic, where the library looks."""
        return (
            not (frame.join_ref and self._library.checks_join_ref)
            or frame.join_ref == self._join_ref
        )

    def received(self, frame: Frame, now_s: float) -> bool:
        """A frame of this topic that carries no row; says whether it was ``system ok``.

        Raises what the decoder raises.
        """
        if not self.is_listed:
            return False
        match frame.event:
            case "phx_reply" if self._awaits_answer and frame.ref == self._join_ref:
                self._join_answered(_decode_reply(frame.payload), now_s)
            case "system":
                return self._told(_decode_system(frame.payload), now_s)
            case "phx_close" if self._is_of_present_join(frame):
                self._closed_for_good(now_s)
            case "phx_error" if self._is_of_present_join(frame):
                self._errored("channel crashed", now_s)
        return False

    def join_timed_out(self, now_s: float) -> None:
        """The timer: no answer to the join."""
        self._join_timer_is_set = False
        if self._library.checks_join_ref:
            self._push("phx_leave", {})
            self._forget_join()  # late answers to it, and its close, are stale
            self._fail(now_s)
        else:
            if not self._awaits_answer:
                self._join_timer_is_set = True  # nobody listens to it any more, and it stays set
                return
            self._awaits_answer = False
            if self._state is Join.JOINING:
                self._fail(now_s)
        self._changed("timed_out", "no answer to the join", now_s)

    def rejoin(self, now_s: float) -> None:
        """The timer; without a socket the next one joins, or the next turn of older versions.

        An older version that finds its own join still unanswered takes it for another channel's
        and leaves it: that is its end, and the join goes out all the same.
        """
        self._failures += 1
        if not self._library.joins_on_open:
            self._rejoin_later(now_s)
        if self._connection.is_open:
            self._owner.leave_open_topic(now_s)
            self._join(now_s)

    def _join(self, now_s: float) -> None:
        self._move(JoinEvent.JOIN)
        spoilt = self._join_timer_is_set and not self._library.checks_join_ref
        # An older version sends a join whose predecessor's timer still runs without a reference.
        self._join_ref = "" if spoilt else self._connection.next_ref()
        self._awaits_answer = not spoilt
        config: dict[str, Any] = {
            "broadcast": {"ack": False, "self": False},
            "presence": {"key": "", "enabled": False},
            "postgres_changes": self._asked,
            "private": False,
        }
        content = phoenix.payload({"config": config, "access_token": self._token})
        frame = Frame(self._join_ref, self._join_ref, self.topic, "phx_join", content)
        self._connection.push(frame)
        if not spoilt:
            self._join_timer_is_set = True
            self._effects.wake_at(self._join_timer, now_s + self._library.join_timeout_s)
        self._changed("joining", "", now_s)

    def _join_answered(self, reply: Reply, now_s: float) -> None:
        given_up = reply.status == "ok" and bindings.differ(self._asked, reply.response)
        self._awaits_answer = self._join_timer_is_set = False
        self._effects.cancel(self._join_timer)
        if reply.status == "ok":
            self._reset_rejoins()
            self._effects.token_is_wanted = self._library.asks_for_token
            self._move(JoinEvent.JOIN_OK)
            for token, until_s in self._unsent_tokens:
                if now_s < until_s:
                    self._push("access_token", {"access_token": token})
            self._unsent_tokens.clear()
            if given_up:
                self._give_up(now_s)
            else:
                self._changed("subscribed", "", now_s)
        else:
            self._fail(now_s)
            self._changed("errored", bytes(reply.response).decode(errors="replace"), now_s)

    def _told(self, system: System, now_s: float) -> bool:
        if system.extension != "postgres_changes" or not self.is_joined:
            return False
        if system.status == "ok":
            self._move(JoinEvent.SYSTEM_OK)
            self._changed("live", "", now_s)
            return True
        self._effects.sink.event(
            Finding(
                t_s=now_s,
                user=self._effects.user,
                what="system_error",
                detail=system.message[:500],
            )
        )
        return False

    def _is_of_present_join(self, frame: Frame) -> bool:
        """Whether a ``phx_close`` or ``phx_error`` means this channel as it is."""
        return not frame.ref or frame.ref == self._join_ref

    def _closed_for_good(self, now_s: float) -> None:
        """``phx_close``: the library gives up, but forgets no join that is unanswered."""
        self._end()
        self._record("closed", "ended by the server", now_s)
        self._owner.channel_ended(now_s)

    def _give_up(self, now_s: float) -> None:
        """The server's bindings are others: the app hears CLOSED, and then why."""
        self.unsubscribe("left", now_s)
        self._owner.channel_ended(now_s)
        self._record("errored", bindings.MISMATCH, now_s)

    def _end(self) -> None:
        self._reset_rejoins()
        self._move(JoinEvent.CLOSE)
        self.is_listed = False

    def _errored(self, reason: str, now_s: float) -> None:
        if self._state is Join.JOINING and self._library.checks_join_ref:
            self._forget_join()
        self._fail(now_s)
        self._changed("errored", reason, now_s)

    def _fail(self, now_s: float) -> None:
        self._move(JoinEvent.ERROR)
        if self._connection.is_open or not self._library.joins_on_open:
            self._rejoin_later(now_s)

    def _forget_join(self) -> None:
        self._join_ref = None
        self._awaits_answer = self._join_timer_is_set = False
        self._effects.cancel(self._join_timer)

    def _reset_rejoins(self) -> None:
        self._failures = 0
        self._effects.cancel(self._rejoin_timer)

    def _rejoin_later(self, now_s: float) -> None:
        self._effects.wake_at(
            self._rejoin_timer, now_s + self._connection.backoff_s(self._failures + 1)
        )

    def _push(self, event: str, content: dict[str, Any]) -> None:
        ref, payload = self._connection.next_ref(), phoenix.payload(content)
        self._connection.push(Frame(self._join_ref, ref, self.topic, event, payload))

    def _move(self, event: JoinEvent) -> None:
        self._state = after(CHANNEL_TABLE, self._state, event)

    @property
    def _join_timer(self) -> str:
        return f"join:{self.number}"

    @property
    def _rejoin_timer(self) -> str:
        return f"rejoin:{self.number}"

    def _changed(self, status: Status, reason: str, now_s: float) -> None:
        """Tell the app. Of a channel that ended it hears one thing only, and not of its room."""
        if self.is_listed:
            self._record(status, reason, now_s)
        elif status == "timed_out":
            self._effects.sink.event(
                Finding(t_s=now_s, user=self._effects.user, what=TIMED_OUT_AFTER_ITS_END)
            )

    def _record(self, status: Status, reason: str, now_s: float) -> None:
        self._effects.sink.event(
            ChannelChanged(t_s=now_s, user=self._effects.user, status=status, reason=reason)
        )
