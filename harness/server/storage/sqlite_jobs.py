"""What the SQLite writer is asked for, and the inserts whose commit waits for its time (H1)."""

from __future__ import annotations

import heapq
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from harness.server.storage.model import Draft, Stored
from harness.wire.changes import MessageRow


@dataclass(frozen=True)
class Insert:
    draft: Draft
    hold_s: float = 0.0
    row_id: int | None = None
    """The id that was reserved for it; ``None``: the next one."""
    done: Future[Stored] = field(default_factory=Future)


@dataclass(frozen=True)
class Update:
    row_id: int
    body: str | None
    hidden: bool | None
    done: Future[MessageRow | None] = field(default_factory=Future)


@dataclass(frozen=True)
class Delete:
    row_id: int
    done: Future[MessageRow | None] = field(default_factory=Future)


@dataclass(frozen=True)
class Reserve:
    """Give an id away whose row may come later, or never."""

    done: Future[int] = field(default_factory=Future)


@dataclass(frozen=True)
class SetUnique:
    on: bool
    done: Future[None] = field(default_factory=Future)


@dataclass(frozen=True)
class Flush:
    """Write down the commit times that are still only in memory."""

    done: Future[None] = field(default_factory=Future)


class Hurry:
    """Hold nothing any more."""


class Stop:
    """The last thing in the writer's queue."""


Write = Insert | Update | Delete | Reserve
Job = Write | SetUnique | Flush | Hurry | Stop


class Holds:
    """Inserts with an id of their own that are to be committed later."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Insert]] = []

    def __bool__(self) -> bool:
        return bool(self._heap)

    def add(self, insert: Insert, row_id: int, due_s: float) -> None:
        """Keep an insert until ``due_s``; ``row_id`` is reserved for it."""
        heapq.heappush(self._heap, (due_s, row_id, replace(insert, row_id=row_id)))

    def wait_s(self, now_s: float) -> float | None:
        """How long until the first is due, 0 at least; ``None`` where none is held."""
        return max(0.0, self._heap[0][0] - now_s) if self._heap else None

    def take(self, now_s: float) -> list[Insert]:
        """Those that are due, in their order; they are kept no longer."""
        due = []
        while self._heap and self._heap[0][0] <= now_s:
            due.append(heapq.heappop(self._heap)[2])
        return due
