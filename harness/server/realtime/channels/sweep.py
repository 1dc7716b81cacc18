"""The sweep of sockets that lost their last channel and joined no other. Pure.

The genuine server kills such a socket at its next round, every 10 minutes, without a Close
frame. A socket that never joined anything is not among them: only the idle time ends it.
"""

from __future__ import annotations

from harness.server.realtime.effects import Drop, Effect


class Sweep:
    """Which connections the next round ends."""

    def __init__(self) -> None:
        self._unused: dict[int, None] = {}
        self._next_s = 0.0

    @property
    def next_s(self) -> float | None:
        """When the next round is due; ``None`` where it would find nothing."""
        return self._next_s if self._unused else None

    def unused(self, connection: int, now_s: float, every_s: float) -> None:
        """A connection has lost its last channel. Rounds are at multiples of ``every_s``."""
        if not self._unused:
            self.plan(now_s, every_s)
        self._unused[connection] = None

    def plan(self, now_s: float, every_s: float) -> None:
        """Let the next round be at the next multiple of ``every_s``, which is above 0."""
        self._next_s = (now_s // every_s + 1) * every_s

    def in_use(self, connection: int) -> None:
        """It has a channel again, or is gone itself."""
        self._unused.pop(connection, None)

    def sweep(self, now_s: float) -> list[Effect]:
        """Hold the round, if it is due."""
        if not self._unused or now_s < self._next_s:
            return []
        unused, self._unused = self._unused, {}
        return [Drop(connection) for connection in unused]
