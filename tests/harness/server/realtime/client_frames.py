"""Frames as clients send them, or nearly."""

from __future__ import annotations

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


def frame(
    content: bytes,
    opcode: int = TEXT,
    *,
    final: bool = True,
    reserved: int = 0,
    masked: bool = True,
    mask: bytes = b"\x11\x22\x33\x44",
    length: int | None = None,
) -> bytes:
    """One frame of a client, or what looks like one. ``length`` is what its head says."""
    length = len(content) if length is None else length
    bit = 0x80 if masked else 0
    head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
    if length < 126:
        head += bytes([bit | length])
    elif length < 65_536:
        head += bytes([bit | 126]) + length.to_bytes(2, "big")
    else:
        head += bytes([bit | 127]) + length.to_bytes(8, "big")
    if not masked:
        return head + content
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(content))
