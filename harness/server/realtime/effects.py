"""What the pure part of Realtime wants done, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from harness.commitlog import Subscription
from harness.wire.phoenix import Frame, Vsn


class Peer(NamedTuple):
    """One accepted connection."""

    connection: int
    """Its number, never used twice in a process."""
    vsn: Vsn
    """The serializer it speaks."""


class Send(NamedTuple):
    """Send one frame to one connection."""

    peer: Peer
    frame: Frame


class Publish(NamedTuple):
    """Send one frame to many connections of one serializer: to be encoded once."""

    vsn: Vsn
    frame: Frame
    connections: tuple[int, ...]


class PublishBinary(NamedTuple):
    """Send the same binary message to many connections, all of serializer 2.0.0."""

    data: bytes
    connections: tuple[int, ...]


class Close(NamedTuple):
    """End a connection with a Close frame, after what was sent before."""

    connection: int
    code: int


class Drop(NamedTuple):
    """Cut a connection off without a Close frame: its client sees 1006."""

    connection: int


class Note(NamedTuple):
    """Write one line into the log of subscriptions."""

    subscription: Subscription


Effect = Send | Publish | PublishBinary | Close | Drop | Note


@dataclass(frozen=True)
class Reaction:
    """What one frame from a client leads to."""

    effects: tuple[Effect, ...] = ()
    at_once: tuple[Effect, ...] = ()
    """What others notice before the stall."""
    stall_s: float = 0.0
    """Before the effects the whole socket stands still for this long: nothing is read from it
    and nothing else is sent to it, as in the genuine server, where one process serves a socket
    and sleeps while it refuses a join."""
    then: Callable[[float], tuple[Effect, ...]] | None = None
    """What happens at the end of the stall, given the moment: its effects go before all others."""
    dropped: str = ""
    """Why the frame was dropped unanswered; empty where it was not."""
