"""How many presence messages a channel may send: so many in a window that it opens. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Window(NamedTuple):
    """A window that a message opened."""

    until_s: float
    calls: int


def take(window: Window | None, now_s: float, *, calls: int, window_s: float) -> Window | None:
    """Count one message; returns the window after it, ``None`` where it is one too many."""
    if window is None or now_s > window.until_s:
        return Window(now_s + window_s, 1)
    if window.calls >= calls:
        return None
    return Window(window.until_s, window.calls + 1)
