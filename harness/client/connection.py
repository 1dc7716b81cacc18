"""The page's WebSocket as realtime-js keeps it: attempts, back-off, heartbeats (R3, O2, H6, H10).

Constants and rules follow realtime-js 2.119 (docs/realtime.md, "What the emulated client keeps
to"). What travels on it is ``harness.client.channel``'s matter.
"""

from __future__ import annotations

from enum import Enum, auto
from random import Random

from harness.client.commands import CloseSocket, OpenSocket, SendFrame
from harness.client.effects import Effects
from harness.client.states import after
from harness.records import SocketClosed, SocketOpened, SocketOpening
from harness.wire import phoenix
from harness.wire.phoenix import Frame, Vsn

HEARTBEAT_S = 25.0
"""After open, and after each answer."""
HEARTBEAT_TIMEOUT_S = 25.0
BACKOFF_S = (1.0, 2.0, 5.0, 10.0)
"""Waits before the 1st, 2nd, 3rd, and every later try; no jitter (H6)."""
TEARDOWN_S = 3.0
"""After a missed heartbeat the library waits at most this long for the socket to close."""


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

_AT_WORK = frozenset((Socket.CONNECTING, Socket.OPEN, Socket.CLOSING))
_TIMERS = ("heartbeat", "heartbeat_timeout", "teardown", "reconnect")


def backoff_s(failed: int) -> float:
    """The wait after ``failed`` tries in a row (1 for the first)."""
    return BACKOFF_S[min(failed, len(BACKOFF_S)) - 1]


class Connection:
    """One socket at a time, found again whenever it is lost."""

    __slots__ = (
        "_attempts",
        "_effects",
        "_failures",
        "_heartbeat_ref",
        "_jitter",
        "_path",
        "_ref",
        "_rng",
        "_state",
        "_vsn",
        "visible",
    )

    def __init__(
        self, effects: Effects, *, api_key: str, vsn: Vsn, jitter: float, rng: Random
    ) -> None:
        """``jitter``: the share of a wait by which it may be longer or shorter."""
        self._effects = effects
        self._path = f"/realtime/v1/websocket?apikey={api_key}&vsn={vsn}"
        self._vsn = vsn
        self._jitter = jitter
        self._rng = rng
        self._state = Socket.IDLE
        self._attempts = 0
        self._failures = 0
        self._ref = 0
        self._heartbeat_ref: str | None = None
        """Of the heartbeat that is not answered yet."""
        self.visible = True

    @property
    def is_open(self) -> bool:
        return self._state is Socket.OPEN

    def is_current(self, socket: int) -> bool:
        """Whether what is told of this socket concerns the attempt at work."""
        return socket == self._attempts and self._state in _AT_WORK

    def connect(self, now_s: float) -> None:
        """Start a socket attempt."""
        self._move(SocketEvent.CONNECT)
        self._attempts += 1
        self._effects.cancel("reconnect")
        self._effects.sink.event(
            SocketOpening(t_s=now_s, user=self._effects.user, attempt=self._attempts)
        )
        self._effects.commands.append(OpenSocket(self._attempts, self._path))

    def disconnect(self) -> None:
        """Close the socket for good."""
        if self._state in (Socket.OPEN, Socket.CONNECTING):
            self._effects.commands.append(CloseSocket(self._attempts, 1000, ""))
        self._move(SocketEvent.DISCONNECT)
        self._cancel_timers()

    def shown(self, now_s: float) -> None:
        """The tab is visible again: a socket that is parked or waits is tried at once."""
        was_hidden, self.visible = not self.visible, True
        if was_hidden and self._state in (Socket.PARKED, Socket.WAITING):
            self.connect(now_s)

    def opened(self, socket: int, now_s: float) -> bool:
        """The handshake is done. False for an attempt that nobody waits for any more."""
        if socket != self._attempts or self._state is not Socket.CONNECTING:
            return False
        self._move(SocketEvent.OPENED)
        self._failures = 0
        self._effects.sink.event(SocketOpened(t_s=now_s, user=self._effects.user, attempt=socket))
        self._effects.wake_at("heartbeat", now_s + HEARTBEAT_S)
        return True

    def closed(self, code: int, reason: str, now_s: float) -> bool:
        """The attempt at work is gone; says whether it had been open."""
        was_open = self._state is not Socket.CONNECTING
        self._effects.sink.event(
            SocketClosed(
                t_s=now_s,
                user=self._effects.user,
                attempt=self._attempts,
                was_open=was_open,
                code=code,
                reason=reason,
            )
        )
        self._move(SocketEvent.LOST)
        self._cancel_timers()
        self._failures += 1
        self._effects.wake_at("reconnect", now_s + self.wait_s(self._failures))
        return was_open

    def wait_s(self, failed: int) -> float:
        """How long to wait after so many failures in a row, with the app's jitter (H6)."""
        wait_s = backoff_s(failed)
        return wait_s * (1 + self._rng.uniform(-self._jitter, self._jitter))

    def next_ref(self) -> str:
        """A reference that no earlier frame of this page has."""
        self._ref += 1
        return str(self._ref)

    def send(self, frame: Frame) -> None:
        data = phoenix.encode(frame, self._vsn)
        self._effects.commands.append(SendFrame(self._attempts, data))

    def answered(self, ref: str | None, now_s: float) -> None:
        """A ``phx_reply`` outside of any channel: the heartbeat's, if it is the one waited for."""
        if self._heartbeat_ref is None or ref != self._heartbeat_ref:
            return
        self._heartbeat_ref = None
        self._effects.cancel("heartbeat_timeout")
        self._effects.wake_at("heartbeat", now_s + HEARTBEAT_S)

    def heartbeat(self, now_s: float) -> None:
        """The timer: it is time to send one."""
        self._heartbeat_ref = self.next_ref()
        self.send(Frame(None, self._heartbeat_ref, "phoenix", "heartbeat", phoenix.EMPTY))
        self._effects.wake_at("heartbeat_timeout", now_s + HEARTBEAT_TIMEOUT_S)

    def heartbeat_missed(self, now_s: float) -> None:
        """The timer: nobody answered. The socket is closed, and given up a little later."""
        self._move(SocketEvent.HEARTBEAT_MISSED)
        self._effects.commands.append(CloseSocket(self._attempts, 1000, "heartbeat timeout"))
        self._effects.wake_at("teardown", now_s + TEARDOWN_S)

    def reconnect(self, now_s: float) -> None:
        """The timer: try again, unless the tab is hidden."""
        if self.visible:
            self.connect(now_s)
        else:
            self._move(SocketEvent.PARK)

    def _move(self, event: SocketEvent) -> None:
        self._state = after(SOCKET_TABLE, self._state, event)

    def _cancel_timers(self) -> None:
        for timer in _TIMERS:
            self._effects.cancel(timer)
