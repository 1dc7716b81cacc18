"""The Realtime side of the page: one socket, one channel, as realtime-js keeps them (R1 to R3).

Two state machines: the socket (connect, lose, wait, try again) and the room's channel on it
(join, subscribed, live, errored, closed for good). Constants and rules follow realtime-js 2.119
(docs/realtime.md, "What the emulated client keeps to").
"""

from __future__ import annotations

from enum import Enum, auto
from functools import lru_cache
from typing import Any

import msgspec

from harness.client.commands import CloseSocket, OpenSocket, SendFrame
from harness.client.effects import Effects
from harness.client.policy import Policy
from harness.client.states import after
from harness.records import ChannelChanged, Finding, SocketClosed, SocketOpened, SocketOpening
from harness.wire import phoenix
from harness.wire.changes import ChangeData, ChangePayload
from harness.wire.phoenix import Frame, FrameError, Vsn
from harness.wire.unreadable import UNREADABLE

HEARTBEAT_S = 25.0
"""After open, and after each answer."""
HEARTBEAT_TIMEOUT_S = 25.0
JOIN_TIMEOUT_S = 10.0
BACKOFF_S = (1.0, 2.0, 5.0, 10.0)
"""Waits before the 1st, 2nd, 3rd, and every later try; no jitter (H6)."""
TEARDOWN_S = 3.0
"""After a missed heartbeat the library waits at most this long for the socket to close."""
RECREATE_MAX_S = 30.0


class Socket(Enum):
    IDLE = auto()
    """Not wanted: before the page opens, after it closed."""
    CONNECTING = auto()
    OPEN = auto()
    CLOSING = auto()
    """Closed by us after a missed heartbeat; gone when the peer or the patience ends."""
    WAITING = auto()
    """Lost; the reconnect timer runs."""
    PARKED = auto()
    """Lost in a hidden tab: no further try until the tab shows (H10)."""


class SocketEvent(Enum):
    CONNECT = auto()
    OPENED = auto()
    LOST = auto()
    HEARTBEAT_MISSED = auto()
    PARK = auto()
    DISCONNECT = auto()


SOCKET_TABLE: dict[tuple[Socket, SocketEvent], Socket] = {
    (Socket.IDLE, SocketEvent.CONNECT): Socket.CONNECTING,
    (Socket.CONNECTING, SocketEvent.OPENED): Socket.OPEN,
    (Socket.CONNECTING, SocketEvent.LOST): Socket.WAITING,
    (Socket.OPEN, SocketEvent.LOST): Socket.WAITING,
    (Socket.OPEN, SocketEvent.HEARTBEAT_MISSED): Socket.CLOSING,
    (Socket.CLOSING, SocketEvent.LOST): Socket.WAITING,
    (Socket.WAITING, SocketEvent.CONNECT): Socket.CONNECTING,
    (Socket.WAITING, SocketEvent.PARK): Socket.PARKED,
    (Socket.PARKED, SocketEvent.CONNECT): Socket.CONNECTING,
} | {(state, SocketEvent.DISCONNECT): Socket.IDLE for state in Socket}


class Channel(Enum):
    CLOSED = auto()
    """Not joined, and nobody tries: before the socket opens, or ended for good (R3)."""
    JOINING = auto()
    JOINED = auto()
    """SUBSCRIBED, as the app hears it; rows may not flow yet (H8)."""
    LIVE = auto()
    """``system ok`` was there: rows flow."""
    ERRORED = auto()
    """The library will join again by itself."""


class ChannelEvent(Enum):
    JOIN = auto()
    JOIN_OK = auto()
    SYSTEM_OK = auto()
    ERROR = auto()
    CLOSE = auto()


CHANNEL_TABLE: dict[tuple[Channel, ChannelEvent], Channel] = {
    (Channel.CLOSED, ChannelEvent.JOIN): Channel.JOINING,
    (Channel.ERRORED, ChannelEvent.JOIN): Channel.JOINING,
    (Channel.JOINING, ChannelEvent.JOIN_OK): Channel.JOINED,
    (Channel.JOINED, ChannelEvent.SYSTEM_OK): Channel.LIVE,
    (Channel.LIVE, ChannelEvent.SYSTEM_OK): Channel.LIVE,
    (Channel.JOINING, ChannelEvent.ERROR): Channel.ERRORED,
    (Channel.JOINED, ChannelEvent.ERROR): Channel.ERRORED,
    (Channel.LIVE, ChannelEvent.ERROR): Channel.ERRORED,
} | {(state, ChannelEvent.CLOSE): Channel.CLOSED for state in Channel}


