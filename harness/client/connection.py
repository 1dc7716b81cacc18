"""The page's WebSocket as realtime-js keeps it: attempts, back-off, heartbeats (R3, O2, H6, H10).

A port of what the library does with its socket (phoenix-js ``socket.js``; realtime-js's own one
before 2.100), held against traces of the genuine one (``tests/harness/client/oracle``). It keeps
the library's oddities: a socket that is closed slowly lives beside its successor, and where its
end is heard at last, it counts as the successor's. What travels on it is
``harness.client.channel``'s matter, and when it is asked for a sign of life
``harness.client.heartbeat``'s.
"""

from __future__ import annotations

from enum import Enum, auto

from harness.client.commands import CloseSocket, OpenSocket, SendFrame
from harness.client.effects import Effects
from harness.client.heartbeat import Heartbeat, Worker
from harness.client.library import CURRENT, Library
from harness.client.states import after
from harness.client.websocket import Ended, Ready, Teardown, Then, Wire
from harness.records import Finding, SocketClosed, SocketOpened, SocketOpening
from harness.seeds import Draws
from harness.wire import phoenix
from harness.wire.phoenix import Frame, Vsn

CLOSE_NORMAL = 1000
ABNORMAL = 1006


class Socket(Enum):
    IDLE = auto()
    """Not wanted: before the page opens, after it closed or was put away."""
    CONNECTING = auto()
    OPEN = auto()
    CLOSING = auto()
    """Closed by us; gone when the peer or the patience ends."""
    WAITING = auto()
    """Lost; the reconnect timer runs."""
    PARKED = auto()
    """Lost in a hidden tab: no further try until the tab shows (H10)."""


class SocketEvent(Enum):
    CONNECT = auto()
    OPENED = auto()
    LOST = auto()
    GIVE_UP = auto()
    """The library closes it itself: a missed heartbeat, or another one is wanted in its place."""
    PARK = auto()
    DISCONNECT = auto()


SOCKET_TABLE: dict[tuple[Socket, SocketEvent], Socket] = {
    (Socket.IDLE, SocketEvent.CONNECT): Socket.CONNECTING,
    (Socket.CONNECTING, SocketEvent.OPENED): Socket.OPEN,
    (Socket.CONNECTING, SocketEvent.LOST): Socket.WAITING,
    (Socket.CONNECTING, SocketEvent.GIVE_UP): Socket.CLOSING,
    (Socket.OPEN, SocketEvent.LOST): Socket.WAITING,
    (Socket.OPEN, SocketEvent.GIVE_UP): Socket.CLOSING,
    (Socket.CLOSING, SocketEvent.LOST): Socket.WAITING,
    (Socket.CLOSING, SocketEvent.CONNECT): Socket.CONNECTING,
    (Socket.WAITING, SocketEvent.CONNECT): Socket.CONNECTING,
    (Socket.WAITING, SocketEvent.OPENED): Socket.OPEN,  # older versions may forget a try
    (Socket.WAITING, SocketEvent.PARK): Socket.PARKED,
    (Socket.PARKED, SocketEvent.CONNECT): Socket.CONNECTING,
} | {(state, SocketEvent.DISCONNECT): Socket.IDLE for state in Socket}

_AT_WORK = frozenset((Socket.CONNECTING, Socket.OPEN, Socket.CLOSING))
_TIMERS = ("heartbeat", "heartbeat_timeout", "reconnect", "reconnect_now", "patience", "empty")


