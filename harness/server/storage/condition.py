"""Whether the database serves, as whoever used it last found it."""

from __future__ import annotations

import logging

from harness.clock import Clock
from harness.server.sparing_log import SparingLog

_log = logging.getLogger(__name__)


class Condition:
    """Known to all that use one database, from any thread; the log is told when it changes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sparing = SparingLog()
        self.trouble: str | None = None
        """Why the database cannot serve, in one line; ``None`` where it does."""

    def lost(self, why: str) -> None:
        """It could not serve just now."""
        was_well, self.trouble = self.trouble is None, why
        if was_well:
            self._say(f"the storage is unavailable: {why}")

    def well(self) -> None:
        """It served just now."""
        if self.trouble is not None:
            self.trouble = None
            self._say("the storage is back")

    def _say(self, text: str) -> None:
        line = self._sparing.line(text, self._clock())
        if line is not None:
            _log.error(line)
