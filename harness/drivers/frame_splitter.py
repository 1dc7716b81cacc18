"""Cuts small whole text frames out of a server's bytes, and leaves all else to the protocol.

Nearly every frame of a chat is one unmasked, unfragmented text frame of less than 64 KiB
(RFC 6455, 5.2). Reading those here costs a slice; handing them to websockets' parser costs
several generators and objects for each. Everything else (control frames, fragments, large or
broken frames) is passed on untouched and in order, so the protocol keeps judging it.
"""

from __future__ import annotations

_WHOLE_TEXT = 0x81
"""FIN, no reserved bits, opcode text."""
_LENGTH_16, _MASKED = 126, 0x80
_OPCODES = frozenset((0, 1, 2, 8, 9, 10))
_ALL = 2**64
"""More bytes than come: nothing is cut any more."""


class FrameSplitter:
    """Feed it what the socket gave once the handshake is over; it never fails.

    A piece is ``(True, payload)`` for a text message, or ``(False, bytes)`` for the protocol:
    a whole frame or the next part of one.
    """

    __slots__ = ("_fragmented", "_passing", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        """The begin of a frame whose kind is not known yet, or of a small text frame."""
        self._passing = 0
        """Bytes of the frame under way that are the protocol's."""
        self._fragmented = False
        """A fragmented message is under way: a text frame in it is the protocol's to refuse."""

    def feed(self, data: bytes) -> list[tuple[bool, bytes]]:
        """The pieces in these bytes, in order."""
        if self._rest:
            data = self._rest + data
        pieces: list[tuple[bool, bytes]] = []
        at, size = 0, len(data)
        while at < size:
            if self._passing:
                end = min(size, at + self._passing)
                self._passing -= end - at
                pieces.append((False, data[at:end]))
                at = end
                continue
            extent = _extent(data, at, size)
            if extent is None:
                break
            begin, end = extent
            if data[at] == _WHOLE_TEXT and data[at + 1] <= _LENGTH_16 and not self._fragmented:
                if end > size:
                    break
                pieces.append((True, data[begin:end]))
                at = end
            else:
                self._note(data[at])
                self._passing = end - at
        self._rest = data[at:]
        return pieces

    def _note(self, first: int) -> None:
        """Follow fragmentation by a frame's first byte; control frames may come in between."""
        final, opcode = first & 0x80, first & 0x0F
        if opcode in (1, 2) and not final:
            self._fragmented = True
        elif opcode == 0 and final:
            self._fragmented = False


def _extent(data: bytes, at: int, size: int) -> tuple[int, int] | None:
    """Where a frame's payload begins and ends; ``None`` while its length is not all there.

    A frame that the protocol refuses at its second byte has no end.
    """
    if size - at < 2:
        return None
    length, begin = data[at + 1], at + 2
    if length & _MASKED or data[at] & 0x0F not in _OPCODES:
        return begin, _ALL
    if length >= _LENGTH_16:
        width = 2 if length == _LENGTH_16 else 8
        if size - begin < width:
            return None
        length = int.from_bytes(data[begin : begin + width], "big")
        begin += width
    return begin, begin + length
