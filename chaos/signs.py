"""What a page notices of each act that a fault has its browser do, as records. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from harness.records import (
    CLOSED_BY_EXTENSION,
    REFUSED_BY_EXTENSION,
    Event,
    OnlineChanged,
    RequestRepeated,
    SocketClosed,
    VisibilityChanged,
)
from harness.runsettings import ActKind, Text


@dataclass(frozen=True, kw_only=True)
class Sign:
    """What the page notices of an act."""

    shows: Callable[[Event], bool]
    is_due: bool
    """At once, on every page that is open and runs; else only where the page happens to try."""
    needs_socket: bool = False
    """It is due only where a WebSocket is open."""
    words: Text


def is_hidden(event: Event) -> bool:
    return isinstance(event, VisibilityChanged) and not event.visible


def is_offline(event: Event) -> bool:
    return isinstance(event, OnlineChanged) and not event.online


def is_refused(event: Event) -> bool:
    return isinstance(event, SocketClosed) and event.reason == REFUSED_BY_EXTENSION


def is_cut(event: Event) -> bool:
    return isinstance(event, SocketClosed) and event.reason == CLOSED_BY_EXTENSION


def is_repeated(event: Event) -> bool:
    """A message; reads are repeated for other reasons."""
    return isinstance(event, RequestRepeated) and event.client_msg_id != ""


SIGNS: Mapping[ActKind, Sign] = MappingProxyType(
    {
        "hide": Sign(shows=is_hidden, is_due=True, words=Text("pages hidden", "숨겨진 페이지")),
        "close_lid": Sign(
            shows=is_offline, is_due=True, words=Text("laptops asleep", "절전에 들어간 노트북")
        ),
        "go_offline": Sign(
            shows=is_offline, is_due=True, words=Text("pages offline", "오프라인이 된 페이지")
        ),
        "block_sockets": Sign(
            shows=is_refused, is_due=False, words=Text("sockets refused", "거부된 소켓")
        ),
        "cut_sockets": Sign(
            shows=is_cut, is_due=True, needs_socket=True, words=Text("sockets closed", "닫힌 소켓")
        ),
        "break_posts": Sign(
            shows=is_repeated, is_due=False, words=Text("messages sent twice", "두 번 나간 메시지")
        ),
    }
)
"""Acts that begin something; how the person comes back needs no sign."""
