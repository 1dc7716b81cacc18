"""One broadcast on its way, and what it looks like in each serializer. Pure."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from harness.wire import binary
from harness.wire.phoenix import Frame, FrameError, Vsn, payload
from harness.wire.unreadable import UNREADABLE


class Relayed(NamedTuple):
    """Came as a text frame: its payload goes on as it is."""

    payload: msgspec.Raw


class UserEvent(NamedTuple):
    """Came as realtime-js sends it: the app's event beside the app's payload."""

    event: str
    is_json: bool
    payload: bytes


class PlainBytes(NamedTuple):
    """Came as a binary push of no particular form."""

    data: bytes


Broadcast = Relayed | UserEvent | PlainBytes


def in_serializer(broadcast: Broadcast, topic: str, vsn: Vsn) -> Frame | bytes | None:
    """The text frame or binary message of a serializer; ``None`` where it has no form there.

    1.0.0 has no binary messages: bytes do not reach its clients, JSON comes as a text frame.
    """
    match broadcast:
        case Relayed(content):
            return Frame(None, None, topic, "broadcast", content)
        case UserEvent(event, is_json, data):
            if vsn == "2.0.0":
                user = binary.UserBroadcast(topic=topic, event=event, is_json=is_json, payload=data)
                return _encoded(user)
            return _as_json(topic, event, data) if is_json else None
        case PlainBytes(data):
            if vsn == "1.0.0":
                return None
            return _encoded(binary.BinaryBroadcast(topic, "broadcast", data))


def _encoded(message: binary.UserBroadcast | binary.BinaryBroadcast) -> bytes | None:
    try:
        return binary.encode_from_server(message)
    except FrameError:
        return None  # a name too long for a binary frame; the genuine server crashes over it


def _as_json(topic: str, event: str, data: bytes) -> Frame | None:
    # Nobody has looked at these bytes yet, and what is no JSON would break the whole frame.
    try:
        msgspec.json.decode(data)
    except UNREADABLE:
        return None
    content = {"event": event, "payload": msgspec.Raw(data), "type": "broadcast"}
    return Frame(None, None, topic, "broadcast", payload(content))
