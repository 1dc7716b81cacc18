"""The Realtime side of the page: a connection, the room's channel on it, and what they report.

Reads the frames, gives each to the part that it concerns, and tells the rest of the page what
it must know: rows, and :class:`Signal`.
"""

from __future__ import annotations

from enum import Enum, auto
from functools import lru_cache

import msgspec

from harness.client.connection import Connection
from harness.client.effects import Effects
from harness.client.heartbeat import Worker
from harness.client.library import CURRENT, Library
from harness.client.policy import Policy
from harness.client.subscription import Subscription
from harness.records import Finding
from harness.seeds import Draws
from harness.wire import phoenix
from harness.wire.changes import ChangeData, ChangePayload
from harness.wire.phoenix import Frame, FrameError, Vsn
from harness.wire.unreadable import UNREADABLE


class Signal(Enum):
    """What the rest of the page hears from here."""

    ATTEMPT_FAILED = auto()
    """A socket attempt failed before it opened (F1 counts these)."""
    OPENED = auto()
    LIVE = auto()
    """``system ok``: rows flow."""
    NOT_LIVE = auto()
    """Rows no longer flow; raised once for each time they did."""


_decode_change = msgspec.json.Decoder(ChangePayload).decode
_BAD_FRAME: tuple[type[Exception], ...] = (FrameError, *UNREADABLE)


@lru_cache(maxsize=512)
def read_frame(data: str | bytes, vsn: Vsn) -> tuple[Frame, ChangeData | None]:
    """Read a frame, and the change in it where it carries one.

    A room's users get the same bytes, so a process decodes them once and its users share the
    (frozen) row. Raises one of ``_BAD_FRAME``; errors are not kept.
    """
    frame = phoenix.decode(data, vsn)
    if frame.event == "postgres_changes":
        return frame, _decode_change(frame.payload).data
    return frame, None


