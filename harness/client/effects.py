"""Where the parts of a session leave what they want done: commands, wake-ups, records."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from harness.client.commands import AbortRequest, Command, StartRequest
from harness.records import Sink


@dataclass(slots=True)
class Effects:
    """One for each session, shared by its parts."""

    user: int
    sink: Sink
    commands: list[Command] = field(default_factory=list)
    _wakes: dict[str, float] = field(default_factory=dict)
    sooner: bool = False
    """A timer was set, or moved to an earlier time, since this was last cleared."""
    _requests: int = 0

    def wake_at(self, timer: str, at_s: float) -> None:
        """Set (or move) a named timer."""
        if at_s < self._wakes.pop(timer, inf):
            self.sooner = True
        self._wakes[timer] = at_s  # at the end: of timers due at once, the first set runs first

    def cancel(self, timer: str) -> None:
        self._wakes.pop(timer, None)

    @property
    def next_wake_s(self) -> float:
        """When the earliest timer is due; infinity where none is set."""
        return min(self._wakes.values(), default=inf)

    def pop_due(self, now_s: float) -> str | None:
        """Remove and return the earliest timer that is due. One at a time: running it may
        cancel or move the next."""
        timer = min(self._wakes, key=self._wakes.__getitem__, default=None)
        if timer is None or self._wakes[timer] > now_s:
            return None
        del self._wakes[timer]
        return timer

    def request(self, method: str, path: str, body: bytes | None = None) -> int:
        """Start an HTTP request and return its number."""
        self._requests += 1
        self.commands.append(StartRequest(self._requests, method, path, body))
        return self._requests

    def abort(self, request: int) -> None:
        self.commands.append(AbortRequest(request))
