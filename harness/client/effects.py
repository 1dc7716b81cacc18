"""Where the parts of a session leave what they want done: commands, wake-ups, records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf

from harness.client.commands import AbortRequest, Command, Host, StartRequest
from harness.client.throttling import NO_TIMER, Throttling, run_at_s
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
    throttling: Throttling | None = None
    """How the page's timers run while it is hidden; ``None``: as if it were visible."""
    _hidden_since_s: float | None = None
    _running: int = 0
    """The nesting level of the timer whose callback runs; 0 outside of any."""
    _nesting: dict[str, int] = field(default_factory=dict)
    """Of each timer that was set within the callback of another."""
    _requests: int = 0
    token_is_wanted: bool = False
    """The Realtime library asks for the user's token; whoever has it answers and clears this."""
    token_is_awaited: bool = False
    """It asked, and a renewal is under way."""

    def wake_at(
        self, timer: str, at_s: float, *, afresh: bool = False, of_page: bool = True
    ) -> None:
        """Set (or move) a named timer. ``afresh``: as if an event had set it, whoever does.

        Not ``of_page``: an event that comes from elsewhere, whether the page is hidden or not.
        """
        if not of_page:
            self._nesting[timer] = NO_TIMER
        elif self._running and not afresh:
            self._nesting[timer] = self._running + 1
        elif self._nesting:
            self._nesting.pop(timer, None)
        if at_s < self._wakes.pop(timer, inf):
            self.sooner = True
        self._wakes[timer] = at_s  # at the end: of timers due at once, the first set runs first

    def cancel(self, timer: str) -> None:
        self._wakes.pop(timer, None)
        self._nesting.pop(timer, None)

    def hidden(self, now_s: float) -> None:
        """The page goes to the background: timers run later than they are due."""
        if self.throttling is not None and self._hidden_since_s is None:
            self._hidden_since_s = now_s

    def shown(self) -> None:
        """The page is in front again: timers run when they are due, those overdue at once."""
        self.sooner = self.sooner or self._hidden_since_s is not None
        self._hidden_since_s = None

    @property
    def next_wake_s(self) -> float:
        """When the first timer runs; infinity where none is set."""
        if self._hidden_since_s is None:
            return min(self._wakes.values(), default=inf)
        return min(map(self._runs_at_s, self._wakes), default=inf)

    def pop_due(self, now_s: float) -> str | None:
        """Remove and return the first timer that runs now. Call it until there is none: running
        one may cancel or move the next, and what it sets counts as set by it."""
        runs: Iterable[str] = self._wakes
        if self._hidden_since_s is not None:
            runs = [timer for timer in runs if self._runs_at_s(timer) <= now_s]
        timer = min(runs, key=self._wakes.__getitem__, default=None)
        if timer is None or self._wakes[timer] > now_s:
            self._running = 0
            return None
        del self._wakes[timer]
        self._running = self._nesting.pop(timer, 1)
        return timer

    def _runs_at_s(self, timer: str) -> float:
        due_s = self._wakes[timer]
        if self.throttling is None:
            return due_s
        return run_at_s(
            due_s,
            nesting=self._nesting.get(timer, 1),
            hidden_since_s=self._hidden_since_s,
            rules=self.throttling,
        )

    def request(
        self, method: str, path: str, body: bytes | None = None, *, to: Host = "api"
    ) -> int:
        """Start an HTTP request and return its number."""
        self._requests += 1
        self.commands.append(StartRequest(self._requests, method, path, body, to))
        return self._requests

    def abort(self, request: int) -> None:
        self.commands.append(AbortRequest(request))