class Signal(Enum):
    """What the rest of the page hears from here."""

    ATTEMPT_FAILED = auto()
    """A socket attempt failed before it opened (F1 counts these)."""
    OPENED = auto()
    LIVE = auto()
    NOT_LIVE = auto()
    """Rows no longer flow; raised once for each time they did."""


class _Reply(msgspec.Struct, frozen=True):
    status: str
    response: msgspec.Raw = phoenix.EMPTY


class _System(msgspec.Struct, frozen=True):
    status: str
    extension: str = ""
    message: str = ""


_decode_change = msgspec.json.Decoder(ChangePayload).decode
_decode_reply = msgspec.json.Decoder(_Reply).decode
_decode_system = msgspec.json.Decoder(_System).decode


@lru_cache(maxsize=512)
def _read(data: str | bytes, vsn: Vsn) -> tuple[Frame, ChangeData | None]:
    """Read a frame, and the change in it where it carries one.

    A room's users get the same bytes, so a process decodes them once and its users share the
    (frozen) row. Raises :class:`FrameError` or :class:`msgspec.DecodeError`; errors are not kept.
    """
    frame = phoenix.decode(data, vsn)
    if frame.event == "postgres_changes":
        return frame, _decode_change(frame.payload).data
    return frame, None


_BAD_FRAME: tuple[type[Exception], ...] = (FrameError, *UNREADABLE)
_JOINED_STATES = frozenset((Channel.JOINED, Channel.LIVE))


def _backoff_s(failed: int) -> float:
    """The wait after ``failed`` tries in a row (1 for the first)."""
    return BACKOFF_S[min(failed, len(BACKOFF_S)) - 1]


