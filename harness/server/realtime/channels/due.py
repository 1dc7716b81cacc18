"""What channels have to do later, in order of time. Pure."""

from __future__ import annotations

import heapq
from typing import Literal, NamedTuple

What = Literal["subscribed", "resubscribed", "confirm"]
"""``confirm``: look whether the token still holds."""
_WHATS: tuple[What, ...] = ("subscribed", "resubscribed", "confirm")
_MOST_IDLE = 64
"""So many entries that hold no more may lie about, or as many as there are others."""


class Due(NamedTuple):
    """One thing to do."""

    at_s: float
    order: int
    """Counts all of them; what is due at one moment is done in the order of planning."""
    channel: int
    """The number of the join that planned it."""
    key: tuple[int, str]
    what: What


class DueTimes:
    """A queue of things to do: of each kind at most one for a channel.

    What is planned anew or forgotten stays in the heap without effect until it comes up, or
    until such entries outnumber the others: then all of them are dropped.
    """

    def __init__(self) -> None:
        self._heap: list[Due] = []
        self._holding: dict[tuple[int, What], int] = {}
        """The order of the one that holds, by channel and kind."""
        self._count = 0

    @property
    def next_s(self) -> float | None:
        """When :meth:`take` has something; ``None`` if never."""
        return self._heap[0].at_s if self._heap else None

    def plan(self, at_s: float, channel: int, key: tuple[int, str], what: What) -> None:
        """Plan one thing, instead of that of its kind which the channel had planned."""
        self._count += 1
        self._holding[channel, what] = self._count
        heapq.heappush(self._heap, Due(at_s, self._count, channel, key, what))
        self._tidy()

    def forget(self, channel: int) -> None:
        """A channel has ended, and all that it had planned."""
        for what in _WHATS:
            self._holding.pop((channel, what), None)
        self._tidy()

    def hasten(self, what: What, latest_s: float) -> None:
        """Let everything of a kind be due at ``latest_s``, unless it is before."""
        self._heap = [
            due._replace(at_s=min(due.at_s, latest_s)) if due.what == what else due
            for due in self._heap
        ]
        heapq.heapify(self._heap)
        self._tidy()

    def take(self, now_s: float) -> Due | None:
        """The next thing that is due by now, once."""
        if not self._heap or self._heap[0].at_s > now_s:
            return None
        due = heapq.heappop(self._heap)
        del self._holding[due.channel, due.what]
        self._tidy()
        return due

    def _tidy(self) -> None:
        """See that the first entry holds, and that not too many others hold no more."""
        if len(self._heap) > 2 * len(self._holding) + _MOST_IDLE:
            self._heap = [due for due in self._heap if self._holds(due)]
            heapq.heapify(self._heap)
        while self._heap and not self._holds(self._heap[0]):
            heapq.heappop(self._heap)

    def _holds(self, due: Due) -> bool:
        return self._holding.get((due.channel, due.what)) == due.order
