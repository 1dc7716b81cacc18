"""What clients' bytes say as WebSocket frames (RFC 6455, section 5), and frames to send. Pure."""

from __future__ import annotations

from typing import NamedTuple

from websockets.exceptions import ProtocolError
from websockets.frames import Close, Frame, Opcode
from websockets.utils import apply_mask as slow_apply_mask

try:
    from websockets.speedups import apply_mask
except ImportError:  # no compiled wheel on this machine
    apply_mask = slow_apply_mask

_OPCODES = frozenset(Opcode)
_CONTROL = 0x8
_FINAL = _MASKED = 0x80
_NO_BYTES = bytearray()
"""Stands for "nothing"; shared by all sockets, so never changed."""


class Text(NamedTuple):
    """A whole text message."""

    text: str


class Binary(NamedTuple):
    """A whole binary message."""

    data: bytes


class Ping(NamedTuple):
    """To be answered by a pong with the same bytes."""

    data: bytes


class Closed(NamedTuple):
    """The client says goodbye; nothing after it counts."""

    data: bytes
    """Code and reason, to be echoed."""


class Broken(NamedTuple):
    """The client broke a rule; nothing after it counts."""

    code: int
    """What the Close frame is to say: 1002, 1007 or 1009."""
    reason: str


Arrival = Text | Binary | Ping | Closed | Broken


class FrameReader:
    """Feed it a client's bytes as they come; it never fails and keeps at most one message."""

    __slots__ = ("_begun", "_ended", "_message", "_rest")

    def __init__(self) -> None:
        self._rest = _NO_BYTES
        """The begin of a frame that is not all there."""
        self._begun = Opcode.CONT
        """The kind of the fragmented message under way; ``CONT``: there is none."""
        self._message = _NO_BYTES
        """What is there of it."""
        self._ended = False

    def feed(self, data: bytes, max_bytes: int) -> list[Arrival]:
        """What these bytes complete, in order. No message may be longer than ``max_bytes``."""
        if self._ended:
            return []
        unread: bytes | bytearray = data
        if self._rest:
            self._rest += data
            unread = self._rest
        arrivals: list[Arrival] = []
        at = 0
        try:
            while (read := _frame(unread, at, max_bytes - len(self._message))) is not None:
                first, content, at = read
                arrival = self._take(first, content)
                if arrival is not None:
                    arrivals.append(arrival)
                if isinstance(arrival, Closed):
                    self._ended = True
                    break
        except _BrokenRule as rule:
            arrivals.append(Broken(rule.code, str(rule)))
            self._ended = True
        if self._ended:
            self._rest = self._message = _NO_BYTES
        elif at == len(unread):
            self._rest = _NO_BYTES
        elif at or unread is data:
            # Otherwise what was kept has just grown, and copying it again would cost its length.
            self._rest = bytearray(unread[at:])
        return arrivals

    def _take(self, first: int, content: bytes) -> Arrival | None:
        """The meaning of one whole frame; ``None`` where it has none yet."""
        final, opcode = bool(first & _FINAL), Opcode(first & 0x0F)
        match opcode:
            case Opcode.PING:
                return Ping(content)
            case Opcode.PONG:
                return None
            case Opcode.CLOSE:
                return _closed(content)
            case Opcode.CONT if self._begun == Opcode.CONT:
                raise _BrokenRule(1002, "continuation of nothing")
            case Opcode.CONT:
                self._message += content
            case _ if self._begun != Opcode.CONT:
                raise _BrokenRule(1002, "a message inside a message")
            case _ if final:
                return _message(opcode, content)
            case _:
                self._begun, self._message = opcode, bytearray(content)
        if not final:
            return None
        opcode, whole = self._begun, bytes(self._message)
        self._begun, self._message = Opcode.CONT, _NO_BYTES
        return _message(opcode, whole)


class _BrokenRule(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def _frame(data: bytes | bytearray, at: int, most_bytes: int) -> tuple[int, bytes, int] | None:
    """The first byte and the content of the frame at ``at`` and where it ends, if all is there."""
    if len(data) - at < 2:
        return None
    first, second = data[at], data[at + 1]
    if first & 0x70:
        raise _BrokenRule(1002, "reserved bits must be 0")
    if first & 0x0F not in _OPCODES:
        raise _BrokenRule(1002, "unknown opcode")
    if not second & _MASKED:
        raise _BrokenRule(1002, "frames of a client must be masked")
    length, begin = second & 0x7F, at + 2
    control = first & _CONTROL
    if control and (length > 125 or not first & _FINAL):
        raise _BrokenRule(1002, "control frames must be short and whole")
    if length >= 126:
        width = 2 if length == 126 else 8
        if len(data) - begin < width:
            return None
        length = int.from_bytes(data[begin : begin + width], "big")
        begin += width
    if length > most_bytes and not control:
        raise _BrokenRule(1009, "message too long")
    end = begin + 4 + length
    if end > len(data):
        return None
    return first, apply_mask(data[begin + 4 : end], data[begin : begin + 4]), end


def _message(opcode: Opcode, content: bytes) -> Text | Binary:
    if opcode == Opcode.BINARY:
        return Binary(content)
    try:
        return Text(content.decode())
    except UnicodeDecodeError:
        raise _BrokenRule(1007, "text is not UTF-8") from None


def _closed(content: bytes) -> Closed:
    try:
        Close.parse(content)
    except ProtocolError as error:
        raise _BrokenRule(1002, str(error)) from None
    except UnicodeDecodeError:
        raise _BrokenRule(1007, "the reason is not UTF-8") from None
    return Closed(content)


def text_frame(content: bytes) -> bytes:
    """One text message of a server."""
    return Frame(Opcode.TEXT, content).serialize(mask=False)


def binary_frame(content: bytes) -> bytes:
    """One binary message of a server."""
    return Frame(Opcode.BINARY, content).serialize(mask=False)


def pong_frame(content: bytes) -> bytes:
    """The answer to a ping."""
    return Frame(Opcode.PONG, content).serialize(mask=False)


def close_frame(content: bytes) -> bytes:
    """The last frame; ``content`` is the code in two bytes and a reason, or empty."""
    return Frame(Opcode.CLOSE, content).serialize(mask=False)
