"""The room's channel on the page's connection, as realtime-js and the app keep it (R1 to R3).

Constants and rules follow realtime-js 2.119 (docs/realtime.md, "What the emulated client keeps
to"); re-creating a channel that ended for good is the app's own part.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any, Literal

import msgspec

from harness.client.connection import Connection
from harness.client.effects import Effects
from harness.client.policy import Policy
from harness.client.states import after
from harness.records import ChannelChanged, Finding
from harness.wire import phoenix
from harness.wire.phoenix import Frame

JOIN_TIMEOUT_S = 10.0
RECREATE_MAX_S = 30.0


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
_ON_SERVER = frozenset((Join.JOINING, Join.JOINED, Join.LIVE))
"""The server has, or may have, a process for our current join."""

Status = Literal["joining", "subscribed", "live", "errored", "timed_out", "closed"]


class Channel:
    """One topic: joined whenever the connection is open, joined again when it fails."""

    __slots__ = (
        "_connection",
        "_effects",
        "_failures",
        "_join_ref",
        "_policy",
        "_recreations",
        "_state",
        "_token",
        "_webinar",
        "topic",
    )

    def __init__(
        self, webinar: int, policy: Policy, effects: Effects, connection: Connection, token: str
    ) -> None:
        self._webinar = webinar
        self._policy = policy
        self._effects = effects
        self._connection = connection
        self._token = token
        self._state = Join.CLOSED
        self._failures = 0
        self._recreations = 0
        self._join_ref = ""
        self.topic = f"realtime:webinar-{webinar}"  # R2: the name follows from the webinar alone

    @property
    def is_joined(self) -> bool:
        return self._state in _JOINED

    @property
    def is_live(self) -> bool:
        """Rows flow."""
        return self._state is Join.LIVE

    def socket_opened(self, now_s: float) -> None:
        """A new socket: everything is joined at once, whatever was waited for."""
        self._failures = 0
        self._effects.cancel("recreate")
        self._effects.cancel("rejoin")
        self._join(now_s)

    def lost(self, reason: str, now_s: float) -> None:
        """The channel's socket, or its process on the server, is gone."""
        if self._state in _ON_SERVER:
            self._effects.cancel("join")
            self._move(JoinEvent.ERROR)
            self._changed("errored", reason, now_s)

    def socket_lost(self, now_s: float) -> None:
        """Nothing is joined before the next socket opens."""
        self._effects.cancel("join")
        self._effects.cancel("rejoin")
        self.lost("socket lost", now_s)

    def leave(self) -> None:
        """R2: unsubscribe and remove."""
        if self.is_joined:
            self._push("phx_leave", {})
        self._move(JoinEvent.CLOSE)
        for timer in ("join", "rejoin", "recreate"):
            self._effects.cancel(timer)

    def set_token(self, token: str) -> None:
        """R1: a renewed token goes to the joined channel and into every later join."""
        self._token = token
        if self.is_joined:
            self._push("access_token", {"access_token": token})

    def is_own(self, frame: Frame) -> bool:
        """False for a frame of an earlier join of this topic."""
        return frame.join_ref is None or frame.join_ref == self._join_ref

    def received(self, frame: Frame, now_s: float) -> bool:
        """A frame of this topic that carries no row; says whether it was ``system ok``.

        Raises what the decoder raises.
        """
        match frame.event:
            case "phx_reply" if frame.ref == self._join_ref:
                self._join_answered(_decode_reply(frame.payload), now_s)
            case "system":
                return self._told(_decode_system(frame.payload), now_s)
            case "phx_close" if frame.ref == self._join_ref and self._state is not Join.CLOSED:
                self._closed_for_good(now_s)
            case "phx_error" if frame.ref == self._join_ref and self._state in _ON_SERVER:
                self.lost("channel crashed", now_s)
                self._rejoin_later(now_s)
        return False

    def join_timed_out(self, now_s: float) -> None:
        """The timer: no answer to the join."""
        self._changed("timed_out", "no answer to the join", now_s)
        self._push("phx_leave", {})
        self._join_ref = ""  # late answers to this join, and its close, are stale
        self._rejoin_later(now_s)

    def join_again(self, now_s: float) -> None:
        """The timer of a rejoin or a re-creation; without a socket the next one joins."""
        if self._connection.is_open:
            self._join(now_s)

    def _join(self, now_s: float) -> None:
        self._move(JoinEvent.JOIN)
        self._join_ref = self._connection.next_ref()
        binding = {
            "event": "*",
            "schema": "public",
            "table": "messages",
            "filter": f"webinar_id=eq.{self._webinar}",
        }
        config: dict[str, Any] = {
            "broadcast": {"ack": False, "self": False},
            "presence": {"key": "", "enabled": False},
            "postgres_changes": [binding],
            "private": False,
        }
        content = phoenix.payload({"config": config, "access_token": self._token})
        frame = Frame(self._join_ref, self._join_ref, self.topic, "phx_join", content)
        self._connection.send(frame)
        self._effects.wake_at("join", now_s + JOIN_TIMEOUT_S)
        self._changed("joining", "", now_s)

    def _join_answered(self, reply: Reply, now_s: float) -> None:
        if self._state is not Join.JOINING:
            return
        self._effects.cancel("join")
        if reply.status == "ok":
            self._move(JoinEvent.JOIN_OK)
            self._failures = 0
            self._changed("subscribed", "", now_s)
        else:
            self._changed("errored", bytes(reply.response).decode(errors="replace"), now_s)
            self._rejoin_later(now_s)

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

    def _closed_for_good(self, now_s: float) -> None:
        """``phx_close``: the library gives up; the app creates the channel anew (R3)."""
        self._effects.cancel("join")
        self._effects.cancel("rejoin")
        self._move(JoinEvent.CLOSE)
        self._changed("closed", "ended by the server", now_s)
        if not self._policy.recreate_channel:
            return
        wait_s = min(self._policy.recreate_delay_s * 2**self._recreations, RECREATE_MAX_S)
        self._recreations += 1
        self._effects.wake_at("recreate", now_s + wait_s)

    def _rejoin_later(self, now_s: float) -> None:
        if self._state is not Join.ERRORED:
            self._move(JoinEvent.ERROR)
        self._failures += 1
        self._effects.wake_at("rejoin", now_s + self._connection.wait_s(self._failures))

    def _push(self, event: str, content: dict[str, Any]) -> None:
        ref, payload = self._connection.next_ref(), phoenix.payload(content)
        self._connection.send(Frame(self._join_ref, ref, self.topic, event, payload))

    def _move(self, event: JoinEvent) -> None:
        self._state = after(CHANNEL_TABLE, self._state, event)

    def _changed(self, status: Status, reason: str, now_s: float) -> None:
        self._effects.sink.event(
            ChannelChanged(t_s=now_s, user=self._effects.user, status=status, reason=reason)
        )
