"""Binary frames of serializer 2.0.0: broadcasts of realtime-js. Pure.

Every size is one byte, so no header field may be longer than :data:`MAX_FIELD_BYTES`; names are
UTF-8. Source: docs/realtime.md, "Binary frames".
"""

from __future__ import annotations

import msgspec

from harness.wire.phoenix import FrameError
from harness.wire.unreadable import UNREADABLE

MAX_FIELD_BYTES = 255

_PUSH, _BROADCAST, _USER_BROADCAST_PUSH, _USER_BROADCAST = 0, 2, 3, 4
_JSON = 1
"""How a payload is marked that is JSON; 0 marks plain bytes."""


class BinaryPush(msgspec.Struct, frozen=True):
    """Kind 0, client to server: an event whose payload is bytes."""

    join_ref: str
    ref: str
    topic: str
    event: str
    data: bytes


class UserBroadcastPush(msgspec.Struct, frozen=True, kw_only=True):
    """Kind 3, client to server: how realtime-js sends every broadcast."""

    join_ref: str
    ref: str
    topic: str
    event: str
    """The app's own name of it, such as ``typing``."""
    is_json: bool
    metadata: bytes = b""
    """JSON, or nothing."""
    payload: bytes


class UserBroadcast(msgspec.Struct, frozen=True, kw_only=True):
    """Kind 4, server to client: the same on its way to a receiver."""

    topic: str
    event: str
    is_json: bool
    metadata: bytes = b""
    payload: bytes


class BinaryBroadcast(msgspec.Struct, frozen=True):
    """Kind 2, server to client: what a kind 0 push of the event ``broadcast`` becomes."""

    topic: str
    event: str
    data: bytes


def decode_from_client(data: bytes) -> BinaryPush | UserBroadcastPush:
    """Read a binary frame of a client. Raises :class:`FrameError`, and nothing else."""
    match data[:1]:
        case b"\x00":
            (join_ref, ref, topic, event), rest = _fields(data, sizes_at=1, count=4)
            return BinaryPush(_text(join_ref), _text(ref), _text(topic), _text(event), rest)
        case b"\x03":
            fields, payload = _fields(data, sizes_at=1, count=5, flags=1)
            join_ref, ref, topic, event, metadata = fields
            return UserBroadcastPush(
                join_ref=_text(join_ref),
                ref=_text(ref),
                topic=_text(topic),
                event=_text(event),
                is_json=data[6] != 0,
                metadata=_metadata(metadata),
                payload=payload,
            )
        case kind:
            raise FrameError(f"binary frame of a kind that no client sends: {kind.hex() or 'none'}")


def encode_from_client(push: BinaryPush | UserBroadcastPush) -> bytes:
    """Write a binary frame as a client does. Raises :class:`FrameError` for a field too long."""
    names = [push.join_ref, push.ref, push.topic, push.event]
    fields = [name.encode() for name in names]
    if isinstance(push, BinaryPush):
        return _frame(_PUSH, fields, b"", push.data)
    fields.append(push.metadata)
    return _frame(_USER_BROADCAST_PUSH, fields, _encoding(push.is_json), push.payload)


def decode_from_server(data: bytes) -> UserBroadcast | BinaryBroadcast:
    """Read a binary frame of the server. Raises :class:`FrameError`, and nothing else."""
    match data[:1]:
        case b"\x02":
            (topic, event), rest = _fields(data, sizes_at=1, count=2)
            return BinaryBroadcast(_text(topic), _text(event), rest)
        case b"\x04":
            (topic, event, metadata), payload = _fields(data, sizes_at=1, count=3, flags=1)
            return UserBroadcast(
                topic=_text(topic),
                event=_text(event),
                is_json=data[4] != 0,
                metadata=_metadata(metadata),
                payload=payload,
            )
        case kind:
            raise FrameError(f"binary frame of an unknown kind: {kind.hex() or 'none'}")


def encode_from_server(broadcast: UserBroadcast | BinaryBroadcast) -> bytes:
    """Write a binary frame as the server does. Raises :class:`FrameError` for a field too long."""
    fields = [broadcast.topic.encode(), broadcast.event.encode()]
    if isinstance(broadcast, BinaryBroadcast):
        return _frame(_BROADCAST, fields, b"", broadcast.data)
    fields.append(broadcast.metadata)
    return _frame(_USER_BROADCAST, fields, _encoding(broadcast.is_json), broadcast.payload)


def _encoding(is_json: bool) -> bytes:
    return bytes([_JSON if is_json else 0])


def _frame(kind: int, fields: list[bytes], flags: bytes, rest: bytes) -> bytes:
    for field in fields:
        if len(field) > MAX_FIELD_BYTES:
            raise FrameError(
                f"a binary frame's names must be at most {MAX_FIELD_BYTES} bytes each:"
                f" {field[:20]!r}… has {len(field)}"
            )
    sizes = bytes(len(field) for field in fields)
    return b"".join([bytes([kind]), sizes, flags, *fields, rest])


def _fields(data: bytes, *, sizes_at: int, count: int, flags: int = 0) -> tuple[list[bytes], bytes]:
    """Cut a frame into its header fields and what follows them."""
    at = sizes_at + count + flags
    sizes = data[sizes_at : sizes_at + count]
    if len(data) < at + sum(sizes):
        raise FrameError("binary frame shorter than its header says")
    fields = []
    for size in sizes:
        fields.append(data[at : at + size])
        at += size
    return fields, data[at:]


def _text(field: bytes) -> str:
    try:
        return field.decode()
    except UnicodeDecodeError as error:
        raise FrameError(f"binary frame: {error}") from None


def _metadata(field: bytes) -> bytes:
    try:
        if field:
            msgspec.json.decode(field)
    except UNREADABLE as error:
        raise FrameError(f"binary frame, metadata: {error}") from None
    return field
