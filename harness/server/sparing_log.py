"""Log lines that a flood of one kind of trouble cannot fill a disk with. Pure: time is given."""

from __future__ import annotations

_LONGEST = 300


class SparingLog:
    """Lets so many lines through in a window, and counts the others."""

    def __init__(self, lines: int = 20, window_s: float = 60.0) -> None:
        self._lines = lines
        self._window_s = window_s
        self._until_s = float("-inf")
        self._written = 0
        self._left_out = 0

    def line(self, text: str, now_s: float) -> str | None:
        """What to write for ``text`` now, at most one line of bounded length; or ``None``."""
        if now_s >= self._until_s:
            self._until_s, self._written = now_s + self._window_s, 0
        if self._written >= self._lines:
            self._left_out += 1
            return None
        self._written += 1
        left_out, self._left_out = self._left_out, 0
        short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
        one_line = short.replace("\n", "\\n")
        return f"{one_line} ({left_out} such lines were left out before)" if left_out else one_line
