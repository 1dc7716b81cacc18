"""Phoenix channel frames in serializers 1.0.0 (objects) and 2.0.0 (arrays).

The payload stays raw JSON (:class:`msgspec.Raw`) so that a frame nobody reads costs no
objects; decode it with the type its event calls for. Source: docs/realtime.md, "Frames".
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from harness.wire.unreadable import UNREADABLE

Vsn = Literal["1.0.0", "2.0.0"]

EMPTY = msgspec.Raw(b"{}")


class FrameError(ValueError):
    """The peer sent text that is no Phoenix frame."""


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """``[join_ref, ref, topic, event, payload]``: the field order is the 2.0.0 array.

    Further items are ignored, as Realtime does.
    """

    join_ref: str | None
    ref: str | None
    topic: str
    event: str
    payload: msgspec.Raw


class _FrameV1(msgspec.Struct, frozen=True):
    topic: str
    event: str
    payload: msgspec.Raw
    ref: str | None
    """Must be there, if only as ``null``: Realtime and the Python client drop a frame without."""
    join_ref: str | None = None


class _ServerFrameV1(msgspec.Struct, frozen=True):
    """What a server emits under 1.0.0: ``ref`` always there, ``join_ref`` never."""

    topic: str
    event: str
    payload: msgspec.Raw
    ref: str | None


_decode_v2 = msgspec.json.Decoder(Frame).decode
_decode_v1 = msgspec.json.Decoder(_FrameV1).decode
_encode = msgspec.json.Encoder().encode


def decode(text: str | bytes, vsn: Vsn) -> Frame:
    """Read one text frame. Raises :class:`FrameError` for anything else than a frame."""
    try:
        if vsn == "2.0.0":
            return _decode_v2(text)
        old = _decode_v1(text)
    except UNREADABLE as error:
        raise FrameError(str(error)) from None
    return Frame(old.join_ref, old.ref, old.topic, old.event, old.payload)


def encode(frame: Frame, vsn: Vsn) -> bytes:
    """Write one frame as a client sends it (1.0.0 with ``join_ref``)."""
    if vsn == "2.0.0":
        return _encode(frame)
    return _encode(_FrameV1(frame.topic, frame.event, frame.payload, frame.ref, frame.join_ref))


def encode_from_server(frame: Frame, vsn: Vsn) -> bytes:
    """Write one frame as the server sends it (1.0.0 without ``join_ref``)."""
    if vsn == "2.0.0":
        return _encode(frame)
    return _encode(_ServerFrameV1(frame.topic, frame.event, frame.payload, frame.ref))


def payload(value: Any) -> msgspec.Raw:
    """Encode a payload value for a :class:`Frame`."""
    return msgspec.Raw(_encode(value))