class Realtime:
    """The page's connection and channel. Methods return the :class:`Signal` they caused, if any."""

    __slots__ = ("_connection", "_effects", "_library", "_subscription", "_vsn")

    def __init__(
        self,
        webinar: int,
        policy: Policy,
        effects: Effects,
        *,
        api_key: str,
        token: str,
        rng: Draws,
        vsn: Vsn = "2.0.0",
        library: Library = CURRENT,
        worker_refused: bool = False,
    ) -> None:
        """``worker_refused``: what the browser does to a worker of the page's."""
        worker: Worker = "refused" if worker_refused else "works"
        self._effects = effects
        self._library = library
        self._vsn = vsn
        self._connection = Connection(
            effects,
            api_key=api_key,
            vsn=vsn,
            rng=rng,
            jitter=policy.reconnect_jitter,
            library=library,
            worker=worker if policy.heartbeat_worker else "none",
        )
        self._subscription = Subscription(
            webinar, policy, effects, self._connection, token, library=library
        )

    @property
    def is_live(self) -> bool:
        """Rows flow, as far as the page knows."""
        return self._subscription.channel.is_live

    # -- what the page does ---------------------------------------------------------------

    def connect(self, now_s: float) -> None:
        """The page opens: subscribe to the room."""
        self._effects.token_is_wanted = self._library.asks_for_token
        self._connection.connect(now_s)
        self._subscription.subscribe(now_s)

    def disconnect(self) -> None:
        """R2: leave the channel, then close the socket for good."""
        self._subscription.close()
        self._connection.disconnect()

    def unsubscribe(self, now_s: float) -> None:
        """The app leaves the room and stays on the page (``removeChannel``)."""
        self._subscription.unsubscribe(now_s)
        self._connection.left_empty(now_s)

    def hidden(self) -> None:
        """The tab is hidden: a socket that is lost is not tried again (H10)."""
        self._connection.hidden()

    def shown(self, now_s: float) -> None:
        self._connection.shown(now_s)

    def page_hidden(self, now_s: float) -> None:
        """``pagehide``: the page goes into the back/forward cache."""
        self._connection.page_hidden(now_s)

    def page_shown(self, now_s: float) -> None:
        """``pageshow``: it comes back."""
        self._connection.page_shown(now_s)

    def set_token(self, token: str, now_s: float) -> None:
        """R1: the session's token was renewed."""
        self._subscription.set_token(token, now_s)

    def token_came(self, now_s: float) -> None:
        """What the library asked for is answered; what waited for that goes on."""
        self._connection.token_came(now_s)

    # -- what the network does ------------------------------------------------------------

    def socket_opened(self, socket: int, now_s: float) -> Signal | None:
        if not self._connection.opened(socket, now_s):
            return None
        self._subscription.channel.socket_opened(now_s)
        return Signal.OPENED

    def socket_closed(self, socket: int, code: int, reason: str, now_s: float) -> Signal | None:
        ended = self._connection.closed(socket, code, reason, now_s)
        if ended is None:
            return None
        was_live = self.is_live
        channel = self._subscription.channel
        if ended.failed:
            channel.socket_failed(now_s)
        if ended.close_is_heard:
            channel.lost("socket lost", now_s)
            self._connection.close_heard(now_s)
        if ended.failed:
            return Signal.ATTEMPT_FAILED
        return Signal.NOT_LIVE if was_live and not self.is_live else None

    def frame_received(
        self, socket: int, data: str | bytes, now_s: float
    ) -> ChangeData | Signal | None:
        """One text frame; returns the change it carried, or the signal it caused."""
        if not self._connection.hears(socket):
            return None
        channel = self._subscription.channel
        try:
            frame, change = read_frame(data, self._vsn)
            if frame.topic != channel.topic:
                if frame.event == "phx_reply":
                    self._connection.answered(frame.ref, now_s)
            elif channel.is_own(frame):
                if change is None:
                    return self._told(frame, now_s)
                return change if channel.is_joined else None
        except _BAD_FRAME as error:
            self._found("unreadable_frame", str(error), now_s)
        return None

    def wake(self, timer: str, now_s: float) -> Signal | None:
        """A timer of this part is due."""
        kind, _, number = timer.partition(":")
        match kind:
            case "heartbeat" | "worker":
                if self._connection.heartbeat(now_s):
                    return self._heartbeat_missed(now_s)
            case "worker_failed":
                self._connection.worker_failed(now_s)
            case "heartbeat_timeout":
                if self._connection.awaits_heartbeat:
                    return self._heartbeat_missed(now_s)
            case "closing":
                failed = self._connection.look(int(number), now_s)
                return Signal.ATTEMPT_FAILED if failed else None
            case "patience":
                self._connection.patience_over(now_s)
            case "reconnect":
                self._connection.reconnect(now_s)
            case "reconnect_now":
                self._connection.subscribed(now_s)
            case "empty":
                self._connection.empty_for_long(now_s)
            case "join" | "rejoin" | "recreate":
                # A channel that ended may take the topic from its successor.
                was_live = self.is_live
                self._subscription.wake(kind, number, now_s)
                return Signal.NOT_LIVE if was_live and not self.is_live else None
        return None

    def _heartbeat_missed(self, now_s: float) -> Signal | None:
        was_live = self.is_live
        if self._library.closing_looks_s:  # older versions wait for the socket's own end
            self._subscription.channel.lost("heartbeat timeout", now_s)
        self._connection.heartbeat_missed(now_s)
        return Signal.NOT_LIVE if was_live and not self.is_live else None

    def _told(self, frame: Frame, now_s: float) -> Signal | None:
        """A frame of the channel without a row: did rows begin or stop to flow?"""
        was_live = self.is_live
        if self._subscription.channel.received(frame, now_s):
            self._subscription.went_live()
            return Signal.LIVE
        return Signal.NOT_LIVE if was_live and not self.is_live else None

    def _found(self, what: str, detail: str, now_s: float) -> None:
        self._effects.sink.event(
            Finding(t_s=now_s, user=self._effects.user, what=what, detail=detail[:500])
        )
