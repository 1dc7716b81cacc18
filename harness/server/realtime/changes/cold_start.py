"""Whether the change stream runs: hosted Realtime gives it up without subscribers. Pure."""

from __future__ import annotations

from harness.server.switches import Switches


class ChangeStream:
    """Starts with the first subscription and is given up long after the last."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._ready_s: float | None = None
        self._unused_since_s: float | None = None

    def wanted(self, now_s: float) -> float:
        """Somebody wants to subscribe: from when on that is possible."""
        knobs = self._switches.knobs
        unused_s = 0.0 if self._unused_since_s is None else now_s - self._unused_since_s
        if self._ready_s is None or unused_s >= knobs.cdc_stop_after_s:
            self._ready_s = now_s + knobs.cold_start_s
            self._unused_since_s = self._ready_s
        return max(now_s, self._ready_s)

    def used(self, now_s: float, *, by_anybody: bool) -> None:
        """A subscription began or ended; ``by_anybody``: there are any now."""
        self._unused_since_s = None if by_anybody else now_s
