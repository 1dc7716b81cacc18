"""The wake-ups of all users of a process; those of one moment are one callback of the loop.

A browser wakes hidden pages at aligned moments (:mod:`harness.client.throttling`), so many users
are due at exactly the same time. No greenlet sleeps for any of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.clock import Clock

Wake = Callable[[], None]


class TimerWheel:
    """Calls back at moments on a clock. Called from the hub or any greenlet; calls from the hub."""

    __slots__ = ("_clock", "_loop", "_moments", "_turning", "turns")

    def __init__(self, loop: Any, clock: Clock) -> None:
        self.turns = 0
        """How often the loop has called back."""
        self._loop = loop
        self._clock = clock
        self._moments: dict[float, tuple[Any, dict[Wake, None]]] = {}
        """The loop's timer of each moment, and whom it wakes, in order."""
        self._turning: tuple[float, dict[Wake, None]] | None = None
        """The moment that is now, and who is not woken yet."""

    @property
    def moments(self) -> int:
        """How many timers the loop has from here."""
        return len(self._moments)

    def call_at(self, at_s: float, wake: Wake) -> None:
        """Call ``wake`` once at ``at_s``, or as soon as may be where that has passed."""
        moment = self._moments.get(at_s)
        if moment is None:
            timer = self._loop.timer(max(0.0, at_s - self._clock()))
            moment = self._moments[at_s] = (timer, {})
            timer.start(self._turn, at_s)
        moment[1][wake] = None

    def cancel(self, at_s: float, wake: Wake) -> None:
        """Forget a call; nothing happens where it was made already, or never asked for."""
        if self._turning is not None and self._turning[0] == at_s:
            self._turning[1].pop(wake, None)
        moment = self._moments.get(at_s)
        if moment is None:
            return
        timer, wakes = moment
        wakes.pop(wake, None)
        if not wakes:
            del self._moments[at_s]
            _release(timer)

    def _turn(self, at_s: float) -> None:
        self.turns += 1
        timer, wakes = self._moments.pop(at_s)
        _release(timer)
        self._turning = (at_s, wakes)
        try:
            while wakes:  # one may cancel another
                wake = next(iter(wakes))
                del wakes[wake]
                wake()
        finally:
            self._turning = None


def _release(timer: Any) -> None:
    timer.stop()
    timer.close()
