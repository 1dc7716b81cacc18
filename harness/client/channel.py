"""The room's channel on the page's connection, as realtime-js and the app keep it (R1 to R3).

A port of what the library does with a channel (phoenix-js ``channel.js`` and ``push.js``;
realtime-js's own before 2.100), held against traces of the genuine one
(``tests/harness/client/oracle``). Re-creating a channel that ended for good is the app's own part.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import Any, Literal

import msgspec

from harness.client.connection import Connection
from harness.client.effects import Effects
from harness.client.library import CURRENT, Library
from harness.client.policy import Policy
from harness.client.states import after
from harness.records import ChannelChanged, Finding
from harness.wire import phoenix
from harness.wire.phoenix import Frame

RECREATE_MAX_S = 30.0
OFFLINE_PUSHES = 100
"""What a channel keeps while it cannot send; the oldest goes first."""


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


class Channel:
    """One topic: joined whenever the connection is open, joined again when it fails."""

    __slots__ = (
        "_awaits_answer",
        "_connection",
        "_effects",
        "_failures",
        "_join_ref",
        "_join_timer_is_set",
        "_library",
        "_policy",
        "_recreations",
        "_state",
        "_token",
        "_unsent_tokens",
        "_webinar",
        "topic",
    )

    def __init__(
        self,
        webinar: int,
        policy: Policy,
        effects: Effects,
        connection: Connection,
        token: str,
        *,
        library: Library = CURRENT,
    ) -> None:
        self._library = library
        self._webinar = webinar
        self._policy = policy
        self._effects = effects
        self._connection = connection
        self._token = token
        self._state = Join.CLOSED
        self._failures = 0
        self._recreations = 0
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

    def subscribe(self, now_s: float) -> None:
        """The app makes the channel and subscribes to it; the join carries what is known now."""
        self._failures = 0
        self._unsent_tokens.clear()
        self._join(now_s)

    def socket_opened(self, now_s: float) -> None:
        """A new socket: what is errored is joined at once, whatever was waited for."""
        if not self._library.joins_on_open:
            return
        self._reset_rejoins()
        if self._state is Join.ERRORED:
            self._join(now_s)

    def socket_failed(self, now_s: float) -> None:
        """The socket's ``error`` event; its ``close`` follows."""
        if self._library.joins_on_open:
            self._reset_rejoins()
        self.lost("socket failed", now_s)

    def lost(self, reason: str, now_s: float) -> None:
        """The channel's socket is gone."""
        is_news = self._state is not Join.ERRORED or self._library.repeats_errors
        if is_news and self._state is not Join.CLOSED:
            self._errored(reason, now_s)

    def leave(self) -> None:
        """R2: unsubscribe and remove, since the page closes."""
        if self.is_joined:
            self._push("phx_leave", {})
        self._end()
        self._effects.cancel("recreate")

    def unsubscribe(self, now_s: float) -> None:
        """The app leaves the room and stays on the page."""
        self._push("phx_leave", {})
        self._end()
        self._effects.cancel("recreate")
        self._changed("closed", "left", now_s)

    def set_token(self, token: str, now_s: float) -> None:
        """R1: a renewed token goes to the joined channel and into every later join.

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

        An older version that finds its own join still unanswered takes it for another channel's,
        leaves it, and so ends itself. (What the genuine one then does with the channel that
        nobody listens to is not played.)
        """
        self._failures += 1
        if not self._library.joins_on_open:
            self._rejoin_later(now_s)
        if not self._connection.is_open:
            return
        if self._state is Join.JOINING:
            self._push("phx_leave", {})
            self._closed_for_good(now_s)
        else:
            self._join(now_s)

    def _join(self, now_s: float) -> None:
        self._move(JoinEvent.JOIN)
        spoilt = self._join_timer_is_set and not self._library.checks_join_ref
        # An older version sends a join whose predecessor's timer still runs without a reference.
        self._join_ref = "" if spoilt else self._connection.next_ref()
        self._awaits_answer = not spoilt
        table = {"schema": "public", "table": "messages"}
        bindings = [{"event": "*", **table, "filter": f"webinar_id=eq.{self._webinar}"}]
        if self._policy.hear_all_deletes:
            bindings.append({"event": "DELETE", **table})
        config: dict[str, Any] = {
            "broadcast": {"ack": False, "self": False},
            "presence": {"key": "", "enabled": False},
            "postgres_changes": bindings,
            "private": False,
        }
        content = phoenix.payload({"config": config, "access_token": self._token})
        frame = Frame(self._join_ref, self._join_ref, self.topic, "phx_join", content)
        self._connection.push(frame)
        if not spoilt:
            self._join_timer_is_set = True
            self._effects.wake_at("join", now_s + self._library.join_timeout_s)
        self._changed("joining", "", now_s)

    def _join_answered(self, reply: Reply, now_s: float) -> None:
        self._awaits_answer = self._join_timer_is_set = False
        self._effects.cancel("join")
        if reply.status == "ok":
            self._reset_rejoins()
            self._effects.token_is_wanted = self._library.asks_for_token
            self._move(JoinEvent.JOIN_OK)
            for token, until_s in self._unsent_tokens:
                if now_s < until_s:
                    self._push("access_token", {"access_token": token})
            self._unsent_tokens.clear()
            self._changed("subscribed", "", now_s)
        else:
            self._fail(now_s)
            self._changed("errored", bytes(reply.response).decode(errors="replace"), now_s)

    def _told(self, system: System, now_s: float) -> bool:
        if system.extension != "postgres_changes" or not self.is_joined:
            return False
        if system.status == "ok":
            self._move(JoinEvent.SYSTEM_OK)
            self._recreations = 0
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
        is_mine = not frame.ref or frame.ref == self._join_ref
        return is_mine and self._state is not Join.CLOSED

    def _closed_for_good(self, now_s: float) -> None:
        """``phx_close``: the library gives up; the app creates the channel anew (R3)."""
        self._end()
        self._changed("closed", "ended by the server", now_s)
        if not self._policy.recreate_channel:
            return
        wait_s = min(self._policy.recreate_delay_s * 2**self._recreations, RECREATE_MAX_S)
        self._recreations += 1
        self._effects.wake_at("recreate", now_s + wait_s)

    def _end(self) -> None:
        self._forget_join()
        self._reset_rejoins()
        self._move(JoinEvent.CLOSE)

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
        self._effects.cancel("join")

    def _reset_rejoins(self) -> None:
        self._failures = 0
        self._effects.cancel("rejoin")

    def _rejoin_later(self, now_s: float) -> None:
        self._effects.wake_at("rejoin", now_s + self._connection.backoff_s(self._failures + 1))

    def _push(self, event: str, content: dict[str, Any]) -> None:
        ref, payload = self._connection.next_ref(), phoenix.payload(content)
        self._connection.push(Frame(self._join_ref, ref, self.topic, event, payload))

    def _move(self, event: JoinEvent) -> None:
        self._state = after(CHANNEL_TABLE, self._state, event)

    def _changed(self, status: Status, reason: str, now_s: float) -> None:
        self._effects.sink.event(
            ChannelChanged(t_s=now_s, user=self._effects.user, status=status, reason=reason)
        )
