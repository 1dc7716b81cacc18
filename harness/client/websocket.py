"""A browser's WebSocket objects as realtime-js holds, closes and lets go of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple


class Ready(Enum):
    """``WebSocket.readyState``."""

    CONNECTING = auto()
    OPEN = auto()
    CLOSING = auto()
    CLOSED = auto()


@dataclass(slots=True, eq=False)
class Wire:
    """One WebSocket object."""

    number: int
    ready: Ready = Ready.CONNECTING
    was_open: bool = False
    close_is_heard: bool = True
    """Its ``close`` has a listener. An older socket's end takes it away from the present one."""
    end_is_recorded: bool = False


class Then(Enum):
    """What follows when a socket is let go."""

    NOTHING = auto()
    CONNECT = auto()
    RECONNECT = auto()
    """As the reconnect timer does it: both layers of the library connect."""
    SCHEDULE = auto()
    """Set the reconnect timer."""
    DISCONNECTED = auto()
    CLIENT_DISCONNECTED = auto()
    """By ``disconnect`` of realtime-js, not of phoenix-js alone: the worker ends too."""


@dataclass(slots=True, eq=False)
class Teardown:
    """A socket that the library closed and looks at until it is closed."""

    wire: Wire
    then: Then
    looks: int = 0


class Ended(NamedTuple):
    """What the end of a socket is to the library's channels."""

    failed: bool
    """It never was open: browsers fire ``error`` before ``close``."""
    close_is_heard: bool
    """Its ``close`` has a listener."""