class Realtime:
    """The page's socket and channel. Methods return the :class:`Signal` they caused, if any."""

    __slots__ = (
        "_attempts",
        "_channel",
        "_channel_failures",
        "_effects",
        "_heartbeat_ref",
        "_join_ref",
        "_path",
        "_policy",
        "_recreations",
        "_ref",
        "_socket",
        "_socket_failures",
        "_token",
        "_topic",
        "_vsn",
        "_webinar",
        "visible",
    )

    def __init__(
        self,
        webinar: int,
        policy: Policy,
        effects: Effects,
        *,
        api_key: str,
        token: str,
        vsn: Vsn = "2.0.0",
    ) -> None:
        self._webinar = webinar
        self._policy = policy
        self._effects = effects
        self._token = token
        self._vsn = vsn
        self._topic = f"realtime:webinar-{webinar}"  # R2: the name follows from the webinar alone
        self._path = f"/realtime/v1/websocket?apikey={api_key}&vsn={vsn}"
        self._socket = Socket.IDLE
        self._channel = Channel.CLOSED
        self._attempts = 0
        self._socket_failures = 0
        self._channel_failures = 0
        self._recreations = 0
        self._ref = 0
        self._join_ref = ""
        self._heartbeat_ref: str | None = None
        """Of the heartbeat that is not answered yet."""
        self.visible = True

    @property
    def is_live(self) -> bool:
        return self._channel is Channel.LIVE

    # -- what the page does ---------------------------------------------------------------

    def connect(self, now_s: float) -> None:
        """Start a socket attempt."""
        self._move_socket(SocketEvent.CONNECT)
        self._attempts += 1
        self._effects.cancel("reconnect")
        self._effects.sink.event(
            SocketOpening(t_s=now_s, user=self._effects.user, attempt=self._attempts)
        )
        self._effects.commands.append(OpenSocket(self._attempts, self._path))

    def disconnect(self) -> None:
        """R2: leave the channel, then close the socket for good."""
        if self._channel in _JOINED_STATES:
            self._push("phx_leave", {})
        if self._socket in (Socket.OPEN, Socket.CONNECTING):
            self._effects.commands.append(CloseSocket(self._attempts, 1000, ""))
        self._move_channel(ChannelEvent.CLOSE)
        self._move_socket(SocketEvent.DISCONNECT)
        for timer in ("heartbeat", "heartbeat_timeout", "teardown", "reconnect", "join", "rejoin"):
            self._effects.cancel(timer)
        self._effects.cancel("recreate")

    def shown(self, now_s: float) -> None:
        """The tab is visible again: a socket that is parked or waits is tried at once."""
        was_hidden, self.visible = not self.visible, True
        if was_hidden and self._socket in (Socket.PARKED, Socket.WAITING):
            self.connect(now_s)

    def set_token(self, token: str) -> None:
        """R1: a renewed token goes to the joined channel and into every later join."""
        self._token = token
        if self._channel in _JOINED_STATES:
            self._push("access_token", {"access_token": token})

    # -- what the socket does -------------------------------------------------------------

    def socket_opened(self, socket: int, now_s: float) -> Signal | None:
        if socket != self._attempts or self._socket is not Socket.CONNECTING:
            return None
        self._move_socket(SocketEvent.OPENED)
        self._socket_failures = 0
        self._channel_failures = 0
        self._effects.sink.event(SocketOpened(t_s=now_s, user=self._effects.user, attempt=socket))
        self._effects.wake_at("heartbeat", now_s + HEARTBEAT_S)
        self._effects.cancel("recreate")
        self._effects.cancel("rejoin")
        self._join(now_s)
        return Signal.OPENED

    def socket_closed(self, socket: int, code: int, reason: str, now_s: float) -> Signal | None:
        if socket != self._attempts or self._socket not in (
            Socket.CONNECTING,
            Socket.OPEN,
            Socket.CLOSING,
        ):
            return None
        was_open = self._socket is not Socket.CONNECTING
        self._effects.sink.event(
            SocketClosed(
                t_s=now_s,
                user=self._effects.user,
                attempt=socket,
                was_open=was_open,
                code=code,
                reason=reason,
            )
        )
        self._move_socket(SocketEvent.LOST)
        for timer in ("heartbeat", "heartbeat_timeout", "teardown", "join", "rejoin"):
            self._effects.cancel(timer)
        was_live = self._channel_lost("socket lost", now_s)
        self._socket_failures += 1
        self._effects.wake_at("reconnect", now_s + _backoff_s(self._socket_failures))
        if not was_open:
            return Signal.ATTEMPT_FAILED
        return Signal.NOT_LIVE if was_live else None

    def frame_received(
        self, socket: int, data: str | bytes, now_s: float
    ) -> ChangeData | Signal | None:
        """One text frame; returns the change it carried, or the signal it caused."""
        if socket != self._attempts or self._socket is not Socket.OPEN:
            return None
        try:
            frame, change = _read(data, self._vsn)
            if frame.topic == self._topic:
                return self._channel_frame(frame, change, now_s)
            if frame.event == "phx_reply" and self._heartbeat_ref is not None:
                self._heartbeat_answered(frame.ref, now_s)
        except _BAD_FRAME as error:
            self._found("unreadable_frame", str(error), now_s)
        return None

    def _heartbeat_answered(self, ref: str | None, now_s: float) -> None:
        if ref != self._heartbeat_ref:
            return
        self._heartbeat_ref = None
        self._effects.cancel("heartbeat_timeout")
        self._effects.wake_at("heartbeat", now_s + HEARTBEAT_S)

    # -- timers ---------------------------------------------------------------------------

    def wake(self, timer: str, now_s: float) -> Signal | None:
        """A timer of this part is due."""
        match timer:
            case "heartbeat":
                self._ref += 1
                self._heartbeat_ref = str(self._ref)
                frame = Frame(None, self._heartbeat_ref, "phoenix", "heartbeat", phoenix.EMPTY)
                self._send(frame)
                self._effects.wake_at("heartbeat_timeout", now_s + HEARTBEAT_TIMEOUT_S)
            case "heartbeat_timeout":
                self._move_socket(SocketEvent.HEARTBEAT_MISSED)
                self._effects.commands.append(
                    CloseSocket(self._attempts, 1000, "heartbeat timeout")
                )
                self._effects.wake_at("teardown", now_s + TEARDOWN_S)
                if self._channel_lost("heartbeat timeout", now_s):
                    return Signal.NOT_LIVE
            case "teardown":
                return self.socket_closed(self._attempts, 1006, "heartbeat timeout", now_s)
            case "reconnect":
                if self.visible:
                    self.connect(now_s)
                else:
                    self._move_socket(SocketEvent.PARK)
            case "join":
                self._changed("timed_out", "no answer to the join", now_s)
                self._push("phx_leave", {})
                self._join_ref = ""  # late answers to this join, and its close, are stale
                self._rejoin_later(now_s)
            case "rejoin" | "recreate" if self._socket is Socket.OPEN:
                self._join(now_s)
        return None

    # -- the channel ----------------------------------------------------------------------

    def _join(self, now_s: float) -> None:
        self._move_channel(ChannelEvent.JOIN)
        self._ref += 1
        self._join_ref = str(self._ref)
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
        self._send(Frame(self._join_ref, self._join_ref, self._topic, "phx_join", content))
        self._effects.wake_at("join", now_s + JOIN_TIMEOUT_S)
        self._changed("joining", "", now_s)

    def _channel_frame(
        self, frame: Frame, change: ChangeData | None, now_s: float
    ) -> ChangeData | Signal | None:
        if frame.join_ref is not None and frame.join_ref != self._join_ref:
            return None  # a frame of an earlier join of this topic
        match frame.event:
            case "postgres_changes" if self._channel in _JOINED_STATES:
                return change
            case "phx_reply" if frame.ref == self._join_ref:
                self._join_answered(_decode_reply(frame.payload), now_s)
            case "system":
                return self._system(_decode_system(frame.payload), now_s)
            case "phx_close" if frame.ref == self._join_ref and self._channel is not Channel.CLOSED:
                return self._closed_for_good(now_s)
            case "phx_error" if frame.ref == self._join_ref and self._is_on_server:
                was_live = self._channel_lost("channel crashed", now_s)
                self._rejoin_later(now_s)
                return Signal.NOT_LIVE if was_live else None
        return None

    def _join_answered(self, reply: _Reply, now_s: float) -> None:
        if self._channel is not Channel.JOINING:
            return
        self._effects.cancel("join")
        if reply.status == "ok":
            self._move_channel(ChannelEvent.JOIN_OK)
            self._channel_failures = 0
            self._changed("subscribed", "", now_s)
        else:
            self._changed("errored", bytes(reply.response).decode(errors="replace"), now_s)
            self._rejoin_later(now_s)

    def _system(self, system: _System, now_s: float) -> Signal | None:
        if system.extension != "postgres_changes" or self._channel not in _JOINED_STATES:
            return None
        if system.status != "ok":
            self._found("system_error", system.message, now_s)
            return None
        self._move_channel(ChannelEvent.SYSTEM_OK)
        self._recreations = 0
        self._changed("live", "", now_s)
        return Signal.LIVE

    def _closed_for_good(self, now_s: float) -> Signal | None:
        """``phx_close``: the library gives up; the app creates the channel anew (R3)."""
        was_live = self.is_live
        self._effects.cancel("join")
        self._effects.cancel("rejoin")
        self._move_channel(ChannelEvent.CLOSE)
        self._changed("closed", "ended by the server", now_s)
        wait_s = min(self._policy.recreate_delay_s * 2**self._recreations, RECREATE_MAX_S)
        self._recreations += 1
        self._effects.wake_at("recreate", now_s + wait_s)
        return Signal.NOT_LIVE if was_live else None

    def _channel_lost(self, reason: str, now_s: float) -> bool:
        """The channel's socket or process is gone; True where rows had been flowing."""
        was_live = self.is_live
        if self._is_on_server:
            self._effects.cancel("join")
            self._move_channel(ChannelEvent.ERROR)
            self._changed("errored", reason, now_s)
        return was_live

    def _rejoin_later(self, now_s: float) -> None:
        if self._channel is not Channel.ERRORED:
            self._move_channel(ChannelEvent.ERROR)
        self._channel_failures += 1
        self._effects.wake_at("rejoin", now_s + _backoff_s(self._channel_failures))

    @property
    def _is_on_server(self) -> bool:
        """The server has, or may have, a process for our current join."""
        return self._channel in _JOINED_STATES or self._channel is Channel.JOINING

    # -- small change ---------------------------------------------------------------------

    def _move_socket(self, event: SocketEvent) -> None:
        self._socket = after(SOCKET_TABLE, self._socket, event)

    def _move_channel(self, event: ChannelEvent) -> None:
        self._channel = after(CHANNEL_TABLE, self._channel, event)

    def _push(self, event: str, content: dict[str, Any]) -> None:
        self._ref += 1
        payload = phoenix.payload(content)
        self._send(Frame(self._join_ref, str(self._ref), self._topic, event, payload))

    def _send(self, frame: Frame) -> None:
        data = phoenix.encode(frame, self._vsn)
        self._effects.commands.append(SendFrame(self._attempts, data))

    def _changed(self, status: Any, reason: str, now_s: float) -> None:
        self._effects.sink.event(
            ChannelChanged(t_s=now_s, user=self._effects.user, status=status, reason=reason)
        )

    def _found(self, what: str, detail: str, now_s: float) -> None:
        self._effects.sink.event(
            Finding(t_s=now_s, user=self._effects.user, what=what, detail=detail[:500])
        )
