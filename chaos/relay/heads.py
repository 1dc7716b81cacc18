"""The first request on a connection, as far as the relay must know it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_HEAD_BYTES = 64 * 1024
"""A longer head is passed on unread."""

_END = b"\r\n\r\n"
_HOP_BY_HOP = (b"upgrade", b"connection")


@dataclass(frozen=True)
class Opening:
    """What a client said first."""

    content: bytes
    """All that it has sent so far, the head of its request included."""
    head_bytes: int = 0
    """Length of the head with its empty line; 0 where it is no HTTP."""
    upgrade: bool = False
    """It asks for a WebSocket (RFC 6455, section 4.1)."""

    def stripped(self) -> bytes:
        """``content`` as a proxy passes it on that knows no upgrade: without the two headers that
        are for the next hop only (RFC 9110, section 7.6.1), and else byte for byte."""
        head, rest = self.content[: self.head_bytes], self.content[self.head_bytes :]
        lines = head.split(b"\r\n")
        return b"\r\n".join(line for line in lines if _name(line) not in _HOP_BY_HOP) + rest


def read_opening(content: bytes) -> Opening | None:
    """What the bytes so far are; ``None`` while the head of a request is not complete."""
    if not content[:1].isalpha():
        return Opening(content)
    end = content.find(_END)
    if end < 0:
        return Opening(content) if len(content) > LONGEST_HEAD_BYTES else None
    head = content[:end].lower().split(b"\r\n")
    upgrade = any(_name(line) == b"upgrade" and b"websocket" in line for line in head[1:])
    return Opening(content, head_bytes=end + len(_END), upgrade=upgrade)


def _name(line: bytes) -> bytes:
    """Of a header line; of a request line, something that is no header's name."""
    return line.partition(b":")[0].lower()
