"""What the users' records say of them, in the order of time: pages, sockets, acts of faults. Pure.

Times are host-monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.records import (
    Event,
    OnlineChanged,
    PageClosed,
    PageOpened,
    PersonActed,
    RequestRepeated,
    RigSample,
    SocketClosed,
    SocketOpened,
    VisibilityChanged,
)
from harness.runsettings import ActKind

EDGE_S = 0.1
"""An act may be so far from its planned moment, beside what its process itself lagged."""
_SAMPLED_S = 2.0
"""A process samples its lag about once a second; the sample of a moment comes within this."""

_STOPS: dict[ActKind, bool] = {
    **dict.fromkeys(("close_lid", "freeze", "navigate_away", "discard"), True),
    **dict.fromkeys(("open_lid", "show", "navigate_back", "arrive", "come_back"), False),
}
"""Acts after which the page hears of nothing, or does again."""
_CUTS_OFF: dict[ActKind, bool] = {
    **_STOPS,
    "go_offline": True,
    "go_online": False,
    "switch_network": True,  # its old socket stays dead
}
"""Likewise, of what its server sends."""


@dataclass
class Socket:
    """One WebSocket that was open."""

    opened_s: float
    closed_s: float = float("inf")


@dataclass
class User:
    """What the record has of one user, each by time."""

    user_id: str = ""
    cohort: str = ""
    room: int = 0
    sockets: list[Socket] = field(default_factory=list)
    traces: list[Event] = field(default_factory=list)
    """What their page noticed."""
    acted: dict[str, list[PersonActed]] = field(default_factory=dict)
    """By fault; their own by the empty name."""
    _pages: list[tuple[float, bool]] = field(default_factory=list)
    _stops: list[tuple[float, bool]] = field(default_factory=list)
    _cuts: list[tuple[float, bool]] = field(default_factory=list)
    _open: dict[int, Socket] = field(default_factory=dict)
    """By attempt."""

    def take(self, event: Event) -> None:
        match event:
            case PageOpened():
                self.user_id, self.cohort, self.room = event.user_id, event.cohort, event.room
                self._pages.append((event.t_s, True))
            case PageClosed():
                self._pages.append((event.t_s, False))
                for socket in self._open.values():
                    socket.closed_s = event.t_s
                self._open.clear()
            case SocketOpened():
                self._open[event.attempt] = Socket(event.t_s)
                self.sockets.append(self._open[event.attempt])
            case PersonActed():
                self.acted.setdefault(event.fault, []).append(event)
                if event.act in _STOPS:
                    self._stops.append((event.t_s, _STOPS[event.act]))
                if event.act in _CUTS_OFF:
                    self._cuts.append((event.t_s, _CUTS_OFF[event.act]))
            case SocketClosed():
                self.traces.append(event)
                if event.attempt in self._open:
                    self._open.pop(event.attempt).closed_s = event.t_s
            case VisibilityChanged() | OnlineChanged() | RequestRepeated():
                self.traces.append(event)

    def has_page(self, at_s: float) -> bool:
        """One is open just before, and runs."""
        return _is_on(self._pages, at_s) and not _is_on(self._stops, at_s)

    def has_socket(self, at_s: float) -> bool:
        """A WebSocket is open just before, on a page that runs."""
        there = any(socket.opened_s < at_s <= socket.closed_s for socket in self.sockets)
        return there and self.has_page(at_s)

    def is_cut_off(self, begin_s: float, end_s: float) -> bool:
        """At any time between, the page could not hear its server for reasons of its own."""
        switched = any(on and begin_s <= t_s <= end_s for t_s, on in self._cuts)
        return switched or _is_on(self._cuts, begin_s)


@dataclass(frozen=True)
class UserRecords:
    """The records of all users."""

    users: Mapping[int, User]
    _lags: Sequence[tuple[float, float]]

    def tolerance_s(self, at_s: float) -> float:
        """How far an act may be from this planned moment of its."""
        lags = [lag_s for t_s, lag_s in self._lags if at_s - EDGE_S <= t_s <= at_s + _SAMPLED_S]
        return EDGE_S + max(lags, default=0.0)


def user_records(events: Iterable[Event]) -> UserRecords:
    """Sort the ``events`` of all processes that carried users; they may come in any order."""
    users: dict[int, User] = {}
    lags: list[tuple[float, float]] = []
    for event in sorted(events, key=lambda event: event.t_s):
        if isinstance(event, RigSample):
            lags.append((event.t_s, event.loop_lag_s))
        elif (user := getattr(event, "user", None)) is not None:
            users.setdefault(user, User()).take(event)
    return UserRecords(users, lags)


def _is_on(switches: Sequence[tuple[float, bool]], at_s: float) -> bool:
    """Just before ``at_s``."""
    return next((on for t_s, on in reversed(switches) if t_s < at_s), False)
