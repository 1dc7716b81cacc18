"""What channels have to do later, in order of time. Pure."""

from __future__ import annotations

import heapq
from typing import Literal, NamedTuple

What = Literal["subscribed", "resubscribed", "confirm"]
"""``confirm``: look whether the token still holds."""


class Due(NamedTuple):
    """One thing to do."""

    at_s: float
    order: int
    """Counts all of them; what is due at one moment is done in the order of planning."""
    channel: int
    """The number of the join that planned it; a later join of the topic ignores it."""
    key: tuple[int, str]
    what: What


class DueTimes:
    """A queue of things to do."""

    def __init__(self) -> None:
        self._due: list[Due] = []
        self._count = 0

    @property
    def next_s(self) -> float | None:
        """When :meth:`take` has something; ``None`` if never."""
        return self._due[0].at_s if self._due else None

    def plan(self, at_s: float, channel: int, key: tuple[int, str], what: What) -> int:
        """Plan one thing; returns its ``order``."""
        self._count += 1
        heapq.heappush(self._due, Due(at_s, self._count, channel, key, what))
        return self._count

    def take(self, now_s: float) -> Due | None:
        """The next thing that is due by now, once."""
        if self._due and self._due[0].at_s <= now_s:
            return heapq.heappop(self._due)
        return None