class Connection:
    """One socket at a time, found again whenever it is lost."""

    __slots__ = (
        "_awaits_pageshow",
        "_buffer",
        "_clean",
        "_clock",
        "_disconnecting",
        "_effects",
        "_heartbeat",
        "_jitter",
        "_library",
        "_path",
        "_ref",
        "_rng",
        "_sockets",
        "_state",
        "_teardowns",
        "_teardowns_begun",
        "_tries",
        "_visible",
        "_vsn",
        "_waits_for_token",
        "_wire",
        "_wires",
    )

    def __init__(
        self,
        effects: Effects,
        *,
        api_key: str,
        vsn: Vsn,
        rng: Draws,
        jitter: float = 0.0,
        library: Library = CURRENT,
        worker: Worker = "none",
    ) -> None:
        """``jitter``: the share of each wait by which it may be longer or shorter (H6), which
        an app gives the library as ``reconnectAfterMs``."""
        self._effects = effects
        self._library = library
        self._path = f"/realtime/v1/websocket?apikey={api_key}&vsn={vsn}"
        self._vsn = vsn
        self._jitter = jitter
        self._rng = rng
        self._state = Socket.IDLE
        self._sockets = 0
        self._wire: Wire | None = None
        """The socket the library holds; it may be closed already."""
        self._wires: dict[int, Wire] = {}
        """Those with listeners that are not closed yet."""
        self._tries = 0
        self._ref = 0
        self._heartbeat = Heartbeat(effects, library, worker)
        self._buffer: list[Frame] = []
        """Sent when a socket opens."""
        self._teardowns: dict[int, Teardown] = {}
        self._teardowns_begun = 0
        self._visible = True
        self._clean = True
        """The last end was ours: no reconnect follows."""
        self._disconnecting = False
        self._clock = 0
        """Counts what the library wanted of the socket, so that ``pageshow`` knows its turn."""
        self._awaits_pageshow: int | None = None
        self._waits_for_token = False
        """A reconnect is due; the library first waits for the token that it asked for."""

    @property
    def is_open(self) -> bool:
        return self._wire is not None and self._wire.ready is Ready.OPEN

    def hears(self, socket: int) -> bool:
        """Whether the frames of this socket are listened to."""
        wire = self._wire
        return wire is not None and wire.number == socket and wire.ready is Ready.OPEN

    # -- what the app and the page do -----------------------------------------------------

    def connect(self, now_s: float) -> None:
        """Start a socket attempt."""
        self._move(SocketEvent.CONNECT)
        self._clean = False
        self._clock += 1
        self._sockets += 1
        self._wire = self._wires[self._sockets] = Wire(self._sockets)
        self._effects.sink.event(
            SocketOpening(t_s=now_s, user=self._effects.user, attempt=self._sockets)
        )
        self._effects.commands.append(OpenSocket(self._sockets, self._path))

    def subscribed(self, now_s: float) -> None:
        """A channel is subscribed: a socket is wanted, and the library looks whether one is there.

        A phoenix-js socket that was lost still stands there for the library until its reconnect
        timer clears it away; a parked one does not.
        """
        self._effects.cancel("empty")
        if self._library.closing_looks_s:
            self._connect_and_ask(now_s)
        elif not (self.is_open or self._state is Socket.CONNECTING):
            self.connect(now_s)

    def disconnect(self) -> None:
        """The page closes: so does the socket, for good."""
        self._move(SocketEvent.DISCONNECT)
        if self._wire is not None:
            self._close(self._wire, CLOSE_NORMAL, "")
        self._wire = None
        self._waits_for_token = False
        self._wires.clear()
        self._buffer.clear()
        self._heartbeat.end_worker()
        for timer in (*_TIMERS, *(f"closing:{number}" for number in self._teardowns)):
            self._effects.cancel(timer)
        self._teardowns.clear()

    def token_came(self, now_s: float) -> None:
        """The token that the library asked for is there, or will not come."""
        if self._waits_for_token:
            self._waits_for_token = False
            self._go_on(Then.RECONNECT, now_s)

    def left_empty(self, now_s: float) -> None:
        """No channel is left: the socket is not kept for long."""
        self._effects.wake_at("empty", now_s + self._library.empty_s)

    def hidden(self) -> None:
        self._visible = False

    def shown(self, now_s: float) -> None:
        """The tab is visible again: whatever is not open makes room for a new try at once."""
        was_hidden, self._visible = not self._visible, True
        if was_hidden and self._library.watches_page and not self.is_open and not self._clean:
            self._tear_down(Then.CONNECT, now_s)

    def page_hidden(self, now_s: float) -> None:
        """``pagehide``: the library hangs up."""
        if self._library.watches_page and self._wire is not None:
            self._hang_up(Then.DISCONNECTED, now_s)
            self._awaits_pageshow = self._clock

    def page_shown(self, now_s: float) -> None:
        """``pageshow`` after such a ``pagehide``."""
        if self._awaits_pageshow == self._clock:
            self._awaits_pageshow = None
            self._connect_unless_held(now_s)

    # -- what the network does ------------------------------------------------------------

    def opened(self, socket: int, now_s: float) -> bool:
        """The handshake is done. False for an attempt that nobody waits for any more."""
        wire = self._wires.get(socket)
        if wire is None or wire.ready is not Ready.CONNECTING:
            return False
        if wire is self._wire:
            self._move(SocketEvent.OPENED)
        wire.ready, wire.was_open = Ready.OPEN, True
        self._clean = self._disconnecting = False
        self._tries = 0
        self._effects.cancel("reconnect")
        self._effects.sink.event(SocketOpened(t_s=now_s, user=self._effects.user, attempt=socket))
        if self.is_open:
            for frame in self._buffer:
                self.send(frame)
            self._buffer.clear()
        self._heartbeat.begin(now_s)
        return True

    def closed(self, socket: int, code: int, reason: str, now_s: float) -> Ended | None:
        """A socket is gone. None where the library does not know of it any more."""
        wire = self._wires.pop(socket, None)
        if wire is None:
            return None
        wire.ready = Ready.CLOSED
        self._record_end(wire, code, reason, now_s)
        if wire is self._wire and self._state in _AT_WORK:
            self._move(SocketEvent.LOST)
        return Ended(not wire.was_open, wire.close_is_heard)

    def close_heard(self, now_s: float) -> None:
        """The library's ``onclose``, whichever socket it is of; after the channels were told."""
        if self._library.closing_looks_s:
            if self._wire is not None:
                self._wire.close_is_heard = False
        elif self._state is Socket.CONNECTING:  # older versions think that nothing is under way
            self._move(SocketEvent.LOST)
        self._heartbeat.end()
        if not self._clean:
            self._schedule(now_s)

    # -- frames ---------------------------------------------------------------------------

    def backoff_s(self, tries: int) -> float:
        """The wait before a try of a socket or a join, with the app's jitter."""
        wait_s = self._library.backoff(tries)
        if not self._jitter:
            return wait_s
        return wait_s * (1 + self._rng.uniform(-self._jitter, self._jitter))

    def next_ref(self) -> str:
        """A reference that no earlier frame of this page has."""
        self._ref += 1
        return str(self._ref)

    def push(self, frame: Frame) -> None:
        """Send, or keep for the next socket."""
        if self.is_open:
            self.send(frame)
        else:
            self._buffer.append(frame)

    def send(self, frame: Frame) -> None:
        data = phoenix.encode(frame, self._vsn)
        self._effects.commands.append(SendFrame(self._sockets, data))

    def answered(self, ref: str | None, now_s: float) -> None:
        """A ``phx_reply`` outside of any channel: the heartbeat's, if it is the one waited for."""
        self._heartbeat.answered(ref, now_s)

    # -- timers ---------------------------------------------------------------------------

    def heartbeat(self, now_s: float) -> bool:
        """It is time to send one; says whether the one before was missed."""
        turn = self._heartbeat.turn(now_s, is_open=self.is_open)
        if turn == "send":
            ref = self.next_ref()
            self._effects.token_is_wanted = self._library.asks_for_token
            self.send(Frame(None, ref, "phoenix", "heartbeat", phoenix.EMPTY))
            self._heartbeat.sent(ref, now_s)
        return turn == "missed"

    @property
    def awaits_heartbeat(self) -> bool:
        """A heartbeat was sent and is not answered."""
        return self._heartbeat.is_awaited

    def heartbeat_missed(self, now_s: float) -> None:
        """Nobody answered: the socket is closed, and given up a little later."""
        self._heartbeat.given_up()
        self._clean = False
        reason = "heartbeat timeout"
        if self._library.closing_looks_s:
            self._tear_down(Then.SCHEDULE, now_s, CLOSE_NORMAL, reason)
        elif self._wire is not None:
            self._close(self._wire, CLOSE_NORMAL, reason)
            self._effects.wake_at("patience", now_s + self._library.closing_patience_s)

    def patience_over(self, now_s: float) -> None:
        """A while after a missed heartbeat."""
        if not self.is_open:
            self._schedule(now_s)

    def reconnect(self, now_s: float) -> None:
        """Try again, unless the tab is hidden."""
        self._tries += 1
        if not self._library.watches_page:
            self._effects.wake_at("reconnect_now", now_s + self._library.reconnect_extra_s)
        elif self._visible:
            self._tear_down(Then.RECONNECT, now_s)
        else:
            self._tear_down(Then.NOTHING, now_s)

    def look(self, number: int, now_s: float) -> bool:
        """Is the socket that was closed gone? Says whether a try that never opened was given up."""
        teardown = self._teardowns[number]
        waits_s = self._library.closing_looks_s
        wire = teardown.wire
        if wire.ready is not Ready.CLOSED and teardown.looks < len(waits_s):
            self._effects.wake_at(f"closing:{number}", now_s + waits_s[teardown.looks])
            teardown.looks += 1
            return False
        del self._teardowns[number]
        failed = not (wire.was_open or wire.end_is_recorded)
        self._record_end(wire, ABNORMAL, "given up", now_s)
        if self._wire is wire:
            self._wires.pop(wire.number, None)
            self._wire = None
            if self._state in _AT_WORK:
                self._move(SocketEvent.LOST)
        self._go_on(teardown.then, now_s)
        return failed

    def empty_for_long(self, now_s: float) -> None:
        """No channel for a while."""
        self._disconnect(now_s)

    def worker_failed(self, now_s: float) -> None:
        """The worker's ``error`` event: the page's policy forbids it."""
        user = self._effects.user
        self._effects.sink.event(Finding(t_s=now_s, user=user, what="worker_refused"))
        self._heartbeat.end_worker()
        if self._library.worker_ends_with_socket:
            self._disconnect(now_s)

    # -- inside ---------------------------------------------------------------------------

    def _connect_and_ask(self, now_s: float) -> None:
        """realtime-js's own connect: it does nothing beside a socket, and asks for the token."""
        if self._wire is None or self._wire.ready is Ready.CLOSED:
            self._effects.token_is_wanted = self._library.asks_for_token
            self._connect_unless_held(now_s)

    def _connect_unless_held(self, now_s: float) -> None:
        """An earlier socket that is still being hung up does not count as one: it gets company."""
        if self._wire is None or self._disconnecting:
            if self._state in (Socket.CONNECTING, Socket.OPEN):
                self._move(SocketEvent.GIVE_UP)
            self.connect(now_s)

    def _disconnect(self, now_s: float) -> None:
        """``disconnect`` of realtime-js, which takes a socket that is closing for its own doing."""
        is_closing = self._wire is not None and self._wire.ready is Ready.CLOSING
        if not (is_closing and self._library.closing_looks_s):
            self._hang_up(Then.CLIENT_DISCONNECTED, now_s)

    def _hang_up(self, then: Then, now_s: float) -> None:
        self._move(SocketEvent.DISCONNECT)
        self._clock += 1
        self._disconnecting = self._clean = True
        self._tries = 0
        self._effects.cancel("reconnect")
        if self._wire is not None and not self._library.closing_looks_s:
            self._close(self._wire, None, "")
            self._wires.pop(self._wire.number, None)
            self._effects.cancel("heartbeat")
            self._heartbeat.end_worker()
            self._wire = None
        else:
            self._tear_down(then, now_s)

    def _tear_down(
        self, then: Then, now_s: float, code: int | None = None, reason: str = ""
    ) -> None:
        """Close the socket, wait until it is closed or patience is over, and go on."""
        if self._wire is None:
            self._go_on(then, now_s)
            return
        self._close(self._wire, code, reason)
        self._teardowns_begun += 1
        self._teardowns[self._teardowns_begun] = Teardown(self._wire, then)
        self.look(self._teardowns_begun, now_s)

    def _close(self, wire: Wire, code: int | None, reason: str) -> None:
        if wire.ready not in (Ready.CONNECTING, Ready.OPEN):
            return
        wire.ready = Ready.CLOSING
        if self._state in (Socket.CONNECTING, Socket.OPEN):
            self._move(SocketEvent.GIVE_UP)
        self._effects.commands.append(CloseSocket(wire.number, code, reason))

    def _go_on(self, then: Then, now_s: float) -> None:
        match then:
            case Then.CONNECT:
                self._connect_unless_held(now_s)
            case Then.RECONNECT if self._effects.token_is_awaited:
                self._waits_for_token = True
            case Then.RECONNECT:  # realtime-js and phoenix-js each connect
                self._connect_and_ask(now_s)
                self._connect_unless_held(now_s)
            case Then.SCHEDULE:
                self._schedule(now_s)
            case Then.DISCONNECTED:
                self._disconnecting = False
            case Then.CLIENT_DISCONNECTED:
                self._disconnecting = False
                self._heartbeat.end_worker()
            case Then.NOTHING if self._state is Socket.WAITING:
                self._move(SocketEvent.PARK)

    def _schedule(self, now_s: float) -> None:
        self._effects.wake_at("reconnect", now_s + self.backoff_s(self._tries + 1))

    def _record_end(self, wire: Wire, code: int, reason: str, now_s: float) -> None:
        if wire.end_is_recorded:
            return
        wire.end_is_recorded = True
        self._effects.sink.event(
            SocketClosed(
                t_s=now_s,
                user=self._effects.user,
                attempt=wire.number,
                was_open=wire.was_open,
                code=code,
                reason=reason,
            )
        )

    def _move(self, event: SocketEvent) -> None:
        self._state = after(SOCKET_TABLE, self._state, event)
