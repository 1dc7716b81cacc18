"""What a story is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

Kind = Literal[
    "page", "person", "send", "row", "poll", "socket", "channel", "token", "fallback", "finding",
    "fault", "run", "other",
]  # fmt: skip
Tone = Literal["plain", "good", "bad", "warning", "quiet", "fault"]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a story."""

    at_s: float
    """Seconds after the load begins."""
    kind: Kind
    text: str
    tone: Tone = "plain"
    focus: bool = False
    """It is about the message that was asked for."""


@dataclass(frozen=True)
class Quiet:
    """Told as ``line``, or in one line with neighbours of its sort where there are many."""

    line: Line
    what: Literal["row", "again", "late", "poll", "missing"]
    rows: int = 1
    delay_s: float | None = None
    """Commit to screen, of a row."""
    by: str = ""
    """On which way a row came, in words."""


Piece = Line | Quiet


def line_of(piece: Piece) -> Line:
    """The piece told alone."""
    return piece if isinstance(piece, Line) else piece.line
