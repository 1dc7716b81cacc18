"""How long a WebSocket may take, live, be silent and close: a browser's limits and a proxy's.

Two timers of the loop at most, none for an open WebSocket without limits; no greenlet sleeps.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from harness.client.browser import Browser

GiveUp = Callable[[str], None]
"""Is told why."""


class Patience:
    """The limits of one WebSocket. Say how it fares; ``give_up`` is called at a limit."""

    __slots__ = ("_browser", "_give_up", "_idle", "_loop", "_stage")

    def __init__(self, loop: Any, browser: Browser, give_up: GiveUp) -> None:
        self._loop = loop
        self._browser = browser
        self._give_up = give_up
        self._stage: Any = None
        self._idle: Any = None

    def connecting(self) -> None:
        """The handshake begins."""
        self._within(self._browser.handshake_timeout_s, "the handshake took too long")

    def opened(self) -> None:
        """It may last so long, and be silent so long."""
        self._within(self._browser.socket_lasts_s, "cut by the browser")
        if self._browser.socket_idle_s < inf:
            idle_s = self._browser.socket_idle_s
            self._idle = self._loop.timer(idle_s, idle_s)
            self.stirred()

    def stirred(self) -> None:
        """Something was read or written."""
        if self._idle is not None:
            self._idle.again(self._give_up, "cut by a proxy: idle")

    def unreachable(self) -> None:
        """Nothing gets through, a proxy's cut neither."""
        if self._idle is not None:
            self._idle.stop()

    def closing(self) -> None:
        """The Close frame is on its way; the peer is to answer it."""
        self._within(self._browser.closing_timeout_s, "the closing handshake took too long")

    def over(self) -> None:
        """It is gone."""
        _release(self._stage)
        _release(self._idle)
        self._stage = self._idle = None

    def _within(self, seconds: float, why: str) -> None:
        _release(self._stage)
        self._stage = None
        if seconds < inf:
            self._stage = self._loop.timer(seconds)
            # From now, and not from when the loop last looked at the clock.
            self._stage.start(self._give_up, why, update=True)


def _release(timer: Any) -> None:
    if timer is not None:
        timer.stop()
        timer.close()
